"""Whose a token is, which device speaks for an agent, who did what, and the line as people look at it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ivr.store import Conflict, Entry, Publication, Record, StaleDevice
from ivr.store.line import FIRST, place_of
from tests.store.calls import MORNING, a_call, a_ticket, after, an_offer, begin, known, turn

BY_CLI = Entry("cli", "cli", "token.made", "agent:ana")
MOVED = Entry("ana", "api", "presence", "agent:ana", "on_break")


def _ticket(name: str, **parts: Any) -> Any:
    return a_ticket(f"T-{name}", f"CA-{name}", **parts)


# ---------------------------------------------------------------- tokens


def test_a_token_opens_as_its_agent_until_it_is_revoked(staffed: Record) -> None:
    staffed.published.publish(Publication(1, "v1", MORNING, "rosa", "the first"), {})
    first, second = (staffed.staff.make_token("ana", BY_CLI, MORNING) for _ in range(2))
    assert staffed.staff.whose(first) == staffed.staff.whose(second) == ("ana", "v1")
    assert staffed.staff.whose("rxl_nobody") is None
    assert staffed.staff.whose("\ud800") is None

    one = staffed.staff.tokens()[0]
    assert staffed.staff.revoke("ben", BY_CLI, after(1), one.name) == 0
    assert staffed.staff.revoke("ana", BY_CLI, after(1), one.name) == 1
    assert [staffed.staff.whose(token) for token in (first, second)].count(None) == 1
    assert staffed.staff.revoke("ana", BY_CLI, after(2)) == 1
    assert [token.revoked_at is None for token in staffed.staff.tokens()] == [False, False]


# ---------------------------------------------------------------- devices


def test_whoever_takes_the_lease_last_has_the_highest_fence(staffed: Record) -> None:
    first, second = (staffed.staff.take_device("ana", MOVED, MORNING) for _ in range(2))
    staffed.staff.beat("ana", second)

    assert second == first + 1
    with pytest.raises(StaleDevice):
        staffed.staff.beat("ana", first)
    with pytest.raises(StaleDevice):
        staffed.staff.beat("ben", second)
    assert staffed.staff.devices()["ana"].silent_seconds < 30


def test_a_move_from_a_stale_device_or_after_another_move_is_not_done_at_all(staffed: Record) -> None:
    fence = staffed.staff.take_device("ana", MOVED, MORNING)
    staffed.staff.take_device("ana", MOVED, MORNING)
    with pytest.raises(StaleDevice):
        staffed.staff.move("ana", "took_break", 0, MOVED, MORNING, fence=fence)
    with pytest.raises(Conflict):
        staffed.staff.move("ana", "took_break", 7, MOVED, MORNING)
    with pytest.raises(Conflict):
        staffed.staff.move("ana", "vanished", 0, MOVED, MORNING)
    assert staffed.desk.agents()["ana"].presence == "available"
    assert [kept.entry.act for kept in staffed.staff.audit(9)] == ["presence", "presence"]  # of the devices

    staffed.staff.move("ana", "took_break", 0, MOVED, MORNING, "lunch", fence=fence + 1)
    staffed.staff.move("ana", "took_break", 1, MOVED, MORNING, "training")

    assert staffed.staff.moves() == {"ana": 2, "ben": 0}
    assert (staffed.desk.agents()["ana"].presence, staffed.desk.agents()["ana"].reason) == ("on_break", "training")


# ---------------------------------------------------------------- audit


def test_the_audit_is_read_the_latest_first_a_page_at_a_time(record: Record) -> None:
    for n in range(5):
        record.staff.keep(replace(MOVED, detail=str(n)), after(n))

    first = record.staff.audit(2)
    rest = record.staff.audit(9, before=first[-1].id)

    assert [kept.entry.detail for kept in (*first, *rest)] == ["4", "3", "2", "1", "0"]
    assert first[0].at == after(4)


def test_a_turn_and_the_line_that_tells_of_it_are_kept_together_and_once_under_a_key(record: Record) -> None:
    loaded = begin(record, a_call())
    entry = Entry("ana", "api", "hold", "ticket:T1", key="k")
    record.commit(turn(loaded, audit=entry))
    with pytest.raises(Conflict):
        record.commit(turn(known(record, "CA1"), audit=entry))

    assert known(record, "CA1").rev == 2
    kept = record.staff.under("k")
    assert kept is not None
    assert (kept.entry, record.staff.under("another")) == (entry, None)


# ---------------------------------------------------------------- the line


def test_a_page_of_the_line_goes_on_behind_a_place(record: Record) -> None:
    tickets = [
        _ticket("now", arrived_at=after(9), due_from=after(9), answer_within_seconds=0),
        *(_ticket(name, arrived_at=after(n), due_from=after(n)) for n, name in enumerate("abc")),
    ]
    for ticket in (*tickets, _ticket("far", site="north"), _ticket("talking", state="talking")):
        begin(record, a_call(ticket.call, ticket=ticket, facts={"intent": "billing"}))

    first = record.line.page("central", 2)
    place = place_of(first[-1].ticket)

    assert [seen.ticket for seen in first] == tickets[:2]
    assert [seen.ticket for seen in record.line.page("central", 9, place)] == tickets[2:]
    assert first[0].facts["intent"] == "billing"
    assert (record.line.ahead("central", FIRST), record.line.ahead("central", place)) == ({}, {"refills": 2})
    assert record.line.emergencies("central") == tickets[:1]


def test_figures_are_by_queue_and_count_whose_promise_has_passed(record: Record) -> None:
    for ticket in (
        _ticket("a"),
        _ticket("b", kind="callback", arrived_at=after(-60), due_from=after(600)),
        _ticket("c", kind="voicemail", queue="billing"),
    ):
        begin(record, a_call(ticket.call, ticket=ticket))

    billing, refills = record.line.figures("central", after(90))

    assert (billing.queue, billing.holding, billing.callbacks, billing.messages, billing.late) == (
        "billing",
        0,
        0,
        1,
        1,
    )
    assert (refills.holding, refills.callbacks, refills.messages, refills.late) == (1, 1, 0, 1)
    assert refills.oldest_at == after(-60)


def test_what_holds_an_agent_is_their_offer(record: Record) -> None:
    call = a_call(
        "CA-a", ticket=_ticket("a"), offers=(an_offer("O1", "T-a", "ana"), an_offer("O2", "T-a", "ben", "ended"))
    )
    begin(record, call)

    held = record.line.holds("ana")
    seen = record.line.ticket("T-a")

    assert held is not None
    assert seen is not None
    assert (held.call, held.offer, held.state) == ("CA-a", "O1", "open")
    assert (record.line.holds("ben"), seen.open_offers, record.line.ticket("T-x")) == (None, 1, None)
