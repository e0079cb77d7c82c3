"""Effects wait in the outbox until they are done, in the order they must be done."""

from __future__ import annotations

import threading
import time

import pytest

from ivr.core.effects import CreateTask, Effect, EndLeg, Inquire, MoveCaller, PlaceCall, WriteDisposition
from ivr.store import Conflict, EffectRow, Record
from tests.store.calls import a_call, begin, known, turn


def _commit(record: Record, *does: Effect, call: str = "CA1") -> None:
    if record.load_call(call) is None:
        begin(record, a_call(call))
    record.commit(turn(known(record, call), does=does))


def _place(leg: str, urgency: int) -> PlaceCall:
    return PlaceCall(leg, "+15550111", 15, urgency)


def _effects(rows: list[EffectRow]) -> list[Effect]:
    return [row.effect for row in rows]


def test_an_effect_comes_back_as_it_was_meant(record: Record) -> None:
    disposition = WriteDisposition(1, {"outcome": "answered", "waited_seconds": 12, "rule": None})
    _commit(record, disposition)

    [row] = record.outbox.due("orders")

    assert (row.effect, row.kind, row.call_id, row.lane) == (disposition, "WriteDisposition", "CA1", "orders")
    assert (row.state, row.attempts, row.sent_at) == ("due", 0, None)
    assert record.outbox.effect(row.id) == row


def test_calls_are_placed_emergencies_first_then_in_order(record: Record) -> None:
    _commit(record, _place("leg-3", 2), _place("leg-2", 1))
    _commit(record, _place("leg-5", 1), _place("leg-1", 0), call="CA2")

    placed = record.outbox.due("place")

    assert [row.effect.leg for row in placed if isinstance(row.effect, PlaceCall)] == [
        "leg-1",
        "leg-2",
        "leg-5",
        "leg-3",
    ]
    assert len(record.outbox.due("place", limit=2)) == 2


def test_lanes_do_not_see_each_other(record: Record) -> None:
    _commit(record, MoveCaller("leg-CA1", 2), Inquire("who"), _place("leg-2", 1), EndLeg("leg-2"))

    assert _effects(record.outbox.due("telephony")) == [MoveCaller("leg-CA1", 2), EndLeg("leg-2")]
    assert _effects(record.outbox.due("orders")) == [Inquire("who")]
    assert record.outbox.pending() == {"telephony": 2, "orders": 1, "place": 1}


def test_orders_of_one_call_wait_for_each_other_and_for_no_other_call(record: Record) -> None:
    _commit(record, CreateTask("first"), CreateTask("message"))
    _commit(record, CreateTask("message"), call="CA2")

    first, other = record.outbox.due("orders")
    second = "CA1.2.1"

    assert [first.effect, other.call_id] == [CreateTask("first"), "CA2"]
    assert record.outbox.claim(first.id, 30) is not None
    assert record.outbox.claim(second, 30) is None
    record.outbox.done(first.id)
    assert record.outbox.claim(second, 30) is not None


def test_an_order_given_up_lets_the_next_one_go(record: Record) -> None:
    _commit(record, CreateTask("first"), CreateTask("message"))
    record.outbox.dead("CA1.2.0", "refused: 400")

    assert _effects(record.outbox.due("orders")) == [CreateTask("message")]


def test_a_later_turns_order_waits_for_an_earlier_turns(record: Record) -> None:
    _commit(record, CreateTask("first"))
    for _ in range(9):  # the tenth turn sorts after the second, though not as text
        _commit(record)
    _commit(record, CreateTask("message"))

    assert _effects(record.outbox.due("orders")) == [CreateTask("first")]


def test_a_question_waits_for_nothing_and_nothing_for_it(record: Record) -> None:
    _commit(record, CreateTask("message"), Inquire("who"), CreateTask("another"))

    assert _effects(record.outbox.due("orders")) == [CreateTask("message"), Inquire("who")]
    record.outbox.done("CA1.2.0")
    assert _effects(record.outbox.due("orders")) == [Inquire("who"), CreateTask("another")]


def test_what_is_claimed_is_nobody_elses_until_the_lease_runs_out(record: Record) -> None:
    _commit(record, EndLeg("leg-2"))
    [row] = record.outbox.due("telephony")

    claimed = record.outbox.claim(row.id, 30)

    assert claimed is not None
    assert (claimed.state, claimed.attempts) == ("leased", 1)
    assert record.outbox.claim(row.id, 30) is None
    assert record.outbox.due("telephony") == []


