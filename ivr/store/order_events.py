"""What happened at the order system: each event once, however often and in whatever order it came."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, null, or_, select, text, update

from ivr.core.call import Call
from ivr.store.database import Database
from ivr.store.drivers import Row
from ivr.store.notation import instant, micros, read_body, read_call, written
from ivr.store.tables import calls, fresh, order_events


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """An event as it came. `id`, `person` and `prescription` are the order system's and opaque.

    `task` is the work it made there, `refused:` and why where that was refused; None: none so far.
    """

    id: str
    type: str
    at: datetime
    person: str | None
    prescription: str | None
    data: Mapping[str, Any] = field(default_factory=dict)
    task: str | None = None

    @property
    def about(self) -> tuple[str, str]:
        """Of whom, or of what, and which part of it: of events about the same the newest holds."""
        return self.prescription or f"person:{self.person}", self.type.partition(".")[0]

    @property
    def age(self) -> tuple[datetime, str]:
        """Which of two is the later one; never a matter of when they came."""
        return self.at, self.id


_KEEP = (
    fresh(order_events, taken_at=null(), task=null())
    .on_conflict_do_nothing(index_elements=["id"])
    .returning(order_events.c.id)
)
_BARE = [order_events.c[name] for name in ("id", "type", "at", "person", "prescription", "task")]
_COLUMNS = [*_BARE, order_events.c.data]
_NEW = (
    select(*_COLUMNS)
    .where(text("taken_at IS NULL"))
    .order_by(order_events.c.at, order_events.c.id)
    .limit(bindparam("limit"))
)
_TAKEN = update(order_events).where(order_events.c.id == bindparam("event")).values(taken_at=bindparam("now"))
_OF_PRESCRIPTION = (
    select(*_COLUMNS)
    .where(order_events.c.prescription == bindparam("rx"), order_events.c.at >= bindparam("since"))
    .order_by(order_events.c.at, order_events.c.id)
)
_SINCE = (
    select(*_BARE)
    .where(order_events.c.at >= bindparam("since"))
    .order_by(order_events.c.at.desc(), order_events.c.id.desc())
)
_MADE = update(order_events).where(order_events.c.id == bindparam("event")).values(task=bindparam("made"))
_CALLS = select(calls.c.state).where(calls.c.person == bindparam("whose"))
_LIVE_CALLS = _CALLS.where(text("calls.live")).order_by(calls.c.arrived_at)
_CALLS_SINCE = _CALLS.where(or_(calls.c.live, calls.c.arrived_at >= bindparam("since")))


class OrderEvents:
    """The events an order system told of, and the calls of those they are about."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, event: OrderEvent, now: datetime) -> bool:
        """Keep an event; False when it is there already, which changes nothing."""
        row = {
            "id": event.id,
            "type": event.type,
            "at": micros(event.at),
            "person": event.person,
            "prescription": event.prescription,
            "data": written(event.data),
            "received_at": micros(now),
        }
        return bool(self._database.change(_KEEP, **row))

    def new(self, limit: int = 100) -> list[OrderEvent]:
        """Return events no call has been told of yet, the oldest first."""
        return [_event(row) for row in self._database.rows(_NEW, limit=limit)]

    def taken(self, event_id: str, now: datetime) -> None:
        """Every call it is about has been told."""
        self._database.change(_TAKEN, event=event_id, now=micros(now))

    def of_prescription(self, prescription: str, since: datetime) -> list[OrderEvent]:
        """Return what happened to a prescription since then, oldest first, whatever order it came in."""
        rows = self._database.rows(_OF_PRESCRIPTION, rx=prescription, since=micros(since))
        return [_event(row) for row in rows]

    def since(self, at: datetime) -> list[OrderEvent]:
        """Return that something happened since then, the newest first, without what came with it."""
        return [_event((*row, "{}")) for row in self._database.rows(_SINCE, since=micros(at))]

    def made_task(self, event_id: str, task: str) -> None:
        """Note the work an event made at the order system, or why it made none."""
        self._database.change(_MADE, event=event_id, made=task)

    def live_calls(self, person: str) -> list[Call]:
        """Return a person's calls that are not over, or whose ticket still lives; the oldest first."""
        return [read_call(state) for (state,) in self._database.rows(_LIVE_CALLS, whose=person)]

    def calls_since(self, person: str, since: datetime) -> list[Call]:
        """Return a person's live calls, and those that came since then."""
        return [read_call(state) for (state,) in self._database.rows(_CALLS_SINCE, whose=person, since=micros(since))]


def newest(events: Iterable[OrderEvent]) -> list[OrderEvent]:
    """Return the newest of each that are about the same, oldest first: the same whatever order they are given in."""
    holds = {event.about: event for event in sorted(events, key=lambda event: event.age)}
    return sorted(holds.values(), key=lambda event: event.age)


def _event(row: Row) -> OrderEvent:
    id_, type_, at, person, prescription, task, data = row
    return OrderEvent(id_, type_, instant(at), person, prescription, read_body(data), task)
