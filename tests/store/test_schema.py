"""The schema is the one the statements are written for, however it came about."""

from __future__ import annotations

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

from ivr.core.line import InLine, class_of
from ivr.store import Publication, Record, Unreachable, migrate, migrations
from ivr.store.notation import written
from ivr.store.seal import Seal
from ivr.store.tables import tables
from tests.store.calls import ROSA, SECRET_KEY, a_call, a_ticket, after, begin, known


def test_the_tables_and_the_migrations_agree(migrated_url: str) -> None:
    engine = create_engine(migrated_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, tables)
    engine.dispose()

    assert differences == []


def test_partial_indexes_hold_on_both_databases(migrated_url: str) -> None:
    """Alembic does not compare what an index is limited to."""
    engine = create_engine(migrated_url)
    dialect = engine.dialect.name
    found = {
        index["name"]: str(index["dialect_options"][f"{dialect}_where"])
        for table in inspect(engine).get_table_names()
        for index in inspect(engine).get_indexes(table)
        if f"{dialect}_where" in index.get("dialect_options", {})
    }
    engine.dispose()

    assert set(found) == {
        "ix_calls_live",
        "ix_effects_undone",
        "ix_legs_called_back",
        "ix_legs_not_over",
        "ix_offers_open",
        "ix_recordings_at_the_carrier",
        "ix_order_events_not_taken",
        "ix_tickets_alike",
        "ix_messages_unworked",
        "ix_tickets_person",
        "ix_tickets_served",
        "ix_tickets_waiting",
        "uq_offers_agent",
        "uq_offers_ticket",
        "uq_tickets_need",
    }


def test_the_record_asks_for_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))

    assert ScriptDirectory.from_config(config).get_current_head() == migrations.NEWEST


def test_migrating_again_keeps_what_is_there(database_url: str) -> None:
    migrate(database_url)
    with closing(Record(database_url, SECRET_KEY)) as record:
        begin(record, a_call())
        migrate(database_url)

        assert known(record, "CA1").rev == 1


def test_what_was_published_before_findings_were_kept_is_still_there(database_url: str) -> None:
    engine = create_engine(database_url)
    with engine.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(Path(migrations.__file__).parent))
        command.upgrade(config, "0001")
        connection.execute(text("INSERT INTO publications VALUES (1, 'aaa', 0, 'rosa', 'the first')"))
    engine.dispose()

    migrate(database_url)

    with closing(Record(database_url, SECRET_KEY)) as record:
        assert record.published.newest() == Publication(1, "aaa", datetime(1970, 1, 1, tzinfo=UTC), "rosa", "the first")


def test_a_number_remembered_by_its_language_is_still_known_when_its_pace_can_be(database_url: str) -> None:
    engine = create_engine(database_url)
    with engine.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(Path(migrations.__file__).parent))
        command.upgrade(config, "0002")
        key = Seal(SECRET_KEY).key_of(ROSA)
        connection.execute(text("INSERT INTO callers VALUES (:key, 'es', 0)"), {"key": key})
    engine.dispose()

    migrate(database_url)

    with closing(Record(database_url, SECRET_KEY)) as record:
        assert record.remembered(ROSA) == {"language": "es"}


def test_those_in_line_before_classes_were_kept_are_served_as_they_would_have_been(database_url: str) -> None:
    waiting = a_ticket(
        needs=("spanish", "insurance"), also=("refills", "billing"), not_before=after(30), kind="callback"
    )
    body = json.loads(written(waiting))
    engine = create_engine(database_url)
    with engine.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(Path(migrations.__file__).parent))
        command.upgrade(config, "0004")
        kept = {name: value for name, value in body.items() if name not in ("sites", "preferred")}
        row = "('T1', 'CA1', 'central', 'refills', 'callback', 'waiting', '', TRUE, 0, 0, 0, :body)"
        connection.execute(text(f"INSERT INTO tickets VALUES {row}"), {"body": json.dumps(kept)})
    engine.dispose()

    migrate(database_url)

    with closing(Record(database_url, SECRET_KEY)) as record:
        assert record.desk.classes() == [class_of(waiting)]
        assert record.desk.heads({class_of(waiting): 1}, after(29)) == []
        assert record.desk.heads({class_of(waiting): 1}, after(31)) == [InLine(waiting)]


def test_processes_that_start_together_migrate_once(database_url: str) -> None:
    with ThreadPoolExecutor(4) as together:
        list(together.map(migrate, [database_url] * 4))

    with closing(Record(database_url, SECRET_KEY)) as record:
        assert record.watch.ready()


def test_a_file_somebody_else_is_writing_to_is_migrated_when_they_are_done(tmp_path: Path) -> None:
    """SQLite itself waits for nobody when it begins to write ahead: what one of many that start together meets."""
    file = tmp_path / "rxline.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as other, ThreadPoolExecutor(1) as pool:
        other.execute("BEGIN IMMEDIATE")
        migrating = pool.submit(migrate, f"sqlite:///{file}")
        with pytest.raises(TimeoutError):
            migrating.result(timeout=0.3)
        other.execute("COMMIT")
        migrating.result()

        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_sqlite_file_is_made_with_its_folder(tmp_path: Path) -> None:
    migrate(f"sqlite:///{tmp_path / 'var' / 'deep' / 'rxline.db'}")

    assert (tmp_path / "var" / "deep" / "rxline.db").exists()


def test_a_database_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(Unreachable):
        migrate("postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    with pytest.raises(Unreachable):
        migrate(f"sqlite:///{tmp_path}")
