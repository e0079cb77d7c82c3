"""The schema's history, run from here: `migrate` brings a database up to date."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import OperationalError

from ivr.store.refusals import Unreachable

NEWEST = "0015"
_ONE_AT_A_TIME = 0x52786C696E65  # "Rxline": PostgreSQL's advisory locks are numbers
_PATIENCE_SECONDS = 30
_MOMENT_SECONDS = 0.02


def migrate(database_url: str, secret_key: str = "", record_key: str = "", audit_key: str = "") -> None:
    """Bring the database up to date, making a SQLite file and its folder if there is none.

    The keys seal what an earlier version left in plain text, and chain its audit: of a database with such rows they
    must be given. Safe to call twice, and from two processes at once. Raises Unreachable.
    """
    try:
        _upgrade(database_url, {"secret_key": secret_key, "record_key": record_key, "audit_key": audit_key})
    except (OperationalError, sqlite3.Error) as error:
        raise Unreachable(str(getattr(error, "orig", error))) from None


def _upgrade(database_url: str, keys: Mapping[str, str]) -> None:
    engine = _engine(make_url(database_url))
    try:
        with engine.begin() as connection:
            if _at(connection) != NEWEST:
                _bring(connection, keys)
    finally:
        engine.dispose()


def _at(connection: Connection) -> str | None:
    """Return the number of the migration a database is at; None for one that never was."""
    known = inspect(connection).has_table("alembic_version")
    return connection.scalar(text("SELECT version_num FROM alembic_version")) if known else None


def _bring(connection: Connection, keys: Mapping[str, str]) -> None:
    # It is much code to read, and on every day but that of a new version there is nothing for it to do.
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection, **keys})
    config.set_main_option("script_location", str(Path(__file__).parent))
    command.upgrade(config, NEWEST)


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        file = Path(url.database or "").absolute()
        file.parent.mkdir(parents=True, exist_ok=True)
        _write_ahead(file)
        engine = create_engine(url, connect_args={"timeout": _PATIENCE_SECONDS, "isolation_level": None})
        event.listen(engine, "begin", _lock_file)
    else:
        engine = create_engine(url.set(drivername="postgresql+psycopg"))
        event.listen(engine, "begin", _lock_server)
    return engine


def _write_ahead(file: Path) -> None:
    give_up_at = time.monotonic() + _PATIENCE_SECONDS
    with closing(sqlite3.connect(file, timeout=_PATIENCE_SECONDS)) as connection:
        while not _switched(connection, give_up_at):
            time.sleep(_MOMENT_SECONDS)


def _switched(connection: sqlite3.Connection, give_up_at: float) -> bool:
    # The switch reads first and locks then, and two that have read would wait for each other: SQLite refuses one of
    # them at once, whatever its timeout.
    try:
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up_at:
            raise
        return False
    return True


def _lock_file(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _lock_server(connection: Connection) -> None:
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ONE_AT_A_TIME})")
