"""What agents do next, what they missed, and every move of theirs."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    for name in ("next", "next_reason"):
        op.add_column("agents", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    for name in ("missed", "moves"):
        op.add_column("agents", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    for name in ("own_at", "shift_at"):
        op.add_column("agents", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
    op.create_table(
        "presences",
        sa.Column("agent_id", sa.Text(), nullable=False),
        sa.Column("nth", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("presence", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("next", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("agent_id", "nth", name="pk_presences"),
    )
