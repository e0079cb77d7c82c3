"""What tells of a caller is sealed at rest; recordings at the carrier are listed until they are deleted there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from ivr.store.notation import micros
from ivr.store.refusals import Misuse
from ivr.store.seal import Keys, Seal

revision = "0014"
down_revision = "0013"

ID = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
BATCH = 500
TO_SEAL = (
    ("calls", "state", ("id",), False),
    ("legs", "number", ("token",), True),
    ("journal", "event", ("call_id", "seq"), False),
    ("effects", "body", ("id",), False),
    ("answers", "body", ("call_id", "ask"), False),
    ("dispositions", "body", ("call_id",), False),
    ("revisions", "body", ("call_id", "revision"), False),
    ("messages", "recording", ("call_id",), False),
    ("messages", "transcript", ("call_id",), True),
    ("messages", "items", ("call_id",), True),
    ("messages", "unheard", ("call_id",), True),
)
SEALED_BEFORE = ("transcript", "items")  # for their call, with SECRET_KEY
CALLED_BACK = sa.text("kind = 'callback'")
AT_THE_CARRIER = sa.text("deleted_at IS NULL")


def upgrade() -> None:
    op.create_index("ix_calls_arrived_at", "calls", ["arrived_at"])
    _numbers()
    _recordings()
    for table, column, key, nullable in TO_SEAL:
        _seal(table, column, key, nullable)


def _keys() -> tuple[Seal, Keys]:
    given = context.config.attributes
    if not given.get("secret_key"):
        raise Misuse("this record is to be sealed, and no SECRET_KEY is given: run `ivr migrate`")
    return Seal(given["secret_key"]), Keys(given["secret_key"], given.get("record_key", ""))


# ---------------------------------------------------------------- numbers and recordings


def _numbers() -> None:
    op.drop_index("ix_legs_called_back", "legs")
    op.add_column("legs", sa.Column("number_key", sa.Text(), nullable=True))
    legs = sa.table("legs", sa.column("token"), sa.column("number"), sa.column("number_key"))
    change = sa.update(legs).where(legs.c.token == sa.bindparam("b_token")).values(number_key=sa.bindparam("b_key"))
    seal = None
    for rows in _batches(legs, ("token",), legs.c.number):
        seal = seal or _keys()[0]
        op.get_bind().execute(change, [{"b_token": token, "b_key": seal.key_of(number)} for token, number in rows])
    op.create_index(
        "ix_legs_called_back",
        "legs",
        ["number_key", "created_at"],
        sqlite_where=CALLED_BACK,
        postgresql_where=CALLED_BACK,
    )


def _recordings() -> None:
    recordings = op.create_table(
        "recordings",
        sa.Column("call_id", ID, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("recording", sa.LargeBinary().with_variant(sa.Text(), "sqlite"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("call_id", "key", name="pk_recordings"),
    )
    op.create_index(
        "ix_recordings_at_the_carrier",
        "recordings",
        ["made_at"],
        sqlite_where=AT_THE_CARRIER,
        postgresql_where=AT_THE_CARRIER,
    )
    calls = sa.table("calls", sa.column("id"), sa.column("state"))
    for rows in _batches(calls, ("id",), calls.c.state):
        found = [row for _, state in rows for row in _recorded(json.loads(state), *_keys())]
        if found:
            op.get_bind().execute(sa.insert(recordings), found)


def _recorded(call: dict[str, Any], seal: Seal, keys: Keys) -> Iterator[dict[str, Any]]:
    kinds = dict.fromkeys(call.get("recordings", ()), "message") | dict.fromkeys(call.get("tapes", {}).values(), "talk")
    message = call.get("message") or {}
    for recording, kind in kinds.items():
        gone = message.get("deleted_at") if kind == "message" and recording == message.get("recording") else None
        yield {
            "call_id": call["id"],
            "key": seal.key_of(recording),
            "recording": keys.seal("recordings.recording", recording),
            "kind": kind,
            "made_at": _micros(call["arrived_at"]),
            "deleted_at": gone and _micros(gone),
        }


def _micros(written: str) -> int:
    return micros(datetime.fromisoformat(written))


# ---------------------------------------------------------------- sealing


def _seal(table_name: str, column: str, key: tuple[str, ...], nullable: bool) -> None:
    # SQLite keeps bytes in a column of words as they are. Elsewhere they come beside the words, then in their place.
    if op.get_bind().dialect.name == "sqlite" and column not in SEALED_BEFORE:
        return _fill(table_name, column, column, key)
    fresh = f"{column}_sealed"
    default = None if nullable else sa.text("''")
    type_ = sa.LargeBinary().with_variant(sa.Text(), "sqlite")
    op.add_column(table_name, sa.Column(fresh, type_, nullable=nullable, server_default=default))
    _fill(table_name, column, fresh, key)
    op.drop_column(table_name, column)
    return op.alter_column(table_name, fresh, new_column_name=column)


def _fill(table_name: str, column: str, fresh: str, key: tuple[str, ...]) -> None:
    table = sa.table(table_name, *(sa.column(name) for name in {*key, column, fresh}))
    change = sa.update(table).values({fresh: sa.bindparam("sealed", type_=sa.LargeBinary())})
    for name in key:
        change = change.where(table.c[name] == sa.bindparam(f"b_{name}"))
    close = None
    for rows in _batches(table, key, table.c[column]):
        close = close or _closing(table_name, column)
        told = [
            {f"b_{name}": value for name, value in zip(key, row, strict=False)} | {"sealed": close(row)} for row in rows
        ]
        op.get_bind().execute(change, told)


def _closing(table: str, column: str) -> Callable[[Any], bytes]:
    seal, keys = _keys()
    what = f"{table}.{column}"
    if column in SEALED_BEFORE:
        return lambda row: keys.seal(what, seal.open(row[0], bytes(row[-1])))
    return lambda row: keys.seal(what, row[-1])


def _batches(table: sa.TableClause, key: tuple[str, ...], column: sa.ColumnElement[Any]) -> Iterator[list[Any]]:
    """Yield the rows that have something in a column, some hundred at a time: key and that."""
    columns = [table.c[name] for name in key]
    asked = sa.select(*columns, column).where(column.is_not(None)).order_by(*columns).limit(BATCH)
    rows = op.get_bind().execute(asked).all()
    while rows:
        yield list(rows)
        last = sa.tuple_(*(sa.literal(value) for value in rows[-1][:-1]))
        rows = op.get_bind().execute(asked.where(sa.tuple_(*columns) > last)).all()
