"""SQLite's and PostgreSQL's own libraries, used for one thing each: a query, and a transaction in one go."""

from __future__ import annotations

import logging
import math
import os
import re
import select
import sqlite3
import threading
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import psycopg
from psycopg.abc import PQGen
from sqlalchemy import Dialect, make_url
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from ivr.store.refusals import Conflict, Misuse, Unreachable, broken

Row = tuple[Any, ...]
Values = Mapping[str, Any]

PATIENCE_SECONDS = 4  # for one question or one transaction, its waiting in line included
_CONNECT_SECONDS = 3
# 16 MB of log before it is folded into the file: the turn that happens to do it pays for four times as many others.
_CHECKPOINT_PAGES = 4000


class Order(NamedTuple):
    """One statement of a transaction, as a driver takes it."""

    text: str
    values: Values
    refusal: type[Conflict] | None  # raised when it changes no row; None: that is fine


class Driver(Protocol):
    """What a database's library does for us, until an instant of `time.monotonic`.

    Whatever it raises is Conflict, Unreachable (also: not in time) or Misuse.
    """

    dialect: Dialect

    def connect(self, until: float) -> Any:
        """Return a new connection."""

    def stale(self, connection: Any) -> bool:
        """Return whether an idle connection has died since it was last used."""

    def query(self, connection: Any, text: str, values: Values, until: float) -> list[Row]:
        """Run one statement that changes nothing and return its rows."""

    def transact(self, connection: Any, orders: Sequence[Order], until: float) -> list[list[Row]]:
        """Commit all orders or none, and return the rows of each (none without RETURNING)."""


def left(until: float) -> float:
    """Return how many seconds are left until then; none are 0."""
    return max(0.0, until - time.monotonic())


# ---------------------------------------------------------------- SQLite

