"""Offers of proof are kept, so that wrong ones can be counted."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

ID = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "proofs",
        sa.Column("call_id", ID, nullable=False),
        sa.Column("ask", sa.Text(), nullable=False),
        sa.Column("number_key", sa.Text()),
        sa.Column("number_ends", sa.Text()),
        sa.Column("person", sa.Text()),
        sa.Column("wrong", sa.Boolean(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("lifted_at", sa.BigInteger()),
        sa.Column("lifted_by", sa.Text()),
        sa.PrimaryKeyConstraint("call_id", "ask", name="pk_proofs"),
    )
    op.create_index("ix_proofs_number_key", "proofs", ["number_key", "at"])
    op.create_index("ix_proofs_person", "proofs", ["person", "at"])
