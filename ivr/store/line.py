"""The line as people look at it: a page in order of promise, and figures by queue. Nothing here names a caller."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Boolean, bindparam, case, func, or_, select, tuple_

from ivr.core.line import Ticket
from ivr.core.rules import Value
from ivr.store.database import Database
from ivr.store.notation import instant, micros, read_ticket
from ivr.store.tables import Id, Instant, calls, offers, tickets, word

Place = tuple[bool, int, int, str]
"""Where a ticket stands, as core Ticket.order has it: calm, promised and arrived in microseconds, id."""

FIRST: Place = (False, -(2**62), -(2**62), "")


@dataclass(frozen=True, slots=True)
class Seen:
    """A ticket, and what is known of its call as facts; `news` are types of the order system's events."""

    ticket: Ticket
    facts: Mapping[str, Value]
    open_offers: int
    news: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """A queue of a site: how many wait on hold, for a callback and as messages, and since when the first does."""

    site: str
    queue: str
    holding: int
    callbacks: int
    messages: int
    late: int  # their promise has passed
    oldest_at: datetime


class _Call(msgspec.Struct):
    """What is read of a call here: its facts, and what happened to its person's orders since."""

    facts: dict[str, Value]
    news: dict[str, str] = {}


_read_call = msgspec.json.Decoder(_Call).decode
_ORDER = (tickets.c.calm, tickets.c.promised_at, tickets.c.arrived_at, tickets.c.id)
_PLACE = (
    bindparam("calm", type_=Boolean),
    bindparam("promised_at", type_=Instant),
    bindparam("arrived_at", type_=Instant),
    bindparam("id", type_=Id),
)
_IN_LINE = (tickets.c.state == word("waiting"), tickets.c.site == bindparam("site"))
_OPEN = (
    select(func.count())
    .where(
        offers.c.ticket_id == tickets.c.id,
        offers.c.call_id == tickets.c.call_id,
        offers.c.state == word("open"),
    )
    .scalar_subquery()
)
_SEEN = select(tickets.c.body, calls.c.state, _OPEN).join_from(tickets, calls, calls.c.id == tickets.c.call_id)
_PAGE = _SEEN.where(*_IN_LINE, tuple_(*_ORDER) > tuple_(*_PLACE)).order_by(*_ORDER).limit(bindparam("limit"))
_ONE = _SEEN.where(tickets.c.id == bindparam("ticket"))
_AHEAD = (
    select(tickets.c.queue, func.count())
    .where(*_IN_LINE, tickets.c.kind != word("voicemail"), tuple_(*_ORDER) <= tuple_(*_PLACE))
    .group_by(tickets.c.queue)
)
_EMERGENCIES = select(tickets.c.body).where(*_IN_LINE, tickets.c.calm.is_(False)).order_by(*_ORDER)


def _of_kind(kind: str) -> Any:
    return func.sum(case((tickets.c.kind == word(kind), 1), else_=0))


_FIGURES = (
    select(
        tickets.c.queue,
        *(_of_kind(kind) for kind in ("hold", "callback", "voicemail")),
        func.sum(case((tickets.c.promised_at < bindparam("now"), 1), else_=0)),
        func.min(tickets.c.arrived_at),
    )
    .where(*_IN_LINE)
    .group_by(tickets.c.queue)
    .order_by(tickets.c.queue)
)
_STANDING_OFFERS = (
    select(offers.c.call_id, offers.c.id, offers.c.ticket_id, offers.c.leg, offers.c.state)
    .where(offers.c.agent_id == bindparam("agent"))
    .where(or_(offers.c.state == word("open"), offers.c.state == word("accepted")))
)


@dataclass(frozen=True, slots=True)
class Held:
    """What holds an agent: an offer that rings, or one they took."""

    call: str
    offer: str
    ticket: str
    leg: str
    state: str


class Line:
    """Reads what desks show; a line of ten thousand costs a page."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, site: str, limit: int, after: Place = FIRST) -> list[Seen]:
        """Return so many waiting tickets of a site behind a place, in the order they are served."""
        return [_seen(*row) for row in self._database.rows(_PAGE, site=site, limit=limit, **_at(after))]

    def ahead(self, site: str, place: Place) -> Counter[str]:
        """Return how many people wait up to a place, by queue; messages are nobody's wait."""
        if place == FIRST:
            return Counter()
        return Counter({queue: int(count) for queue, count in self._database.rows(_AHEAD, site=site, **_at(place))})

    def figures(self, site: str, now: datetime) -> list[QueueFigures]:
        """Return the figures of each queue of a site in which anybody waits."""
        return [
            QueueFigures(site, queue, int(hold), int(callback), int(message), int(late), instant(oldest))
            for queue, hold, callback, message, late, oldest in self._database.rows(
                _FIGURES, site=site, now=micros(now)
            )
        ]

    def ticket(self, ticket: str) -> Seen | None:
        """Return one ticket, whatever its state; None when nobody made it."""
        row = self._database.row(_ONE, ticket=ticket)
        return None if row is None else _seen(*row)

    def emergencies(self, site: str) -> list[Ticket]:
        """Return the emergencies that wait at a site."""
        return [read_ticket(body) for (body,) in self._database.rows(_EMERGENCIES, site=site)]

    def holds(self, agent: str) -> Held | None:
        """Return what holds an agent at this moment; None when nothing does."""
        row = self._database.row(_STANDING_OFFERS, agent=agent)
        return None if row is None else Held(*row)


def place_of(ticket: Ticket) -> Place:
    """Return where a ticket stands."""
    return (not ticket.emergency, micros(ticket.promised_at), micros(ticket.arrived_at), ticket.id)


def _at(place: Place) -> dict[str, Any]:
    return dict(zip(("calm", "promised_at", "arrived_at", "id"), place, strict=True))


def _seen(ticket: str, call: str, open_offers: int) -> Seen:
    known = _read_call(call)
    return Seen(read_ticket(ticket), known.facts, int(open_offers), tuple(known.news.values()))
