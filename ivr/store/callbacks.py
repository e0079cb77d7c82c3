"""What callbacks ask of the record: whose tickets live, how often a number was rung, and whether it is in use."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import takewhile

from sqlalchemy import bindparam, func, or_, select

from ivr.core.line import Ticket
from ivr.store.database import Database
from ivr.store.notation import micros, read_ticket
from ivr.store.seal import Seal
from ivr.store.tables import calls, legs, offers, tickets, word

BY_NUMBER = "number:"  # how the person of a ticket begins, of whom only the number is known
MOST_PEOPLE = 2  # a person and their number

# Written out, or the index of standing offers does not serve the open ones.
STANDING = offers.c.state.in_([word("open"), word("accepted")])
# Of a call asked about around it. Counted, not asked for by EXISTS: that PostgreSQL may turn round, and look through
# every live leg for the person.
LIVE_LEGS = select(func.count()).where(legs.c.call_id == calls.c.id, legs.c.state == word("live"))

_LIVE = tickets.c.state.not_in([word("closed"), word("moved")])
_OF_PEOPLE = (
    select(tickets.c.body)
    .where(
        _LIVE,
        tickets.c.calm,
        tickets.c.kind.in_([word("hold"), word("callback")]),
        tickets.c.person.in_([bindparam(f"person{place}") for place in range(MOST_PEOPLE)]),
    )
    .order_by(tickets.c.arrived_at)
)
_UNDER_WAY = (
    select(tickets.c.body)
    .where(
        tickets.c.kind == word("callback"),
        tickets.c.state == word("connecting"),
        tickets.c.site == bindparam("site"),
    )
    .order_by(tickets.c.arrived_at)
)
_ONE = select(tickets.c.body).where(tickets.c.id == bindparam("id"))
_DUE_THEN = select(func.count()).where(
    tickets.c.state == word("waiting"),
    tickets.c.kind == word("callback"),
    tickets.c.site == bindparam("site"),
    tickets.c.due_from >= bindparam("opens"),
)
_RUNG = select(func.count()).where(
    legs.c.kind == word("callback"), legs.c.number_key == bindparam("number"), legs.c.created_at >= bindparam("since")
)
_NOT_OVER = (legs.c.kind == word("callback"), legs.c.number_key == bindparam("number"), legs.c.state != word("over"))
_CALLED_BACK = select(func.count()).where(*_NOT_OVER, legs.c.call_id != bindparam("call"))
_there = LIVE_LEGS.where(legs.c.kind == word("caller"))
_offered = select(func.count()).where(offers.c.call_id == calls.c.id, STANDING)
_WITH_US = select(func.count()).where(
    calls.c.caller_key == bindparam("number"),
    calls.c.id != bindparam("call"),
    calls.c.live,
    or_(_there.scalar_subquery() > 0, _offered.scalar_subquery() > 0),
)
_IN_USE = select(_CALLED_BACK.scalar_subquery() + _WITH_US.scalar_subquery())
_ONE_AFTER_THE_OTHER = select(legs.c.token, legs.c.call_id).where(*_NOT_OVER).order_by(legs.c.created_at, legs.c.token)


class Callbacks:
    """Queries about people who are to be called back."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self._database = database
        self._seal = seal

    def key_of(self, number: str | None) -> str:
        """Return what the tickets of a number are kept under; empty for no number."""
        key = self._seal.key_of(number)
        return BY_NUMBER + key if key else ""

    def ticket(self, id: str) -> Ticket | None:
        """Return a ticket by id, closed or not."""
        row = self._database.row(_ONE, id=id)
        return None if row is None else read_ticket(row[0])

    def live_of(self, people: Iterable[str]) -> list[Ticket]:
        """Return the tickets on hold or to be called back of a person and of a number, the oldest first."""
        known = [person for person in people if person][:MOST_PEOPLE]
        if not known:
            return []
        asked = {f"person{place}": known[place % len(known)] for place in range(MOST_PEOPLE)}
        return [read_ticket(body) for (body,) in self._database.rows(_OF_PEOPLE, **asked)]

    def under_way(self, site: str) -> list[Ticket]:
        """Return the callbacks of a site whose person is being rung, or joined with their agent, the oldest first."""
        return [read_ticket(body) for (body,) in self._database.rows(_UNDER_WAY, site=site)]

    def due_at_opening(self, site: str, opens: datetime) -> int:
        """Return how many callbacks of a site wait for that opening or for later."""
        [(count,)] = self._database.rows(_DUE_THEN, site=site, opens=micros(opens))
        return int(count)

    def rung_since(self, number: str, since: datetime) -> int:
        """Return how many callbacks were placed to a number (E.164) since then, for all tickets together."""
        [(count,)] = self._database.rows(_RUNG, number=self._seal.key_of(number), since=micros(since))
        return int(count)

    def in_use(self, number: str, but_for: str) -> bool:
        """Is a number (E.164) on the phone with us, rung by us, or about to be, for another call than this?"""
        [(count,)] = self._database.rows(_IN_USE, number=self._seal.key_of(number), call=but_for)
        return bool(count)

    def others_first(self, number: str, call: str, leg: str) -> bool:
        """Is a number (E.164) called back on a leg of another call that was there before this one?"""
        rows = self._database.rows(_ONE_AFTER_THE_OTHER, number=self._seal.key_of(number))
        return any(other != call for _, other in takewhile(lambda row: row[0] != leg, rows))
