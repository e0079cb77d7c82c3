"""Timers, leases, heartbeats, marks and published versions."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from ivr.core.call import ClearTimer, SetTimer
from ivr.store import Record, Timer
from tests.store.calls import MORNING, SECRET_KEY, a_call, after, begin, known, turn


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


def test_a_version_is_kept_for_the_calls_that_began_with_it(record: Record) -> None:
    old, new = {"routing_rules/main.yaml": "version: 1\n"}, {"routing_rules/main.yaml": "version: 1 # ñ\n"}
    assert record.published.current_version() is None

    record.published.save_version("aaa", old, MORNING, "rosa", "first")
    record.published.save_version("bbb", new, after(1), "rosa", "second")
    record.published.save_version("bbb", new, after(2))

    assert record.published.current_version() == "bbb"
    assert (record.published.load_version("aaa"), record.published.load_version("bbb")) == (old, new)
    assert record.published.load_version("ccc") is None


def test_a_rollback_publishes_an_old_version_again(record: Record) -> None:
    for seconds, version in enumerate(["aaa", "bbb", "aaa"]):
        record.published.save_version(version, {"file": version}, after(seconds), "rosa", f"number {seconds}")

    newest, *older = record.published.history()

    assert (newest.seq, newest.version, newest.at, newest.author) == (3, "aaa", after(2), "rosa")
    assert [publication.message for publication in older] == ["number 1", "number 0"]
    assert len(record.published.history(limit=2)) == 2


def test_processes_that_publish_at_once_each_publish_once(record: Record) -> None:
    def publish(version: str) -> None:
        record.published.save_version(version, {"file": version}, MORNING)

    with ThreadPoolExecutor(8) as together:
        list(together.map(publish, [f"version {n}" for n in range(24)]))
        last = record.published.current_version()
        assert last is not None
        list(together.map(publish, [last] * 8))

    history = record.published.history()
    assert [publication.seq for publication in history] == list(range(24, 0, -1))
    assert {publication.version for publication in history} == {f"version {n}" for n in range(24)}


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
