"""What a database's own library does for us, a query and a transaction in one go; and SQLite's, which does it."""

from __future__ import annotations

import math
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Dialect
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from ivr.store.refusals import Conflict, Misuse, Unreachable, broken

Row = tuple[Any, ...]
Values = Mapping[str, Any]

PATIENCE_SECONDS = 4  # for one question or one transaction, its waiting in line included
# 16 MB of log before it is folded into the file: the turn that happens to do it pays for four times as many others.
_CHECKPOINT_PAGES = 4000


class Order(NamedTuple):
    """One statement of a transaction, as a driver takes it."""

    text: str
    values: Values
    refusal: type[Conflict] | None  # raised when it changes no row; None: that is fine
    then: Callable[[Row], list[Order]] | None = None  # what follows from its row


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
    for following in order.then(rows[0]) if order.then else ():
        _obey(connection, following)
    return rows


def _sqlite_refusal(error: sqlite3.Error) -> Exception:
    code = getattr(error, "sqlite_errorcode", 0)
    if code in _UNIQUE:
        return broken(str(error))
    if code & 0xFF in _AWAY:
        return Unreachable(str(error))
    return Misuse(str(error))
