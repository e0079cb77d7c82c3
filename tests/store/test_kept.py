"""Timers, leases, heartbeats, marks and published versions."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ivr.core.effects import ClearTimer, SetTimer
from ivr.store import Conflict, Publication, Record, Timer
from tests.store.calls import SECRET_KEY, a_call, after, begin, known, turn


def test_a_timer_comes_due_at_its_instant_and_is_taken_once(record: Record) -> None:
    does = (SetTimer("plan:2", after(30)), SetTimer("plan:1", after(10)))
    record.commit(turn(begin(record, a_call()), does=does))

    assert record.timers.due(after(9)) == []
    [first, second] = record.timers.due(after(30))
    assert first == Timer("CA1", "plan:1", after(10))
    assert record.timers.due(after(30), limit=1) == [first]
    assert (record.timers.take(first), record.timers.take(first)) == (True, False)
    assert record.timers.due(after(30)) == [second]


def test_a_timer_set_anew_is_another_and_one_cleared_is_gone(record: Record) -> None:
    record.commit(turn(begin(record, a_call()), does=(SetTimer("plan:1", after(10)), SetTimer("join", after(10)))))
    [plan] = [timer for timer in record.timers.due(after(10)) if timer.name == "plan:1"]

    record.commit(turn(known(record, "CA1"), does=(SetTimer("plan:1", after(20)), ClearTimer("join"))))

    assert record.timers.take(plan) is False
    assert record.timers.due(after(20)) == [Timer("CA1", "plan:1", after(20))]


def test_a_lease_is_held_by_one_and_its_fence_rises_with_each_holder(record: Record) -> None:
    watch = record.watch

    assert watch.lease("dispatch:central", "worker-1", 30) == 1
    assert watch.lease("dispatch:central", "worker-1", 30) == 1
    assert watch.lease("dispatch:central", "worker-2", 30) is None
    assert watch.lease("dispatch:north", "worker-2", 30) == 1
    watch.release("dispatch:central", "worker-2")
    assert watch.lease("dispatch:central", "worker-2", 30) is None
    watch.release("dispatch:central", "worker-1")
    assert watch.lease("dispatch:central", "worker-2", 0.02) == 2
    time.sleep(0.03)
    assert watch.lease("dispatch:central", "worker-1", 30) == 3


def test_a_heartbeat_ages(record: Record) -> None:
    record.watch.beat("relay")
    record.watch.beat("relay")
    time.sleep(0.02)
    record.watch.beat("sweep")

    beats = record.watch.beats()

    assert set(beats) == {"relay", "sweep"}
    assert 0 <= beats["sweep"] < beats["relay"] < 5


def test_a_mark_says_where_a_sweep_got_to(record: Record) -> None:
    record.watch.set_mark("calls", "Monday")
    record.watch.set_mark("calls", "Tuesday")

    assert (record.watch.mark("calls"), record.watch.mark("recordings")) == ("Tuesday", None)


def publication(number: int, version: str, **more: Any) -> Publication:
    return Publication(number, version, after(number), "rosa", f"number {number}", **more)


def test_a_version_is_kept_for_the_calls_that_began_with_it(record: Record) -> None:
    old, new = {"routing_rules/main.yaml": "version: 1\n"}, {"routing_rules/main.yaml": "version: 1 # ñ\n"}
    assert record.published.newest() is None

    record.published.publish(publication(1, "aaa"), old)
    record.published.publish(publication(2, "bbb"), new)

    assert record.published.newest() == publication(2, "bbb")
    assert (record.published.load_version("aaa"), record.published.load_version("bbb")) == (old, new)
    assert record.published.load_version("ccc") is None


def test_what_was_published_is_told_newest_first_with_what_its_check_found(record: Record) -> None:
    finding = {"file": "routing_rules/main.yaml", "line": 3, "code": "remark", "example": {"days_left": 2}}
    told = [publication(1, "aaa", findings=(finding,)), publication(2, "bbb"), publication(3, "aaa", restores=1)]
    for one in told:
        record.published.publish(one, {"file": one.version})

    assert record.published.history() == told[::-1]
    assert record.published.history(limit=2) == told[:0:-1]


def test_a_version_never_changes_once_it_is_published(record: Record) -> None:
    record.published.publish(publication(1, "aaa"), {"file": "as it was"})
    record.published.publish(publication(2, "aaa"), {"file": "as it never was"})

    assert record.published.load_version("aaa") == {"file": "as it was"}


def test_of_those_who_publish_at_once_one_does_and_the_others_are_told(record: Record) -> None:
    def publish(version: str) -> str:
        try:
            record.published.publish(publication(1, version), {"file": version})
        except Conflict:
            return ""
        return version

    with ThreadPoolExecutor(8) as together:
        published = list(filter(None, together.map(publish, [f"version {n}" for n in range(24)])))

    assert [one.version for one in record.published.history()] == published
    assert [record.published.load_version(f"version {n}") for n in range(24)].count(None) == 23


def test_the_record_is_ready_when_its_schema_is_the_newest(record: Record) -> None:
    assert record.watch.ready()


def test_a_database_never_migrated_is_not_ready(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    if database_url.startswith("sqlite"):
        file = tmp_path_factory.mktemp("empty") / "rxline.db"
        file.touch()
        database_url = f"sqlite:///{file}"
    record = Record(database_url, SECRET_KEY)

    assert not record.watch.ready()
    record.close()
