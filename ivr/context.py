"""What staff need to know when they take a call, asked all at once of the order system and of our own record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from ivr.clock import Clock
from ivr.core.call import Call, Found
from ivr.core.line import Ticket
from ivr.core.rules import UNKNOWN, Value
from ivr.orders.port import NOT_SERVED, Contact, OrderSystem, Prescription, Refused, Unavailable
from ivr.store import EarlierCall, Record, Unreachable

SECONDS = 1.5
"""In which all parts together have to come: an agent looks at the screen when they say hello."""
DAYS = 7
_SAID = 20  # the newest things said
_OVER = ("rx_cancelled", "transferred_out")
_ASKS = ("prescription", "identity", "prescriptions")  # whose answers tell of prescriptions
THREADS = 16


@dataclass(frozen=True, slots=True)
class Part:
    """One thing staff are told, as far as it is known.

    `why` is why not: `no_answer`, `not_served` or `refused` by the order system, `person_unknown`; empty when it is
    known. Items with a `why` are what this call learnt earlier, `age_seconds` ago; those without are as of now.
    """

    items: tuple[Any, ...] = ()
    why: str = ""
    age_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """All there is to know of the person who calls: Prescriptions, Contacts, EarlierCalls, and Tickets."""

    prescriptions: Part
    said: Part
    earlier_calls: Part
    open: Part


class Context:
    """Share one per process. No part waits for another, and none for longer than `seconds`."""

    def __init__(self, record: Record, orders: OrderSystem, clock: Clock, seconds: float = SECONDS) -> None:
        self._record = record
        self._orders = orders
        self._clock = clock
        self._seconds = seconds
        self._pool = ThreadPoolExecutor(THREADS, "context")

    def of(self, call: Call, ticket: Ticket) -> Known:
        """Return what is known at this moment; what does not come in time is unknown, and never an error."""
        asking = {name: self._pool.submit(_told, part) for name, part in self._parts(call, ticket).items()}
        wait(asking.values(), self._seconds)
        nobody = Part(why="person_unknown")
        known = Known(*(_in_time(asking[each.name]) if each.name in asking else nobody for each in fields(Known)))
        if known.prescriptions.why:
            return replace(known, prescriptions=self._learnt(call, known.prescriptions.why))
        return known

    def _parts(self, call: Call, ticket: Ticket) -> Mapping[str, Callable[[], tuple[Any, ...]]]:
        """What to ask, as far as it is known of whom."""
        person = call.person
        of_the_line = {"open": partial(self._open, (person or "", ticket.person), ticket)}
        if person is None:
            return of_the_line if ticket.person else {}
        return {
            "prescriptions": partial(self._prescriptions, call, person),
            "said": partial(self._said, person),
            "earlier_calls": partial(self._earlier_calls, call, person),
            **of_the_line,
        }

    def _prescriptions(self, call: Call, person: str) -> tuple[Prescription, ...]:
        listed = self._orders.prescriptions(person, timeout_seconds=self._seconds)
        going_on = [one for one in listed if one.refill not in _OVER or one.id == call.prescription]
        return tuple(sorted(going_on, key=lambda one: one.id != call.prescription))

    def _said(self, person: str) -> tuple[Contact, ...]:
        return self._orders.contacts(person, timeout_seconds=self._seconds)[:_SAID]

    def _earlier_calls(self, call: Call, person: str) -> tuple[EarlierCall, ...]:
        since = self._clock.now() - timedelta(days=DAYS)
        with self._record.within(self._seconds):
            return tuple(self._record.earlier.calls(person, since, besides=call.id))

    def _open(self, people: tuple[str, str], ticket: Ticket) -> tuple[Ticket, ...]:
        with self._record.within(self._seconds):
            return tuple(self._record.earlier.tickets(people, besides=ticket.id))

    def _learnt(self, call: Call, why: str) -> Part:
        """What this call learnt of prescriptions while the caller was proving who they are or asking for one."""
        found = call.found or ((Found(call.prescription, call.facts, call.values),) if call.prescription else ())
        asked = self._record.earlier.learnt_at(call.id) if found else {}
        # What was answered within the turn is kept in the call alone, with when that was.
        at = max((at for ask, at in asked.items() if ask.partition(":")[0] in _ASKS), default=call.known_at)
        if at is None or not found:
            return Part(why=why)
        age_seconds = max(0, int((self._clock.now() - at).total_seconds()))
        return Part(tuple(as_learnt(each, call.person or "") for each in found), why, age_seconds)


def _told(part: Callable[[], tuple[Any, ...]]) -> Part:
    try:
        return Part(part(), age_seconds=0)
    except (Unavailable, Unreachable):
        return Part(why="no_answer")
    except Refused as refused:
        return Part(why=NOT_SERVED if refused.code == NOT_SERVED else "refused")


def _in_time(part: Future[Part]) -> Part:
    if part.done():
        return part.result()
    part.cancel()
    return Part(why="no_answer")


def as_learnt(found: Found, person: str) -> Prescription:
    """Return what a call knows of a prescription in the order system's words."""
    told: dict[str, Value] = {**found.values, **found.facts}
    known = {each.name: _read(each.name, told.get(each.name)) for each in fields(Prescription)}
    return Prescription(**{**known, "id": found.prescription, "person": person})


def _read(name: str, value: Value | None) -> Any:
    if value in (None, "", UNKNOWN):
        return None
    read = _READ.get(name)
    return value if read is None else read(str(value))


_READ: Mapping[str, Callable[[str], Any]] = {
    **dict.fromkeys(("earliest_refill_on", "expected_on", "approved_until", "since", "answer_by"), date.fromisoformat),
    **dict.fromkeys(("time_sensitive", "substitution", "cold_chain"), lambda word: word == "yes"),
    "balance": Decimal,
    "days_left": int,
}
