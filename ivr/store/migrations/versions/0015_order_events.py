"""What happened at the order system, each event once."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"

ID = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
NOT_TAKEN = sa.text("taken_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "order_events",
        sa.Column("id", ID, nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.Text()),
        sa.Column("prescription", sa.Text()),
        sa.Column("data", sa.LargeBinary().with_variant(sa.Text(), "sqlite"), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("taken_at", sa.BigInteger()),
        sa.Column("task", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_order_events"),
    )
    op.create_index("ix_order_events_at", "order_events", ["at"])
    op.create_index("ix_order_events_prescription", "order_events", ["prescription", "at"])
    op.create_index(
        "ix_order_events_not_taken", "order_events", ["at"], sqlite_where=NOT_TAKEN, postgresql_where=NOT_TAKEN
    )
