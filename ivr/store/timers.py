"""Timers: what a call is to be told at an instant of the practice clock. A turn sets and clears them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, select

from ivr.store.database import Database
from ivr.store.notation import instant, micros
from ivr.store.tables import timers


@dataclass(frozen=True, slots=True)
class Timer:
    """A timer of a call."""

    call_id: str
    name: str
    due_at: datetime


_DUE = (
    select(timers.c.call_id, timers.c.name, timers.c.due_at)
    .where(timers.c.due_at <= bindparam("now"))
    .order_by(timers.c.due_at)
    .limit(bindparam("limit"))
)
_TAKE = (
    delete(timers)
    .where(
        timers.c.call_id == bindparam("call"),
        timers.c.name == bindparam("timer"),
        timers.c.due_at == bindparam("due"),
    )
    .returning(timers.c.name)
)


class Timers:
    """Timers that have come due."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, now: datetime, limit: int = 100) -> list[Timer]:
        """Return the timers due, the longest due first."""
        rows = self._database.rows(_DUE, now=micros(now), limit=limit)
        return [Timer(call, name, instant(due)) for call, name, due in rows]

    def take(self, timer: Timer) -> bool:
        """Delete a timer; False when it was taken, cleared or set anew meanwhile.

        Whoever takes it owes the call its turn. A turn that does `ClearTimer` itself owes nothing if it dies.
        """
        return bool(self._database.change(_TAKE, call=timer.call_id, timer=timer.name, due=micros(timer.due_at)))
