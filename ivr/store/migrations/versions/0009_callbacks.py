"""A ticket knows its need: a person has one live ticket for each. Callbacks to a number can be counted."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

IN_NEED = sa.text("state <> 'closed' AND calm AND kind IN ('hold', 'callback') AND need <> ''")
CALLED_BACK = sa.text("kind = 'callback'")


def upgrade() -> None:
    # Of tickets from before nobody knows the need, and none of them forbids another.
    op.add_column("tickets", sa.Column("need", sa.Text(), nullable=False, server_default=""))
    op.create_index(
        "uq_tickets_need", "tickets", ["person", "need"], unique=True, sqlite_where=IN_NEED, postgresql_where=IN_NEED
    )
    op.create_index(
        "ix_legs_called_back", "legs", ["number", "created_at"], sqlite_where=CALLED_BACK, postgresql_where=CALLED_BACK
    )
