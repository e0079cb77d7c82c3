"""The record's keys in use: which there are, whether ours open them, and how all is sealed anew with the first."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Column, LargeBinary, Select, Table, and_, bindparam, func, select, tuple_, type_coerce, update
from sqlalchemy.sql.dml import Update

from ivr.store.database import Database, Write
from ivr.store.drivers import Row
from ivr.store.seal import PREFIX_BYTES, WrongKey
from ivr.store.tables import Sealed, tables
from ivr.store.watch import Watch

BATCH = 100
MARK = "keys"  # the names of the keys that something may be sealed with


class _Place(NamedTuple):
    """A sealed column, and the statements that go through it a batch at a time."""

    what: str
    first: Select[Any]
    next: Select[Any]
    change: Update  # where it still is what was read: a turn that came between has sealed it anew itself
    prefixes: Select[Any]


class Sealing:
    """What the record is sealed with."""

    def __init__(self, database: Database, watch: Watch) -> None:
        self._database = database
        self._watch = watch

    def begin(self) -> None:
        """Note that we seal with our first key from now on; raises WrongKey where our keys do not open all there is."""
        if trouble := self.trouble():
            raise WrongKey(trouble)
        first = self._database.keys.first
        if first not in (noted := self._noted()):
            self._watch.set_mark(MARK, json.dumps([*noted, first]))

    def trouble(self) -> str:
        """Return what is wrong with our keys; "" when they open all there is."""
        missing = sorted(set(self._noted()) - set(self._database.keys.names))
        if not missing:
            return ""
        names = ", ".join(missing)
        return (
            f"sealed with a key we do not have ({names}): RECORD_KEY, or SECRET_KEY where it is empty, is not its own"
        )

    def names(self) -> set[str]:
        """Return the names of all keys that something is sealed with: every sealed row is looked at."""
        found = {bytes(row[0]) for place in _places() for row in self._database.rows(place.prefixes)}
        return {prefix[1:].hex() for prefix in found}

    def reseal(self) -> int:
        """Seal with the first key whatever is sealed with another, while the line runs; returns how many values.

        No other key is needed afterwards.
        """
        done = sum(self._reseal(place) for place in _places())
        self._watch.set_mark(MARK, json.dumps(sorted(self.names() | {self._database.keys.first})))
        return done

    def _noted(self) -> list[str]:
        return list(json.loads(self._watch.mark(MARK) or "[]"))

    def _reseal(self, place: _Place) -> int:
        keys, done = self._database.keys, 0
        for rows in self._batches(place):
            stale = [(row, bytes(row[-1])) for row in rows if not bytes(row[-1]).startswith(keys.prefix)]
            writes = [_anew(place, row, was, keys.seal(place.what, keys.open(place.what, was))) for row, was in stale]
            if writes:
                self._database.write(writes)
            done += len(writes)
        return done

    def _batches(self, place: _Place) -> Iterator[list[Row]]:
        rows = self._database.rows(place.first)
        while rows:
            yield rows
            rows = self._database.rows(place.next, **{f"last{at}": value for at, value in enumerate(rows[-1][:-1])})


def _anew(place: _Place, row: Row, was: bytes, sealed: bytes) -> Write:
    key = {f"key{at}": value for at, value in enumerate(row[:-1])}
    return Write(place.change, {**key, "was": was, "anew": sealed})


@cache
def _places() -> tuple[_Place, ...]:
    """Every sealed column there is."""
    columns = [(table, column) for table in tables.sorted_tables for column in table.columns]
    return tuple(_place(table, column) for table, column in columns if isinstance(column.type, Sealed))


def _place(table: Table, column: Column[Any]) -> _Place:
    assert isinstance(column.type, Sealed)
    raw, key = type_coerce(column, LargeBinary), list(table.primary_key.columns)
    last = [bindparam(f"last{at}", type_=each.type) for at, each in enumerate(key)]
    asked = select(*key, raw).where(column.is_not(None)).order_by(*key).limit(BATCH)
    change = (
        update(table)
        .where(
            and_(*(each == bindparam(f"key{at}") for at, each in enumerate(key))),
            raw == bindparam("was", type_=LargeBinary()),
        )
        .values({column: bindparam("anew", type_=LargeBinary())})
    )
    prefixes = select(func.substr(raw, 1, PREFIX_BYTES)).where(column.is_not(None)).distinct()
    return _Place(column.type.what, asked, asked.where(tuple_(*key) > tuple_(*last)), change, prefixes)
