"""What the desk asks: who is in line, who is free, what is offered."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from ivr.core.line import Agent, Offer, Ticket
from ivr.store.database import Database


@dataclass(frozen=True, slots=True)
class AgentNow:
    """An agent at this moment."""

    id: str
    presence: str
    reason: str
    since: datetime
    ticket: str | None = None  # of the offer they hold, open or accepted


@dataclass(frozen=True, slots=True)
class LineFigures:
    """What rules may ask of a site's line."""

    waiting: int
    longest_wait_seconds: int
    licensed_free: int


class Desk:
    def __init__(self, database: Database) -> None: ...
    def waiting(self, site: str) -> list[Ticket]: ...
    def position(self, ticket: Ticket) -> tuple[int, int]:
        """(1-based position, how many wait) among those waiting in the ticket's site and queue."""
        ...

    def ticket_of(self, person: str) -> Ticket | None:
        """The live ticket of a person."""

    def line_figures(self, site: str, now: datetime, licensed: Collection[str]) -> LineFigures: ...
    def agents(self) -> dict[str, AgentNow]: ...
    def seed_agents(self, staff: Mapping[str, Agent], now: datetime) -> None: ...
    def move_agent(self, agent: str, event: str, reason: str, now: datetime) -> str:
        """Returns the new presence; raises Conflict on a pair the table refuses."""
        ...

    def open_offers(self) -> list[tuple[str, Offer]]:
        """(call id, offer), open ones only, the one that expires first first."""
        ...
