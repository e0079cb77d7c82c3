"""Calls, tickets and offers for the record to keep."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, create_engine, text

from ivr.core.call import Call, Caller, Leg, Place
from ivr.core.line import Offer, Ticket
from ivr.core.rules import Decision, Reason
from ivr.store import Loaded, Record, Turn
from ivr.store.tables import tables

MORNING = datetime(2026, 11, 24, 15, 0, 0, 123456, tzinfo=UTC)
ROSA = "+15550100"
SECRET_KEY = "a secret of the tests, long enough"
WHY = (Reason("Prescriber's office", "main.yaml", 14, False, "caller is patient"),)


def after(seconds: float) -> datetime:
    return MORNING + timedelta(seconds=seconds)


def a_call(name: str = "CA1", **parts: Any) -> Call:
    """A call that has just arrived, its leg called after it."""
    token = f"leg-{name}"
    legs = {token: Leg(token, "caller", documents=1)}
    usual: dict[str, Any] = {"arrived_at": MORNING, "caller": Caller("number", ROSA, "A"), "legs": legs}
    return Call(name, "main", "central", "v1", **(usual | parts))


def a_ticket(name: str = "T1", call: str = "CA1", **parts: Any) -> Ticket:
    usual: dict[str, Any] = {"arrived_at": MORNING, "due_from": MORNING, "answer_within_seconds": 60}
    return Ticket(
        name, call, **({"site": "central", "queue": "refills", "kind": "hold", "state": "waiting"} | usual | parts)
    )


def an_offer(name: str = "O1", ticket: str = "T1", agent: str = "ana", state: str = "open") -> Offer:
    return Offer(name, ticket, agent, f"leg-{name}", state, MORNING, after(15))


def begin(record: Record, call: Call, **parts: Any) -> Loaded:
    """Commit a call's first turn and return it as the record has it."""
    token = next(iter(call.legs), None)
    record.commit(Turn(None, 0, call, MORNING, "{}", token, call_sid=call.id if token else None, **parts))
    return known(record, call.id)


def known(record: Record, call_id: str) -> Loaded:
    loaded = record.load_call(call_id)
    assert loaded is not None
    return loaded


def turn(loaded: Loaded, now: datetime = MORNING, **parts: Any) -> Turn:
    """The next turn of a loaded call; `after` unless given is the call unchanged."""
    given: dict[str, Any] = {"after": loaded.call, "event": "{}", "now": now}
    return Turn(before=loaded.call, rev=loaded.rev, **(given | parts))


def a_full_call() -> Call:
    """A call with something in every part, as it stands in the middle of a talk."""
    return replace(
        a_call(),
        phase="talking",
        place=(Place("main", "menu"), Place("refill", "number")),
        language="es",
        facts={"intent": "refill_request", "days_left": 3},
        person="P-7",
        fields={"rx_number": "1234567"},
        decision=Decision("queue", "refills", 60, ("spanish",), True, False, "Refills", "main.yaml", 3),
        ticket=a_ticket(needs=("spanish",), not_before=after(30)),
        offers=(an_offer(state="accepted"),),
        queued_at=after(1),
        agents=("ana",),
    )


def let_go_of_the_audit(connection: Connection) -> None:
    """The databases refuse to remove lines of the audit; these may be removed, by nobody who has a key."""
    connection.execute(text("DELETE FROM marks WHERE name = 'audit:anchor'"))
    connection.execute(text("INSERT INTO marks VALUES ('audit:anchor', '9000000000000000000')"))


def emptied(url: str) -> None:
    """Take everything out of a database."""
    engine = create_engine(url)
    with engine.begin() as connection:
        let_go_of_the_audit(connection)
        for table in tables.sorted_tables:
            connection.execute(table.delete())
    engine.dispose()
