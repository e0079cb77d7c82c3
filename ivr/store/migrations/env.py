"""Where alembic starts: on the connection `migrate` gives it."""

from alembic import context

from ivr.store.tables import tables

context.configure(connection=context.config.attributes["connection"], target_metadata=tables)
context.run_migrations()
