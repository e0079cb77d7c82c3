"""What is past its keep is gone, with all that belongs to it and a proof; what is owed, live or refused stays."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from ivr import keeping
from ivr.core.effects import CreateTask
from ivr.store import Entry, Record
from ivr.store.purge import WITH_A_CALL
from ivr.store.tables import tables
from ivr.telephony import rest
from tests.keeping.conftest import a_whole_call, everything
from tests.store.calls import MORNING, a_call, a_ticket, begin, known, turn
from tests.worker.shop import pharmacy_of

YEARS = timedelta(days=7 * 366)


class Desk:
    """As much of the line as keeping asks: a record, a pharmacy, an hour, and a carrier that deletes sounds or not."""

    def __init__(self, record: Record, now: datetime) -> None:
        self.record = record
        self.now_ = now
        self.clock = self
        self.deleted: list[str] = []
        self.refuses = False
        self.pharmacy_ = pharmacy_of("ana")

    def now(self) -> datetime:
        return self.now_

    def pharmacy(self) -> Any:
        return self.pharmacy_

    def forget(self, recording: str) -> None:
        if self.refuses:
            raise rest.Unknown("the carrier did not answer")
        self.deleted.append(recording)

    def purge(self, **how: Any) -> keeping.Purged:
        return keeping.purge(self, self.forget, **how)  # type: ignore[arg-type]

    def nightly(self) -> keeping.Purged | None:
        return keeping.nightly(self, self.forget)  # type: ignore[arg-type]


@pytest.fixture
def desk(record: Record) -> Desk:
    return Desk(record, MORNING + YEARS)


def proof(desk: Desk) -> dict[str, Any]:
    [line] = [kept for kept in desk.record.staff.audit(50) if kept.entry.act == "record.purged"][:1]
    told: dict[str, Any] = json.loads(line.entry.detail)
    return told


def rows(url: str) -> dict[str, int]:
    left = {name: len(found) for name, found in everything(url).items() if found}
    return {name: count for name, count in left.items() if name not in ("audit", "callers", "marks", "handling")}


def test_of_an_old_call_nothing_is_left_and_a_young_one_is_whole(desk: Desk, kept_url: str) -> None:
    a_whole_call(desk.record, "CAyoung", desk.now_ - timedelta(days=1))
    young = rows(kept_url)
    a_whole_call(desk.record, "CAold")
    assert rows(kept_url) != young
    purged = desk.purge()
    assert rows(kept_url) == young
    assert (purged.finished, purged.remaining) == (True, 0)
    assert set(desk.deleted) == {"RE-CAold", "RT-CAold"}
    assert known(desk.record, "CAyoung").call.fields == {"rx_number": "7654321"}


def test_everything_with_the_id_of_a_call_goes_with_it() -> None:
    assert {table.name for table in WITH_A_CALL} == {
        table.name for table in tables.sorted_tables if "call_id" in table.columns
    }


def test_the_audit_proves_what_was_removed(desk: Desk) -> None:
    for name in ("CA2", "CA1"):
        a_whole_call(desk.record, name)
    desk.purge()
    told = proof(desk)
    assert told["calls"] == {
        "before": (desk.now_ - timedelta(days=6 * 366)).isoformat(),
        "removed": 2,
        "sha256": hashlib.sha256(b"CA1\nCA2\n").hexdigest(),
    }
    assert set(told) == set(keeping.KINDS)
    assert "7654321" not in json.dumps(told)


def test_what_would_go_is_told_without_touching_it(desk: Desk, kept_url: str) -> None:
    a_whole_call(desk.record)
    before = everything(kept_url)
    told = {kind: count for kind, (_, count) in keeping.past(desk).items() if count}  # type: ignore[arg-type]
    assert told == {"recordings": 1, "transcripts": 1, "calls": 1, "proofs": 1, "callers": 1, "events": 1}
    assert everything(kept_url) == before


def test_who_is_live_or_owed_something_is_never_purged(desk: Desk) -> None:
    begin(desk.record, a_call("CAlive"))
    begin(desk.record, a_call("CApromised", phase="over", ticket=a_ticket("T1", "CApromised", kind="callback")))
    begin(desk.record, a_call("CAtask", phase="over"), does=(CreateTask("message"),))
    begin(desk.record, a_call("CAover", phase="over"))
    desk.purge()
    assert [name for name in ("CAlive", "CApromised", "CAtask", "CAover") if desk.record.load_call(name)] == [
        *("CAlive", "CApromised", "CAtask")
    ]


def test_a_call_that_lives_again_meanwhile_stays_whole(desk: Desk) -> None:
    begin(desk.record, a_call("CA1", phase="over"))
    [found] = desk.record.purge.calls_before(desk.now_)
    loaded = known(desk.record, "CA1")
    desk.record.commit(turn(loaded, after=replace(loaded.call, phase="promised")))
    assert desk.record.purge.call(found, desk.now_) is False
    assert len(desk.record.journal("CA1")) == 2


def test_what_the_carrier_refuses_to_delete_stays_for_the_next_time(desk: Desk) -> None:
    a_whole_call(desk.record)
    desk.refuses = True
    purged = desk.purge()
    assert desk.record.load_call("CA1") is not None
    assert (proof(desk)["calls"]["refused"], proof(desk)["calls"]["removed"], purged.remaining) == (1, 0, 0)
    desk.refuses = False
    desk.purge()
    assert desk.record.load_call("CA1") is None


def test_talks_and_transcripts_go_before_their_calls(desk: Desk) -> None:
    desk.now_ = MORNING + timedelta(days=91)
    a_whole_call(desk.record)
    desk.purge()
    message = desk.record.messages.of("CA1")
    assert message is not None
    assert (message.transcript, message.items) == (None, {"drug": "midodrine"})
    assert desk.deleted == ["RT-CA1"]
    assert [sound.recording for sound in desk.record.recordings.of("CA1")] == ["RE-CA1"]
    desk.purge()
    assert desk.deleted == ["RT-CA1"]


def test_the_sound_of_a_message_let_go_of_that_the_carrier_still_has_is_asked_for_again(desk: Desk) -> None:
    desk.now_ = MORNING + timedelta(days=2)
    a_whole_call(desk.record)
    loaded = known(desk.record, "CA1")
    assert loaded.call.message is not None
    gone = replace(loaded.call.message, deleted_at=MORNING)
    desk.record.commit(turn(loaded, after=replace(loaded.call, message=gone)))
    desk.purge()
    assert desk.deleted == ["RE-CA1"]


def test_of_the_audit_only_its_beginning_goes_and_the_last_line_gone_is_known(desk: Desk) -> None:
    ages = (8, 7, 1, 7, 0)  # a clock that was set back: the fourth is old, and stays behind a young one
    for age in ages:
        desk.record.staff.keep(Entry("ana", "api", f"{age} years"), MORNING + YEARS - timedelta(days=366 * age))
    desk.purge()
    assert [kept.entry.act for kept in desk.record.staff.audit(50)][1:] == ["0 years", "7 years", "1 years"]
    verdict = desk.record.audit.verify()
    assert (verdict.broken, verdict.let_go, verdict.lines) == (None, 2, 4)
    assert proof(desk)["audit"]["removed"] == 2


def test_it_stops_when_its_time_is_over_and_goes_on_the_next_time(desk: Desk) -> None:
    for number in range(3):
        begin(desk.record, a_call(f"CA{number}", phase="over"))
    assert desk.purge(seconds=0).finished is False
    assert len(desk.record.purge.calls_before(desk.now_)) == 2
    assert desk.purge().finished is True
    assert desk.record.purge.calls_before(desk.now_) == []


def test_each_night_while_everybody_is_closed_and_once(desk: Desk) -> None:
    def at(hours: int) -> bool:
        desk.now_ = MORNING + timedelta(hours=hours)
        return desk.nightly() is not None

    assert not at(0)  # of a new line
    assert not at(24)  # open
    assert at(21)  # before it opens
    assert not at(21)
    assert not at(0)  # a practice clock was set back
    assert at(27)  # and never seen closed
