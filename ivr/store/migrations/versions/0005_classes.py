"""Tickets are kept by class, so that dispatch need not read the whole line; what is stuck is found by index."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"

ID = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("tickets", sa.Column("alike", ID, nullable=True))
    op.add_column("tickets", sa.Column("not_before", sa.BigInteger(), nullable=True))
    _class_those_in_line()
    _index(
        "ix_tickets_alike",
        "tickets",
        ["alike", "promised_at", "arrived_at", "id", "not_before"],
        "state = 'waiting' AND kind <> 'voicemail'",
    )
    _index("ix_tickets_served", "tickets", ["id"], "state IN ('connecting', 'talking')")
    _index("ix_offers_open", "offers", ["ticket_id"], "state = 'open'")
    op.create_index("ix_offers_offered_at", "offers", ["offered_at"])


def _index(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def _class_those_in_line() -> None:
    connection = op.get_bind()
    write = sa.text("UPDATE tickets SET alike = :alike, not_before = :not_before WHERE id = :ticket")
    found = connection.execute(sa.text("SELECT id, body FROM tickets WHERE state <> 'closed'")).all()
    for ticket, body in found:
        kept = json.loads(body)
        told = {"alike": _class_of(kept), "not_before": _micros(kept["not_before"])}
        connection.execute(write, told | {"ticket": ticket})


def _micros(at: str | None) -> int | None:
    return (
        None
        if at is None
        else (datetime.fromisoformat(at) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    )


def _class_of(ticket: dict[str, Any]) -> str:
    kept = {
        "site": ticket["site"],
        "queue": ticket["queue"],
        "kind": ticket["kind"],
        "emergency": ticket["answer_within_seconds"] == 0,
        "needs": sorted(ticket["needs"]),
        "language": ticket["language"],
        "licensed": ticket["licensed"],
        "also": sorted(ticket["also"]),
        "on_call": ticket["on_call"],
        "sites": [],
        "preferred": None,
    }
    return json.dumps(kept, separators=(",", ":"), ensure_ascii=False)
