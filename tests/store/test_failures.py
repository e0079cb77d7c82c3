"""What is committed survives whatever dies, and what is away comes back."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ivr.core.effects import MoveAgent
from ivr.core.line import Agent
from ivr.store import Conflict, Loaded, Misuse, Record, Unreachable, migrate
from tests import servers
from tests.store.calls import MORNING, SECRET_KEY, a_call, begin, known, turn

WRITER = """
import sys
from ivr.store import Record
from tests.store.calls import SECRET_KEY, known, turn
record = Record(sys.argv[1], SECRET_KEY)
while True:
    loaded = known(record, "CA1")
    record.commit(turn(loaded, leg="leg-CA1", n=loaded.rev, exit="next", reply="reply"))
    print(loaded.rev + 1, flush=True)
"""
ROOT = Path(__file__).parents[2]
A_MOMENT_SECONDS = 0.3


def test_a_writer_killed_in_the_middle_loses_no_turn_it_had_answered(record: Record, migrated_url: str) -> None:
    begin(record, a_call())
    writer = subprocess.Popen([sys.executable, "-c", WRITER, migrated_url], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    heard = [writer.stdout.readline() for _ in range(100)]
    os.kill(writer.pid, signal.SIGKILL)
    heard += writer.stdout.readlines()
    writer.wait()
    writer.stdout.close()
    answered = int([line for line in heard if line.endswith("\n")][-1])

    rev = known(record, "CA1").rev

    assert answered <= rev <= answered + 1
    assert [line.seq for line in record.journal("CA1")] == list(range(1, rev + 1))
    record.commit(turn(known(record, "CA1")))


@pytest.fixture(scope="module")
def own_server() -> Iterator[servers.Server]:
    """A PostgreSQL of these tests alone, to be stopped."""
    with servers.postgres() as server:
        yield server


@pytest.fixture
def on_postgresql(own_server: servers.Server) -> Iterator[Record]:
    """A record with one call, on the PostgreSQL that is to be stopped."""
    with servers.new_database(own_server.url) as url:
        migrate(url)
        with closing(Record(url, SECRET_KEY)) as record:
            begin(record, a_call())
            yield record


def test_a_postgresql_that_goes_away_and_comes_back(own_server: servers.Server) -> None:
    migrate(own_server.url)
    with closing(Record(own_server.url, SECRET_KEY)) as record:
        loaded = begin(record, a_call())

        own_server.kill()
        with pytest.raises(Unreachable):
            record.load("leg-CA1", 1, "next")
        with pytest.raises(Unreachable):
            record.commit(turn(loaded))
        assert not record.watch.ready()
        own_server.start()

        assert known(record, "CA1") == loaded
        own_server.stop()
        own_server.start()  # a restart between two turns goes unnoticed
        record.commit(turn(loaded))
        assert known(record, "CA1").rev == 2


def test_a_connection_cut_in_the_middle_of_a_turn_is_unreachable(on_postgresql: Record) -> None:
    loaded = known(on_postgresql, "CA1")
    with psycopg.connect(_plain(on_postgresql)) as other, ThreadPoolExecutor(1) as pool:
        other.execute("SELECT id FROM calls FOR UPDATE")
        committing = pool.submit(on_postgresql.commit, turn(loaded))
        [(pid,)] = _until(lambda: other.execute(WAITING).fetchall())
        other.execute("SELECT pg_terminate_backend(%s)", [pid])

        with pytest.raises(Unreachable):
            committing.result()

    assert known(on_postgresql, "CA1") == loaded


def test_a_postgresql_that_stands_still_keeps_nobody_waiting_for_longer(
    own_server: servers.Server, on_postgresql: Record
) -> None:
    """It cannot keep its own time limit, and its machine still takes whatever is sent."""
    loaded = known(on_postgresql, "CA1")
    with own_server.frozen():
        for ask in (lambda: on_postgresql.commit(turn(loaded)), lambda: on_postgresql.load_call("CA1")):
            with on_postgresql.within(A_MOMENT_SECONDS), pytest.raises(Unreachable):
                ask()

    _until(on_postgresql.watch.ready)
    assert known(on_postgresql, "CA1").rev in (1, 2)  # what was sent may still have been taken


def test_two_turns_in_each_others_way_are_a_conflict_for_one(on_postgresql: Record) -> None:
    staff = {name: Agent(name, name.title(), "central") for name in ("ana", "ben")}
    on_postgresql.desk.seed_agents(staff, MORNING)
    moves = (MoveAgent("ana", "offered"), MoveAgent("ben", "offered"))
    with psycopg.connect(_plain(on_postgresql)) as other, ThreadPoolExecutor(1) as pool:
        other.execute("SELECT id FROM agents WHERE id = 'ben' FOR UPDATE")
        committing = pool.submit(on_postgresql.commit, turn(known(on_postgresql, "CA1"), does=moves))
        _until(lambda: other.execute(WAITING).fetchall())
        other.execute("SELECT id FROM agents WHERE id = 'ana' FOR UPDATE")

        with pytest.raises(Conflict):
            committing.result()

    on_postgresql.commit(turn(known(on_postgresql, "CA1"), does=moves))


def test_who_waits_for_a_file_waits_once_for_threads_and_processes_together(tmp_path: Path) -> None:
    file = tmp_path / "rxline.db"
    with (
        closing(_on_file(file)) as record,
        closing(sqlite3.connect(file, isolation_level=None)) as other,
        ThreadPoolExecutor(2) as pool,
    ):
        loaded = known(record, "CA1")
        other.execute("BEGIN IMMEDIATE")
        first = pool.submit(_commit_within, record, loaded, 30)
        _until(lambda: ["first in line"] if record._database._driver._writing.locked() else [])  # type: ignore[attr-defined]

        with pytest.raises(Unreachable, match="others are still waiting to write"):
            _commit_within(record, loaded, A_MOMENT_SECONDS)
        other.execute("COMMIT")
        first.result()
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unreachable, match="locked"):
            _commit_within(record, known(record, "CA1"), A_MOMENT_SECONDS)
        other.execute("COMMIT")

        assert known(record, "CA1").rev == 2


def test_all_that_is_asked_in_one_turn_shares_its_time(record: Record) -> None:
    begin(record, a_call())
    with record.within(0):
        with pytest.raises(Unreachable):
            record.load_call("CA1")
        with pytest.raises(Unreachable):
            record.watch.set_mark("calls", "now")

    assert known(record, "CA1").rev == 1


def test_a_sqlite_file_that_is_away_is_unreachable_and_may_come_back(tmp_path: Path) -> None:
    file, elsewhere = tmp_path / "rxline.db", tmp_path / "elsewhere.db"
    with closing(_on_file(file)) as record:
        loaded = known(record, "CA1")

        file.rename(elsewhere)
        with pytest.raises(Unreachable):
            record.commit(turn(loaded))
        with pytest.raises(Unreachable):
            record.load("leg-CA1", 1, "next")
        elsewhere.rename(file)

        assert known(record, "CA1") == loaded


def test_a_backup_put_back_in_place_is_what_is_used(tmp_path: Path) -> None:
    file, backup = tmp_path / "rxline.db", tmp_path / "backup.db"
    with closing(_on_file(file)) as record:
        with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(backup)) as copy:
            source.backup(copy)
        record.commit(turn(known(record, "CA1")))
        backup.replace(file)
        for left in tmp_path.glob("rxline.db-*"):
            left.unlink()

        assert known(record, "CA1").rev == 1


def test_a_file_that_is_no_database_is_unreachable(tmp_path: Path) -> None:
    file = tmp_path / "rxline.db"
    file.write_text("a letter to the pharmacist, not a database at all" * 100)

    with closing(Record(f"sqlite:///{file}", SECRET_KEY)) as record, pytest.raises(Unreachable):
        record.load_call("CA1")


def test_what_no_caller_can_cause_names_no_value(record: Record) -> None:
    """A database's own words may quote the row it refused."""
    with pytest.raises(Misuse) as refused:
        record.watch.set_mark(None, "+15550100")  # type: ignore[arg-type]

    assert "+15550100" not in str(refused.value)


WAITING = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


def _until(look: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 30
    while not (seen := look()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return seen


def _commit_within(record: Record, loaded: Loaded, seconds: float) -> None:
    with record.within(seconds):
        record.commit(turn(loaded))


def _plain(record: Record) -> str:
    return record._database._driver._conninfo  # type: ignore[attr-defined, no-any-return]


def _on_file(file: Path) -> Record:
    migrate(f"sqlite:///{file}")
    record = Record(f"sqlite:///{file}", SECRET_KEY)
    begin(record, a_call())
    return record


def test_nobody_waits_for_a_postgresql_that_stands_still_once_one_has_waited(
    own_server: servers.Server, on_postgresql: Record
) -> None:
    with own_server.frozen():
        with pytest.raises(Unreachable):
            known(on_postgresql, "CA1")  # for as long as anybody may
        for _ in range(100):  # in less time than one of them might have waited
            with pytest.raises(Unreachable, match="answers nobody"):
                known(on_postgresql, "CA1")
    _until(on_postgresql.watch.ready)
    assert known(on_postgresql, "CA1").call.id == "CA1"
