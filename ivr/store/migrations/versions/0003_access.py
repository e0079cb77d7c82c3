"""A number may be remembered by its pace alone, and its language be unknown."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    with op.batch_alter_table("callers") as callers:  # SQLite makes the table anew
        callers.alter_column("language", existing_type=sa.Text(), nullable=True)
        callers.add_column(sa.Column("access", sa.Text(), nullable=True))
