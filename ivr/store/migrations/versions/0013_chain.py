"""The lines of the audit are a chain, those that stand are its first, and neither database lets one be changed."""

import sqlalchemy as sa
from alembic import context, op

from ivr.store.chain import BEGINNING, HEAD, Chain, Link
from ivr.store.refusals import Misuse

revision = "0013"
down_revision = "0011"

# Only what the anchor has let go of may be removed: `store/audit.py` moves it in the same transaction.
SQLITE = (
    "CREATE TRIGGER audit_unchanged BEFORE UPDATE ON audit BEGIN"
    " SELECT RAISE(ABORT, 'a line of the audit is never changed'); END",
    "CREATE TRIGGER audit_kept BEFORE DELETE ON audit WHEN OLD.seq > COALESCE("
    "(SELECT CAST(value AS INTEGER) FROM marks WHERE name = 'audit:anchor'), 0) BEGIN"
    " SELECT RAISE(ABORT, 'a line of the audit is removed only with all before it, as ivr purge does'); END",
)
POSTGRESQL = (
    "CREATE OR REPLACE FUNCTION audit_kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " IF TG_OP = 'DELETE' AND OLD.seq <= COALESCE("
    "(SELECT split_part(value, ' ', 1)::bigint FROM marks WHERE name = 'audit:anchor'), 0) THEN RETURN OLD; END IF;"
    " RAISE EXCEPTION 'a line of the audit is never changed, and removed only with all before it, as ivr purge does';"
    " END $$",
    "CREATE TRIGGER audit_kept BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_kept()",
)


def upgrade() -> None:
    op.add_column("audit", sa.Column("seq", sa.BigInteger(), nullable=True))
    for name in ("prev", "hash"):
        op.add_column("audit", sa.Column(name, sa.Text(), nullable=True))
    _chain_those_that_stand()
    with op.batch_alter_table("audit") as table:
        for name in ("seq", "prev", "hash"):
            table.alter_column(name, nullable=False)
        table.create_unique_constraint("uq_audit_seq", ["seq"])
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(sa.text(statement.replace("::", r"\:\:")))


def _chain_those_that_stand() -> None:
    connection = op.get_bind()
    lines = connection.execute(sa.text("SELECT * FROM audit ORDER BY id")).mappings().all()
    if not lines:
        return
    keys = context.config.attributes
    if not keys.get("secret_key"):
        raise Misuse("the audit that stands is to be chained, and no SECRET_KEY is given: run `ivr migrate`")
    chain, link = Chain(keys["secret_key"], keys.get("audit_key", "")), BEGINNING
    write = sa.text("UPDATE audit SET seq = :seq, prev = :prev, hash = :hash WHERE id = :id")
    for line in lines:
        bound = chain.bound(link, dict(line))
        connection.execute(write, {name: bound[name] for name in ("id", "seq", "prev", "hash")})
        link = Link(bound["seq"], bound["hash"])
    mark = sa.text("INSERT INTO marks (name, value) VALUES (:name, :value)")
    connection.execute(mark, {"name": HEAD, "value": chain.mark(HEAD, link)})
