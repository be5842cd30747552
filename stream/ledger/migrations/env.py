"""Alembic environment: runs the migrations on the connection that `stream.ledger.migrate.migrate` passes."""

from alembic import context

from stream.ledger.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
