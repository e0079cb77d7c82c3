"""What the record knows of a person besides the call at hand: their earlier calls, and what is open for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import bindparam, select

from ivr.core.line import Ticket
from ivr.core.rules import Value
from ivr.store.database import Database
from ivr.store.notation import instant, micros, read_ticket
from ivr.store.tables import answers, calls, tickets, word

MOST = 20


@dataclass(frozen=True, slots=True)
class EarlierCall:
    """A call of theirs, and what came of it; `outcome` is None while it is not over."""

    arrived_at: datetime
    intent: str | None
    outcome: str | None
    resolution: str | None
    agents: tuple[str, ...]


class _Call(msgspec.Struct):
    """What is read of a call here."""

    facts: dict[str, Value] = {}
    outcome: str | None = None
    resolution: str | None = None
    agents: tuple[str, ...] = ()


_read = msgspec.json.Decoder(_Call).decode
_CALLS = (
    select(calls.c.arrived_at, calls.c.state)
    .where(
        calls.c.person == bindparam("person"),
        calls.c.arrived_at >= bindparam("since"),
        calls.c.id != bindparam("besides"),
    )
    .order_by(calls.c.arrived_at.desc())
    .limit(MOST)
)
_TICKETS = (
    select(tickets.c.body)
    .where(
        tickets.c.person.in_([bindparam("person"), bindparam("number")]),
        tickets.c.person != word(""),
        tickets.c.state != word("closed"),
        tickets.c.state != word("moved"),
        tickets.c.id != bindparam("besides"),
    )
    .order_by(tickets.c.arrived_at)
    .limit(MOST)
)
_LEARNT = select(answers.c.ask, answers.c.at).where(answers.c.call_id == bindparam("call"))


class Earlier:
    """Queries about one person, by the order system's id."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def calls(self, person: str, since: datetime, besides: str) -> list[EarlierCall]:
        """Return the person's calls since then, the newest first, at most 20; `besides` is left out."""
        rows = self._database.rows(_CALLS, person=person, since=micros(since), besides=besides)
        return [_call(instant(at), _read(state)) for at, state in rows]

    def tickets(self, people: tuple[str, str], besides: str) -> list[Ticket]:
        """Return what is open in line, as callbacks and as messages, the oldest first, at most 20.

        `people` are what tickets are kept under for a person and for their number; empty for nobody.
        """
        person, number = people
        rows = self._database.rows(_TICKETS, person=person, number=number, besides=besides)
        return [read_ticket(body) for (body,) in rows]

    def learnt_at(self, call_id: str) -> dict[str, datetime]:
        """Return when each question of a call was answered: ask -> instant."""
        return {ask: instant(at) for ask, at in self._database.rows(_LEARNT, call=call_id)}


def _call(arrived_at: datetime, told: _Call) -> EarlierCall:
    intent = told.facts.get("intent")
    return EarlierCall(arrived_at, None if intent is None else str(intent), told.outcome, told.resolution, told.agents)
