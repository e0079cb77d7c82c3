"""Conferences of the town: who is in one, and whom it ends for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field


@dataclass
class Seat:
    """A leg's place in a conference. `company` once there was somebody else, `out` when it has ended for this leg."""

    sid: str
    ends: bool
    company: asyncio.Event = field(default_factory=asyncio.Event)
    out: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class Room:
    """A conference while somebody is in it."""

    name: str
    sid: str
    seats: dict[str, Seat] = field(default_factory=dict)

    def enter(self, seat: Seat) -> None:
        self.seats[seat.sid] = seat
        if len(self.seats) > 1:
            for each in self.seats.values():
                each.company.set()

    def leave(self, seat: Seat) -> None:
        """Somebody goes; if their going ends the conference, everybody does."""
        if self.seats.get(seat.sid) is not seat:
            return
        del self.seats[seat.sid]
        if seat.ends:
            self.end()

    def end(self) -> None:
        for each in self.seats.values():
            each.out.set()
        self.seats.clear()
