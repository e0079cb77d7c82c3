"""Messages are kept with what is said in them, sealed, and with who heard, closed and confirmed them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"

ID = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "messages",
        sa.Column("call_id", ID, nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("recording", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("left_at", sa.BigInteger(), nullable=False),
        sa.Column("heard", sa.Text(), nullable=False),
        sa.Column("flags", sa.Text(), nullable=False),
        sa.Column("transcript", sa.LargeBinary()),
        sa.Column("items", sa.LargeBinary()),
        sa.Column("played_at", sa.BigInteger()),
        sa.Column("played_by", sa.Text()),
        sa.Column("closed_at", sa.BigInteger()),
        sa.Column("closed_by", sa.Text()),
        sa.Column("code", sa.Text()),
        sa.Column("unheard", sa.Text()),
        sa.Column("second_at", sa.BigInteger()),
        sa.Column("second_by", sa.Text()),
        sa.Column("deleted_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("call_id", name="pk_messages"),
    )
    unworked = sa.text("closed_at IS NULL")
    op.create_index(
        "ix_messages_unworked", "messages", ["site", "left_at"], sqlite_where=unworked, postgresql_where=unworked
    )
    op.create_index("ix_messages_closed_at", "messages", ["closed_at"])
