"""What others have written to the sandbox, on SQLite: calls, dispositions, requests, tasks, keys."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

from ivr.orders.sandbox.problems import Problem

Answer = tuple[int, dict[str, Any]]
_TABLES = {
    "keys": "key text primary key, asked text not null, status integer not null, answer text not null",
    "calls": "id text primary key, body text not null",
    "dispositions": "call_id text primary key, revision integer not null, body text not null",
    "refill_requests": "prescription_id text primary key, body text not null",
    "renewal_requests": "prescription_id text primary key, body text not null",
    "tasks": "id text primary key, body text not null",
    "notes": "id text primary key, call_id text not null, body text not null",
    "events": "place integer primary key autoincrement, id text not null unique, body text not null",
}
REQUESTS = {"refill": "refill_requests", "renewal": "renewal_requests"}


class Ledger:
    """The sandbox's own database file, made when absent; one connection, one writer at a time, any thread."""

    def __init__(self, path: str | Path) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._turn = threading.Lock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = normal")
        for name, columns in _TABLES.items():
            self._db.execute(f"create table if not exists {name} ({columns})")

    def close(self) -> None:
        """Let the file go."""
        self._db.close()

    def empty(self) -> None:
        """Forget everything that was written."""
        with self._writing() as db:
            for name in _TABLES:
                db.execute(f"delete from {name}")

    def once(self, key: str, asked: str, act: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """Return the answer `key` got before, or let `act` write and keep its answer, in one transaction.

        `asked` is the whole request as text. Raises Problem 409 when the key came with another request; what
        `act` raises goes through, with nothing written.
        """
        with self._writing() as db:
            kept = db.execute("select asked, status, answer from keys where key = ?", (key,)).fetchone()
            if kept is None:
                status, answer = act(db)
                db.execute("insert into keys values (?, ?, ?, ?)", (key, asked, status, json.dumps(answer)))
                return status, answer
        if kept[0] != asked:
            raise Problem(409, "idempotency_key_reused", "this key came before with another request")
        return kept[1], json.loads(kept[2])

    def keep_call(self, call_id: str, body: dict[str, Any]) -> bool:
        """Put the record of a call in place of what was there; return whether it is the first."""
        with self._writing() as db:
            first = db.execute("select 1 from calls where id = ?", (call_id,)).fetchone() is None
            db.execute(
                "insert into calls values (?, ?) on conflict (id) do update set body = excluded.body",
                (call_id, json.dumps(body)),
            )
        return first

    def rows(self, table: str, key: str | None = None) -> list[dict[str, Any]]:
        """Return the bodies of a table, oldest first, or those with this primary key."""
        column = _TABLES[table].split()[0]
        where, given = (f"where {column} = ?", (key,)) if key is not None else ("", ())
        with self._turn:
            found = self._db.execute(f"select body from {table} {where} order by rowid", given).fetchall()
        return [json.loads(body) for (body,) in found]

    def notes(self, call_id: str) -> list[dict[str, Any]]:
        """Return the notes of a call, oldest first."""
        with self._turn:
            found = self._db.execute("select body from notes where call_id = ? order by rowid", (call_id,)).fetchall()
        return [json.loads(body) for (body,) in found]

    def events(self, after: int, limit: int) -> list[tuple[int, dict[str, Any]]]:
        """Return up to `limit` events after a place, with the place of each."""
        asked = "select place, body from events where place > ? order by place limit ?"
        with self._turn:
            found = self._db.execute(asked, (after, limit)).fetchall()
        return [(place, json.loads(body)) for place, body in found]

    def requested(self) -> dict[str, tuple[str, date]]:
        """Return what somebody has asked for (`refill` or `renewal`) and on which day, by the prescription's token."""
        asked = {what: self.rows(table) for what, table in REQUESTS.items()}
        return {
            each["prescription_id"]: (what, datetime.fromisoformat(each["created_at"]).date())
            for what, rows in asked.items()
            for each in rows
        }

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._turn, self._db:
            self._db.execute("begin immediate")
            yield self._db


def place(db: sqlite3.Connection, what: str, request: dict[str, Any]) -> bool:
    """Keep a request for a `refill` or `renewal`; return False, and write nothing, where its prescription has one."""
    kept = db.execute(
        f"insert into {REQUESTS[what]} values (?, ?) on conflict do nothing",
        (request["prescription_id"], json.dumps(request)),
    )
    return kept.rowcount == 1


def keep_disposition(db: sqlite3.Connection, call_id: str, revision: int, body: dict[str, Any]) -> int:
    """Keep a disposition unless the one kept is as new or newer; return the revision that is kept now."""
    db.execute(
        "insert into dispositions values (?, ?, ?) on conflict (call_id) do update"
        " set revision = excluded.revision, body = excluded.body where excluded.revision > revision",
        (call_id, revision, json.dumps(body)),
    )
    found = db.execute("select revision from dispositions where call_id = ?", (call_id,)).fetchone()
    return int(found[0])


def add_task(db: sqlite3.Connection, task: dict[str, Any]) -> None:
    """Keep a task under its id."""
    db.execute("insert into tasks values (?, ?)", (task["id"], json.dumps(task)))


def add_note(db: sqlite3.Connection, note: dict[str, Any]) -> None:
    """Keep a note under its id."""
    db.execute("insert into notes values (?, ?, ?)", (note["id"], note["call_id"], json.dumps(note)))
