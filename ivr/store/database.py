"""One database, SQLite or PostgreSQL: statements compiled once, run on the driver itself.

SQLAlchemy's own connections and transactions cost more than a whole turn may, so it is used for what it is best
at: tables, and statements that hold on both databases. A statement's text is kept, and the driver gets it directly.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from sqlalchemy import Executable, make_url
from sqlalchemy.engine.interfaces import Compiled
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler

from ivr.store.chain import Chain
from ivr.store.drivers import PATIENCE_SECONDS, Driver, Order, Row, SQLite, left
from ivr.store.refusals import Conflict, Silent, Unreachable
from ivr.store.seal import Keys
from ivr.store.tables import Sealed

KNOCKS_EVERY_SECONDS = 0.2
SILENT_SECONDS = 2.0  # without an answer; who asked for less only knows that it was not quick


class Write(NamedTuple):
    """One statement of a transaction and its values."""

    statement: Executable
    values: dict[str, Any]
    refusal: type[Conflict] | None = None  # raised when it changes no row; None: that is fine
    then: Callable[[Row, Chain], list[Write]] | None = None  # what follows from its row, in the same transaction


class _Compiled(NamedTuple):
    """A statement as the driver takes it, and what of its values and rows is sealed at rest."""

    text: str
    constants: dict[str, Any]
    seals: dict[str, str]  # the value's name -> what it is sealed as
    opens: dict[int, str]  # the place in a row -> what it was sealed as


class Database:
    """A database and its idle connections. Safe to use from several threads; make it after a fork, not before."""

    def __init__(self, url: str, keys: Keys, chain: Chain) -> None:
        self.keys = keys
        self.chain = chain
        self._driver = _driver(url)
        self._idle: deque[Any] = deque()
        self._texts: dict[Executable, _Compiled] = {}
        self._thread = threading.local()
        self._is_silent = False
        self._falls = threading.Lock()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Let all that this thread asks inside the block take so long together; what comes later is Unreachable."""
        self._thread.until = time.monotonic() + seconds
        try:
            yield
        finally:
            del self._thread.until

    def rows(self, statement: Executable, **values: Any) -> list[Row]:
        """Run one statement that changes nothing; raises Unreachable, and WrongKey for what no key opens."""
        compiled = self._texts.get(statement) or self._compile(statement)
        until = self._until()
        with self._asks():
            connection = self._take(until)
            try:
                rows = self._driver.query(connection, compiled.text, compiled.constants | values, until)
            except BaseException:
                connection.close()
                raise
        self._idle.append(connection)
        return self._opened(compiled, rows)

    def row(self, statement: Executable, **values: Any) -> Row | None:
        """Return the first row, or None; raises Unreachable."""
        rows = self.rows(statement, **values)
        return rows[0] if rows else None

    def write(self, writes: Iterable[Write]) -> list[list[Row]]:
        """Commit all or nothing and return what each statement is RETURNING.

        Something follows from the last of them only, if from any: what others may wait for is done when all else is.
        Raises Conflict (a constraint, or a statement's own refusal) and Unreachable.
        """
        asked = list(writes)
        orders = [self._order(write) for write in asked]
        assert not any(order.then for order in orders[:-1])
        until = self._until()
        with self._asks():
            connection = self._take(until)
            try:
                results = self._driver.transact(connection, orders, until)
            except Conflict:
                self._idle.append(connection)
                raise
            except BaseException:
                connection.close()
                raise
        self._idle.append(connection)
        return [self._opened(self._texts[write.statement], rows) for write, rows in zip(asked, results, strict=True)]

    def change(self, statement: Executable, **values: Any) -> list[Row]:
        """Commit one statement and return what it is RETURNING; raises as `write` does."""
        return self.write([Write(statement, values)])[0]

    def close(self) -> None:
        """Close the idle connections; the database may be used again."""
        self._is_silent = False
        while self._idle:
            self._idle.pop().close()

    @contextmanager
    def _asks(self) -> Iterator[None]:
        """While the database answers nobody, nobody waits for it.

        If all did, every thread would stand still, and callers behind them would hear nothing.
        """
        if self._is_silent:
            raise Unreachable("it answers nobody")
        began = time.monotonic()
        try:
            yield
        except Silent:
            if time.monotonic() - began >= SILENT_SECONDS:
                self._falls_silent()
            raise

    def _falls_silent(self) -> None:
        with self._falls:
            if not self._is_silent:
                self._is_silent = True
                threading.Thread(target=self._finds_out, daemon=True).start()

    def _finds_out(self) -> None:
        """Knock until somebody answers again, on nobody's time."""
        while self._is_silent:
            try:
                self._idle.append(self._driver.connect(time.monotonic() + PATIENCE_SECONDS))
                self._is_silent = False
            except Unreachable:
                time.sleep(KNOCKS_EVERY_SECONDS)

    def _until(self) -> float:
        until: float | None = getattr(self._thread, "until", None)
        if until is None:
            return time.monotonic() + PATIENCE_SECONDS
        if not left(until):
            raise Unreachable("nobody waits for it any more")
        return until

    def _take(self, until: float) -> Any:
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return self._driver.connect(until)
            if not self._driver.stale(connection):
                return connection
            connection.close()

    def _order(self, write: Write) -> Order:
        compiled = self._texts.get(write.statement) or self._compile(write.statement)
        values = compiled.constants | write.values if compiled.constants else write.values
        if compiled.seals:
            values = values | self._sealed(compiled, values)
        return Order(compiled.text, values, write.refusal, self._following(write))

    def _following(self, write: Write) -> Callable[[Row], list[Order]] | None:
        then = write.then
        if then is None:
            return None
        return lambda row: [self._order(each) for each in then(row, self.chain)]

    def _sealed(self, compiled: _Compiled, values: dict[str, Any]) -> dict[str, bytes]:
        told = ((name, what, values.get(name)) for name, what in compiled.seals.items())
        return {name: self.keys.seal(what, words) for name, what, words in told if words is not None}

    def _opened(self, compiled: _Compiled, rows: list[Row]) -> list[Row]:
        if not compiled.opens:
            return rows
        opens, keys = compiled.opens, self.keys
        return [
            tuple(
                keys.open(opens[place], value) if place in opens and value is not None else value
                for place, value in enumerate(row)
            )
            for row in rows
        ]

    def _compile(self, statement: Executable) -> _Compiled:
        assert isinstance(statement, ClauseElement)
        compiled = statement.compile(dialect=self._driver.dialect)
        constants = {name: value for name, value in (compiled.params or {}).items() if value is not None}
        self._texts[statement] = _Compiled(str(compiled), constants, _seals(compiled), _opens(statement))
        return self._texts[statement]


def _seals(compiled: Compiled) -> dict[str, str]:
    binds = compiled.binds if isinstance(compiled, SQLCompiler) else {}
    return {name: bind.type.what for name, bind in binds.items() if isinstance(bind.type, Sealed)}


def _opens(statement: ClauseElement) -> dict[int, str]:
    columns = getattr(statement, "exported_columns", ())  # of a question, and of what a change is RETURNING
    return {place: each.type.what for place, each in enumerate(columns) if isinstance(each.type, Sealed)}


def _driver(url: str) -> Driver:
    parts = make_url(url)
    if parts.get_backend_name() == "sqlite":
        return SQLite(parts.database or "")
    from ivr.store.postgresql import PostgreSQL  # not read where SQLite serves: it takes as long as all our tables

    return PostgreSQL(parts.set(drivername="postgresql").render_as_string(hide_password=False))