_UNIQUE = (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
_AWAY = (
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_READONLY,
)


class _File(sqlite3.Connection):
    inode: int | None = None
    tenths: int | None = None  # of a second, that it waits for other processes

    def wait_until(self, until: float) -> None:
        """Wait for other processes no longer than that."""
        # Told only what is new, and it hardly ever is: a transaction is over within the same tenth of a second.
        tenths = math.ceil(10 * left(until))
        if tenths != self.tenths:
            self.execute(f"PRAGMA busy_timeout = {100 * tenths}")
            self.tenths = tenths


def _inode(file: Path) -> int | None:
    try:
        return os.stat(file).st_ino
    except FileNotFoundError:
        return None


class SQLite:
    """A file. One writer at a time: threads of this process queue here, other processes at the file."""

    dialect: Dialect = SQLiteDialect_pysqlite(paramstyle="named")

    def __init__(self, file: str) -> None:
        self._file = Path(file).absolute()
        # SQLite's own waiting is sleeping and trying again, which is neither prompt nor fair.
        self._writing = threading.Lock()

    def connect(self, until: float) -> _File:
        try:
            return self._open(until)
        except sqlite3.Error as error:
            raise _sqlite_refusal(error) from None

    def _open(self, until: float) -> _File:
        connection = sqlite3.connect(
            f"{self._file.as_uri()}?mode=rw",
            uri=True,
            factory=_File,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        connection.inode = _inode(self._file)
        connection.wait_until(until)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        return connection

    def stale(self, connection: _File) -> bool:
        # A backup put back in its place is another file: writing on into the old one would lose it.
        return _inode(self._file) != connection.inode

    def query(self, connection: _File, text: str, values: Values, until: float) -> list[Row]:
        try:
            connection.wait_until(until)
            return connection.execute(text, values).fetchall()
        except sqlite3.Error as error:
            raise _sqlite_refusal(error) from None

    def transact(self, connection: _File, orders: Sequence[Order], until: float) -> list[list[Row]]:
        if not self._writing.acquire(timeout=left(until)):
            raise Unreachable("others are still waiting to write")
        try:
            connection.wait_until(until)
            connection.execute("BEGIN IMMEDIATE")
            with connection:
                return [_obey(connection, order) for order in orders]
        except sqlite3.Error as error:
            raise _sqlite_refusal(error) from None
        finally:
            self._writing.release()


def _obey(connection: sqlite3.Connection, order: Order) -> list[Row]:
    cursor = connection.execute(order.text, order.values)
    rows = cursor.fetchall()
    if order.refusal and not rows and cursor.rowcount < 1:
        raise order.refusal
    return rows


def _sqlite_refusal(error: sqlite3.Error) -> Exception:
    code = getattr(error, "sqlite_errorcode", 0)
    if code in _UNIQUE:
        return broken(str(error))
    if code & 0xFF in _AWAY:
        return Unreachable(str(error))
    return Misuse(str(error))


# ---------------------------------------------------------------- PostgreSQL

# It warns of every transaction refused before it was sent whole. To us a refusal is an answer, and it is raised.
logging.getLogger("psycopg").setLevel(logging.ERROR)


_WRITES = re.compile(r"(?:INSERT INTO|UPDATE|DELETE FROM) (\w+)")
_VALUE = re.compile(r"%\(")


class _Session(psycopg.Connection[Row]):
    until = 0.0  # of `time.monotonic`: what the server has not answered by then, it is not asked any more

    def wait(self, gen: PQGen[Any], interval: float = 0.1, timeout: float | None = None) -> Any:
        # The server keeps its own time limit, unless it is what stands still: then its machine still takes whatever
        # is sent, and neither TCP nor libpq ever finds anything wrong.
        return super().wait(gen, interval, left(self.until) if timeout is None else timeout)


class PostgreSQL:
    """A server. A transaction goes out in one piece, and waits for the server once, or twice when rows are counted."""

    dialect: Dialect = make_url("postgresql+psycopg://").get_dialect()()

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        given = psycopg.conninfo.conninfo_to_dict(conninfo).get("options") or ""
        self._options = f"{given} -c statement_timeout={PATIENCE_SECONDS}s -c synchronous_commit=on"

    def connect(self, until: float) -> _Session:
        try:
            return _Session.connect(
                self._conninfo,
                autocommit=True,
                prepare_threshold=0,
                connect_timeout=max(1, min(_CONNECT_SECONDS, math.ceil(left(until)))),  # 0 would be for ever
                tcp_user_timeout=PATIENCE_SECONDS * 1000,
                options=self._options,
            )
        except psycopg.Error as error:  # its words are about the server, not about a row
            raise Unreachable(str(error)) from None

    def stale(self, connection: _Session) -> bool:
        # A server speaks to an idle connection only to end it.
        poll = select.poll()
        poll.register(connection.pgconn.socket, select.POLLIN)
        return bool(poll.poll(0))

    def query(self, connection: _Session, text: str, values: Values, until: float) -> list[Row]:
        connection.until = until
        try:
            return connection.execute(text.encode(), values).fetchall()
        except psycopg.Error as error:
            raise _postgresql_refusal(error) from None

    def transact(self, connection: _Session, orders: Sequence[Order], until: float) -> list[list[Row]]:
        connection.until = until
        try:
            try:
                return _transact(connection, orders)
            finally:
                if not connection.closed:
                    connection.rollback()
        except psycopg.Error as error:
            raise _postgresql_refusal(error) from None


def _transact(connection: psycopg.Connection[Row], orders: Sequence[Order]) -> list[list[Row]]:
    if len(orders) == 1:  # a transaction of its own, and refused only when it did nothing
        cursors = [connection.execute(orders[0].text.encode(), orders[0].values)]
        _check(orders, cursors)
    elif together := _together(tuple(order.text for order in orders if not order.refusal), len(orders)):
        values = {f"w{i}_{name}": value for i, order in enumerate(orders) for name, value in order.values.items()}
        connection.execute(together, values)
        return [[] for _ in orders]
    else:
        cursors = _in_one_go(connection, orders)
    return [cursor.fetchall() if cursor.description else [] for cursor in cursors]


@lru_cache(maxsize=256)
def _together(texts: tuple[str, ...], writes: int) -> bytes | None:
    """Return all of so many writes as one statement, which costs half of a pipeline; None unless that is the same.

    The parts of one statement see the same rows and run in no order, so no two may touch one table, and none may be
    counted or read.
    """
    tables = [match[1] for text in texts if (match := _WRITES.match(text)) and "RETURNING" not in text]
    if len(set(tables)) != writes:
        return None
    parts = (f"w{i} AS ({_VALUE.sub(rf'%(w{i}_', text)})" for i, text in enumerate(texts))
    return f"WITH {', '.join(parts)} SELECT 1".encode()


def _in_one_go(connection: psycopg.Connection[Row], orders: Sequence[Order]) -> list[psycopg.Cursor[Row]]:
    counted = any(order.refusal for order in orders)
    # What goes out in one pipeline is one transaction to the server. Only to look at the count of rows before it
    # is committed does it need a beginning and an end of its own.
    with connection.pipeline():
        if counted:
            connection.execute("BEGIN")
        cursors = [connection.execute(order.text.encode(), order.values) for order in orders]
    if counted:
        _check(orders, cursors)
        connection.execute("COMMIT")
    return cursors


def _check(orders: Sequence[Order], cursors: Sequence[psycopg.Cursor[Row]]) -> None:
    for order, cursor in zip(orders, cursors, strict=True):
        if order.refusal and not cursor.rowcount:
            raise order.refusal


def _postgresql_refusal(error: psycopg.Error) -> Exception:
    # The server's own words may quote a whole row, so only names and codes are passed on.
    match error:
        case psycopg.errors.UniqueViolation():
            return broken(error.diag.constraint_name or "")
        case psycopg.errors.DeadlockDetected() | psycopg.errors.SerializationFailure():
            return Conflict(error.sqlstate)
        case psycopg.OperationalError() | psycopg.InterfaceError():
            return Unreachable(error.sqlstate or "no connection")
    return Misuse(error.sqlstate or type(error).__name__)
