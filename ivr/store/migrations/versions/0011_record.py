"""Every revision of a disposition is kept, and so are the notes of staff, sealed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"

ID = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "revisions",
        sa.Column("call_id", ID, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("call_id", "revision", name="pk_revisions"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "notes",
        sa.Column("call_id", ID, nullable=False),
        sa.Column("nth", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer()),
        sa.Column("words", sa.LargeBinary().with_variant(sa.Text(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("call_id", "nth", name="pk_notes"),
        sqlite_with_rowid=False,
    )
    # Of what was said before there is only the newest, and when each was said nobody kept: with the call's end.
    op.execute(
        sa.text(
            "INSERT INTO revisions (call_id, revision, at, by, body)"
            " SELECT d.call_id, d.revision, coalesce(c.ended_at, c.arrived_at), '', d.body"
            " FROM dispositions d JOIN calls c ON c.id = d.call_id"
        )
    )
