"""What others have written to the sandbox, on SQLite; `entries` says what may be written."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from ivr.orders.sandbox.problems import Problem

Body = dict[str, Any]
Answer = tuple[int, Body]
_TABLES = {
    "keys": "key text primary key, asked text not null, status integer not null, answer text not null",
    "calls": "id text primary key, body text not null",
    "notes": "id text primary key, call_id text not null, body text not null",
    "dispositions": "call_id text primary key, revision integer not null, body text not null",
    "requests": "id text primary key, kind text not null, prescription_id text not null, call_id text not null,"
    " open integer not null, body text not null",
    "tasks": "id text primary key, call_id text, body text not null",
    "consents": "person text primary key, body text not null",
    "changes": "id text not null, prescription_id text not null, body text not null",
    "events": "place integer primary key autoincrement, id text not null unique, body text not null",
    "undelivered": "place integer primary key autoincrement, id text not null unique, tries integer not null,"
    " due real not null, body text not null",
}
_INDEXES = {
    "one_open_request": "unique index {} on requests (kind, prescription_id) where open",
    "notes_of_a_call": "index {} on notes (call_id)",
}


class Page(NamedTuple):
    """Some rows of a list in its order, the place of the last of them, and whether more follow."""

    items: list[Body]
    last: int
    more: bool


class Undelivered(NamedTuple):
    """An event that somebody is to be told of: its place, how often that was tried, and what it says."""

    place: int
    tries: int
    event: Body


class Ledger:
    """The sandbox's own database file, made when absent; one connection, one writer at a time, any thread."""

    def __init__(self, path: str | Path) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._turn = threading.Lock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = normal")
        self._make()

    def _make(self) -> None:
        for name, columns in _TABLES.items():
            there = {row[1] for row in self._db.execute(f"pragma table_info({name})")}
            if there and there != {each.split()[0] for each in columns.split(", ")}:
                self._db.execute(f"drop table {name}")  # of an earlier sandbox: what is practised is not kept for good
            self._db.execute(f"create table if not exists {name} ({columns})")
        for name, index in _INDEXES.items():
            self._db.execute("create " + index.format(f"if not exists {name}"))

    def close(self) -> None:
        """Let the file go, once whoever reads or writes it just now is through: SQLite would crash the process."""
        with self._turn:
            self._db.close()

    def empty(self) -> None:
        """Forget everything that was written."""
        with self.writing() as db:
            for name in _TABLES:
                db.execute(f"delete from {name}")

    def once(self, key: str, asked: str, act: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """Return the answer `key` got before, or let `act` write and keep its answer, in one transaction.

        `asked` is the whole request as text. Raises Problem 409 when the key came with another request; what
        `act` raises goes through, with nothing written.
        """
        with self.writing() as db:
            kept = db.execute("select asked, status, answer from keys where key = ?", (key,)).fetchone()
            if kept is None:
                status, answer = act(db)
                db.execute("insert into keys values (?, ?, ?, ?)", (key, asked, status, json.dumps(answer)))
                return status, answer
        if kept[0] != asked:
            raise Problem(409, "idempotency_key_reused", "this key came before with another request")
        return kept[1], json.loads(kept[2])

    def rows(self, table: str, **where: str | None) -> list[Body]:
        """Return the bodies of a table, oldest first; of `where`, None fits every row."""
        return self.page(table, 0, None, **where).items

    def page(self, table: str, after: int, limit: int | None, **where: str | None) -> Page:
        """Return up to `limit` bodies after a place, oldest first; None: all there are."""
        asked = {name: value for name, value in where.items() if value is not None}
        fits = "".join(f" and {name} = ?" for name in asked)
        query = f"select rowid, body from {table} where rowid > ?{fits} order by rowid limit ?"
        with self._turn:
            found = self._db.execute(query, (after, *asked.values(), -1 if limit is None else limit + 1)).fetchall()
        shown = found if limit is None else found[:limit]
        last = shown[-1][0] if shown else after
        return Page([json.loads(body) for _, body in shown], last, len(shown) < len(found))

    def events_ever(self) -> int:
        """Return the place of the newest event there ever was, 0 for none; a reset does not begin again."""
        with self._turn:
            found = self._db.execute("select seq from sqlite_sequence where name = 'events'").fetchone()
        return found[0] if found else 0

    def due(self, now: float) -> list[Undelivered]:
        """Return some of the events to deliver now, in the order they were told."""
        asked = "select place, tries, body from undelivered where due <= ? order by place limit 20"
        with self._turn:
            found = self._db.execute(asked, (now,)).fetchall()
        return [Undelivered(place, tries, json.loads(body)) for place, tries, body in found]

    def delivered(self, place: int) -> None:
        """An event has arrived; told once more meanwhile, it has another place and is still to be delivered."""
        with self.writing() as db:
            db.execute("delete from undelivered where place = ?", (place,))

    def put_off(self, place: int, until: float) -> None:
        """An event did not arrive; it is tried again."""
        with self.writing() as db:
            db.execute("update undelivered set tries = tries + 1, due = ? where place = ?", (until, place))

    def changes(self) -> Mapping[str, Body]:
        """Return what is now so of prescriptions, by token: what came later stands over what came earlier."""
        now: dict[str, Body] = {}
        with self._turn:
            for token, body in self._db.execute("select prescription_id, body from changes order by rowid"):
                now[token] = now.get(token, {}) | json.loads(body)
        return now

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Write in one transaction, alone."""
        with self._turn, self._db:
            self._db.execute("begin immediate")
            yield self._db
