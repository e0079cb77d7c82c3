"""The first schema."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

FLAG, NUMBER, REAL, TEXT = sa.Boolean(), sa.Integer(), sa.Float(53), sa.Text()
ID = sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql")
INSTANT = sa.BigInteger()
NONE: Mapping[str, Any] = {}


def upgrade() -> None:
    _calls()
    _turns()
    _tickets()
    _desk()
    _effects()
    _callers()
    _content()
    _processes()


def _table(
    table: str, key: str, /, *, may_lack: str = "", unique: str = "", options: Mapping[str, Any] = NONE, **columns: Any
) -> None:
    op.create_table(
        table,
        *(
            sa.Column(column, kind, nullable=column in may_lack.split(), autoincrement=False)
            for column, kind in columns.items()
        ),
        sa.PrimaryKeyConstraint(*key.split(), name=f"pk_{table}"),
        *(sa.UniqueConstraint(column, name=f"uq_{table}_{column}") for column in unique.split()),
        **options,
    )


def _index(name: str, table: str, columns: str, where: str | None = None, unique: bool = False) -> None:
    only = None if where is None else sa.text(where)
    op.create_index(name, table, columns.split(), unique=unique, sqlite_where=only, postgresql_where=only)


def _calls() -> None:
    _table(
        "calls",
        "id",
        id=ID,
        rev=NUMBER,
        line=TEXT,
        site=TEXT,
        version=TEXT,
        state=TEXT,
        caller_key=TEXT,
        person=TEXT,
        phase=TEXT,
        outcome=TEXT,
        arrived_at=INSTANT,
        ended_at=INSTANT,
        live=FLAG,
        may_lack="caller_key person outcome ended_at",
        # Room on the page lets PostgreSQL rewrite a row without touching its indexes.
        options={"postgresql_with": {"fillfactor": 70}},
    )
    _index("ix_calls_live", "calls", "arrived_at", where="live")
    _index("ix_calls_caller_key", "calls", "caller_key arrived_at")
    _index("ix_calls_person", "calls", "person arrived_at")
    _table(
        "legs",
        "token",
        token=ID,
        call_id=ID,
        kind=TEXT,
        state=TEXT,
        call_sid=TEXT,
        number=TEXT,
        created_at=INSTANT,
        over_at=INSTANT,
        may_lack="call_sid number over_at",
        unique="call_sid",
    )
    _index("ix_legs_call_id", "legs", "call_id")
    _index("ix_legs_not_over", "legs", "token", where="state <> 'over'")


def _turns() -> None:
    _table(
        "replies",
        "leg n exit",
        leg=ID,
        n=NUMBER,
        exit=TEXT,
        seq=NUMBER,
        reply=sa.LargeBinary(),
        at=INSTANT,
    )
    _table(
        "journal",
        "call_id seq",
        call_id=ID,
        seq=NUMBER,
        at=INSTANT,
        leg=ID,
        event=TEXT,
        reasons=TEXT,
        version=TEXT,
        may_lack="leg",
        options={"sqlite_with_rowid": False},
    )
    _table("answers", "call_id ask", call_id=ID, ask=TEXT, body=TEXT, at=INSTANT)
    _table("timers", "call_id name", call_id=ID, name=TEXT, due_at=INSTANT)
    _index("ix_timers_due_at", "timers", "due_at")


def _tickets() -> None:
    _table(
        "tickets",
        "id",
        id=ID,
        call_id=ID,
        site=TEXT,
        queue=TEXT,
        kind=TEXT,
        state=TEXT,
        person=TEXT,
        calm=FLAG,
        arrived_at=INSTANT,
        due_from=INSTANT,
        promised_at=INSTANT,
        body=TEXT,
    )
    order = "site calm promised_at arrived_at id"
    _index("ix_tickets_call_id", "tickets", "call_id")
    _index("ix_tickets_waiting", "tickets", order, where="state = 'waiting'")
    _index("ix_tickets_person", "tickets", "person", where="state <> 'closed'")


def _desk() -> None:
    _table("agents", "id", id=TEXT, presence=TEXT, reason=TEXT, since=INSTANT, fence=NUMBER)
    _table(
        "offers",
        "id",
        id=ID,
        ticket_id=ID,
        call_id=ID,
        agent_id=TEXT,
        leg=ID,
        state=TEXT,
        offered_at=INSTANT,
        expires_at=INSTANT,
    )
    standing, accepted = "state IN ('open', 'accepted')", "state = 'accepted'"
    _index("ix_offers_call_id", "offers", "call_id")
    _index("uq_offers_agent", "offers", "agent_id", where=standing, unique=True)
    _index("uq_offers_ticket", "offers", "ticket_id", where=accepted, unique=True)


def _effects() -> None:
    _table(
        "effects",
        "id",
        id=ID,
        call_id=ID,
        seq=sa.BigInteger(),
        kind=TEXT,
        lane=TEXT,
        body=TEXT,
        urgency=NUMBER,
        state=TEXT,
        due_at=INSTANT,
        attempts=NUMBER,
        lease_until=INSTANT,
        sent_at=INSTANT,
        done_at=INSTANT,
        result=TEXT,
        error=TEXT,
        key=TEXT,
        may_lack="lease_until sent_at done_at result error key",
        unique="key",
    )
    _index("ix_effects_undone", "effects", "lane urgency due_at", where="state NOT IN ('done', 'dead')")
    _index("ix_effects_call", "effects", "call_id seq")


def _callers() -> None:
    _table(
        "dispositions",
        "call_id",
        call_id=ID,
        revision=NUMBER,
        final=FLAG,
        body=TEXT,
        written_revision=NUMBER,
    )
    _table("callers", "number_key", number_key=TEXT, language=TEXT, seen_at=INSTANT)


def _content() -> None:
    _table("versions", "version", version=TEXT, files=TEXT, at=INSTANT)
    _table("publications", "seq", seq=NUMBER, version=TEXT, at=INSTANT, author=TEXT, message=TEXT)


def _processes() -> None:
    _table("heartbeats", "name", name=TEXT, at_real=REAL)
    _table("leases", "name", name=TEXT, holder=TEXT, fence=NUMBER, until_real=REAL)
    _table("marks", "name", name=TEXT, value=TEXT)
