"""What may be written to the ledger, each within the transaction of whoever writes."""

from __future__ import annotations

import json
from sqlite3 import Connection

from ivr.orders.sandbox.ledger import Body


def body(db: Connection, table: str, key: str) -> Body | None:
    """Return the body of one row by its primary key."""
    column = "person" if table == "consents" else "id"
    found = db.execute(f"select body from {table} where {column} = ?", (key,)).fetchone()
    return None if found is None else json.loads(found[0])


def put_call(db: Connection, call_id: str, record: Body) -> None:
    """Put the record of a call in place of what was there."""
    db.execute(
        "insert into calls values (?, ?) on conflict (id) do update set body = excluded.body",
        (call_id, json.dumps(record)),
    )


def add_note(db: Connection, note: Body) -> None:
    """Keep a note under its id."""
    db.execute("insert into notes values (?, ?, ?)", (note["id"], note["call_id"], json.dumps(note)))


def keep_disposition(db: Connection, call_id: str, revision: int, what: Body) -> int:
    """Keep a disposition unless the one kept is as new or newer; return the revision that is kept now."""
    db.execute(
        "insert into dispositions values (?, ?, ?) on conflict (call_id) do update"
        " set revision = excluded.revision, body = excluded.body where excluded.revision > revision",
        (call_id, revision, json.dumps(what)),
    )
    found = db.execute("select revision from dispositions where call_id = ?", (call_id,)).fetchone()
    return int(found[0])


def place(db: Connection, kind: str, request: Body) -> bool:
    """Keep a request of a kind; return False, and write nothing, where its prescription has an open one."""
    kept = db.execute(
        "insert into requests values (?, ?, ?, ?, 1, ?) on conflict do nothing",
        (request["id"], kind, request["prescription_id"], request["call_id"], json.dumps(request)),
    )
    return kept.rowcount == 1


def request(db: Connection, kind: str, request_id: str) -> Body | None:
    """Return a request of this kind."""
    found = db.execute("select body from requests where id = ? and kind = ?", (request_id, kind)).fetchone()
    return None if found is None else json.loads(found[0])


def close_request(db: Connection, asked: Body, status: str) -> Body:
    """End a request as `completed` or `cancelled` and return it."""
    ended = asked | {"status": status}
    db.execute("update requests set open = 0, body = ? where id = ?", (json.dumps(ended), asked["id"]))
    return ended


def open_requests(db: Connection, token: str) -> list[Body]:
    """Return what is asked for about a prescription and not done."""
    found = db.execute("select body from requests where prescription_id = ? and open", (token,)).fetchall()
    return [json.loads(each) for (each,) in found]


def change(db: Connection, source: str, token: str, facts: Body) -> None:
    """Say what is now so of a prescription, and by which request or event."""
    db.execute("insert into changes values (?, ?, ?)", (source, token, json.dumps(facts)))


def unchange(db: Connection, source: str) -> None:
    """Take back what a request or event made so."""
    db.execute("delete from changes where id = ?", (source,))


def put_task(db: Connection, task: Body) -> None:
    """Keep a task under its id, in place of what was there."""
    db.execute(
        "insert into tasks values (?, ?, ?) on conflict (id) do update set body = excluded.body",
        (task["id"], task.get("call_id"), json.dumps(task)),
    )


def put_consents(db: Connection, person: str, consents: Body) -> None:
    """Keep what a patient agreed to, in place of what was there."""
    db.execute(
        "insert into consents values (?, ?) on conflict (person) do update set body = excluded.body",
        (person, json.dumps(consents)),
    )


def add_event(db: Connection, event: Body, due: float | None) -> None:
    """Keep an event for replay; and to be delivered, where `due` says from when on."""
    db.execute("insert into events (id, body) values (?, ?)", (event["id"], json.dumps(event)))
    deliver(db, event, due)


def deliver(db: Connection, event: Body, due: float | None) -> None:
    """Have an event delivered from `due` on, perhaps once more; None: nobody wants it delivered."""
    if due is not None:
        db.execute(
            "insert or replace into undelivered (id, tries, due, body) values (?, 0, ?, ?)",
            (event["id"], due, json.dumps(event)),
        )


def event(db: Connection, event_id: str) -> Body | None:
    """Return an event that is kept for replay."""
    return body(db, "events", event_id)


def changed(db: Connection, token: str) -> Body:
    """Return what is now so of one prescription."""
    now: Body = {}
    for (facts,) in db.execute("select body from changes where prescription_id = ? order by rowid", (token,)):
        now |= json.loads(facts)
    return now