def test_a_lease_that_ran_out_is_anybodys(record: Record) -> None:
    _commit(record, EndLeg("leg-2"))
    [row] = record.outbox.due("telephony")
    assert record.outbox.claim(row.id, 0.01) is not None

    time.sleep(0.02)

    assert [late.id for late in record.outbox.due("telephony")] == [row.id]
    again = record.outbox.claim(row.id, 30)
    assert again is not None
    assert again.attempts == 2


def test_of_workers_racing_for_an_effect_one_gets_it(record: Record) -> None:
    _commit(record, *(EndLeg(f"leg-{n}") for n in range(20)))
    rows = record.outbox.due("telephony")
    got: list[str] = []

    def work() -> None:
        got.extend(row.id for row in rows if record.outbox.claim(row.id, 30))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(got) == sorted(row.id for row in rows)


def test_what_is_put_off_is_due_later(record: Record) -> None:
    _commit(record, EndLeg("leg-2"))
    [row] = record.outbox.due("telephony")
    record.outbox.claim(row.id, 30)

    record.outbox.again(row.id, 30, "Unavailable")

    assert record.outbox.due("telephony") == []
    assert record.outbox.claim(row.id, 30) is None


def test_what_was_put_off_comes_due(record: Record) -> None:
    _commit(record, EndLeg("leg-2"))
    [row] = record.outbox.due("telephony")
    record.outbox.claim(row.id, 30)
    record.outbox.again(row.id, 0.01, "Unavailable")

    time.sleep(0.02)

    assert record.outbox.claim(row.id, 30) is not None


def test_what_is_done_stays_done(record: Record) -> None:
    _commit(record, EndLeg("leg-2"))
    [row] = record.outbox.due("telephony")
    record.outbox.done(row.id, "gone already")

    record.outbox.again(row.id, 0, "Unknown")
    record.outbox.dead(row.id, "Refused")
    record.outbox.unknown(row.id, "Timeout")
    record.outbox.done(row.id, "twice")

    closed = record.outbox.effect(row.id)
    assert closed is not None
    assert closed.state == "done"
    assert (record.outbox.due("telephony"), record.outbox.pending()) == ([], {})
    assert record.outbox.claim(row.id, 30) is None


def test_an_effect_nobody_made(record: Record) -> None:
    record.outbox.done("CA9.1.0")

    assert record.outbox.effect("CA9.1.0") is None
    assert record.outbox.effect_of_leg("leg-9") is None


def test_a_call_is_placed_by_whoever_holds_the_lease_and_once(record: Record) -> None:
    _commit(record, _place("leg-2", 1))
    with pytest.raises(Conflict):
        record.outbox.sending("CA1.2.0")  # nobody holds it
    record.outbox.claim("CA1.2.0", 30)

    record.outbox.sending("CA1.2.0")

    with pytest.raises(Conflict):
        record.outbox.sending("CA1.2.0")
    row = record.outbox.effect_of_leg("leg-2")
    assert row is not None
    assert (row.id, row.state) == ("CA1.2.0", "sending")
    assert row.sent_at is not None
    assert abs(row.sent_at.timestamp() - time.time()) < 5


def test_a_request_whose_worker_died_is_unknown_and_never_sent_again_unasked(record: Record) -> None:
    _commit(record, _place("leg-2", 1), _place("leg-3", 1))
    for effect_id in ("CA1.2.0", "CA1.2.1"):
        record.outbox.claim(effect_id, 0)
        record.outbox.sending(effect_id)
    record.outbox.unknown("CA1.2.1", "Timeout")

    assert record.outbox.due("place") == []
    assert record.outbox.unknowns("place", older_than_seconds=10) == []
    assert {row.id for row in record.outbox.unknowns("place", older_than_seconds=0)} == {"CA1.2.0", "CA1.2.1"}
    assert record.outbox.unknowns("text", older_than_seconds=0) == []
    record.outbox.again("CA1.2.0", 0, "not found")
    record.outbox.done("CA1.2.1", "CA7")
    assert record.outbox.unknowns("place", older_than_seconds=0) == []
    assert [row.id for row in record.outbox.due("place")] == ["CA1.2.0"]


def test_a_leg_is_rung_once(record: Record) -> None:
    _commit(record, _place("leg-2", 1))

    with pytest.raises(Conflict):
        _commit(record, _place("leg-2", 1))


def test_a_disposition_done_is_written(record: Record) -> None:
    _commit(record, WriteDisposition(1, {"final": False}), WriteDisposition(2, {"final": True}))

    written = []
    for effect_id in ("CA1.2.1", "CA1.2.0"):  # the older one's answer comes late
        record.outbox.done(effect_id)
        written.append(record.dispositions("CA1")[0].written_revision)

    assert written == [2, 2]
