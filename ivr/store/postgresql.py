"""PostgreSQL's own library, used for one thing: a query, and a transaction in one go."""

from __future__ import annotations

import logging
import math
import re
import select
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import psycopg
from psycopg.abc import PQGen
from sqlalchemy import Dialect, make_url

from ivr.store.drivers import PATIENCE_SECONDS, Order, Row, Values, left
from ivr.store.refusals import Conflict, Misuse, Silent, Unreachable, broken

_CONNECT_SECONDS = 3

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
        except psycopg.errors.ConnectionTimeout as error:
            raise Silent(str(error)) from None
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
            raise _postgresql_refusal(error, until) from None

    def transact(self, connection: _Session, orders: Sequence[Order], until: float) -> list[list[Row]]:
        connection.until = until
        try:
            try:
                return _transact(connection, orders)
            finally:
                if not connection.closed:
                    connection.rollback()
        except psycopg.Error as error:
            raise _postgresql_refusal(error, until) from None


def _transact(connection: psycopg.Connection[Row], orders: Sequence[Order]) -> list[list[Row]]:
    if then := orders[-1].then:
        return _in_two_goes(connection, orders, then)
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


def _in_two_goes(
    connection: psycopg.Connection[Row], orders: Sequence[Order], then: Callable[[Row], list[Order]]
) -> list[list[Row]]:
    """All orders, and then what follows from the row of the last: who waits for that row waits for one round trip."""
    with connection.pipeline():
        connection.execute("BEGIN")
        cursors = [connection.execute(order.text.encode(), order.values) for order in orders]
    _check(orders, cursors)
    results = [cursor.fetchall() if cursor.description else [] for cursor in cursors]
    with connection.pipeline():
        for following in then(results[-1][0]):
            connection.execute(following.text.encode(), following.values)
        connection.execute("COMMIT")
    return results


def _check(orders: Sequence[Order], cursors: Sequence[psycopg.Cursor[Row]]) -> None:
    for order, cursor in zip(orders, cursors, strict=True):
        if order.refusal and not cursor.rowcount:
            raise order.refusal


def _postgresql_refusal(error: psycopg.Error, until: float) -> Exception:
    # The server's own words may quote a whole row, so only names and codes are passed on.
    match error:
        case psycopg.errors.UniqueViolation():
            return broken(error.diag.constraint_name or "")
        case psycopg.errors.DeadlockDetected() | psycopg.errors.SerializationFailure():
            return Conflict(error.sqlstate)
        case psycopg.OperationalError(sqlstate=None) if not left(until):
            return Silent("no answer")
        case psycopg.OperationalError() | psycopg.InterfaceError():
            return Unreachable(error.sqlstate or "no connection")
    return Misuse(error.sqlstate or type(error).__name__)
