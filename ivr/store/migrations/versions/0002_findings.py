"""A publication keeps what its check found, and which earlier one it puts back."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("publications", sa.Column("findings", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("publications", sa.Column("restores", sa.Integer(), nullable=True))
