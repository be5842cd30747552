"""What Alembic runs: the steps, on the connection that `stream.ledger.database.migrate` hands over."""

from alembic import context

from stream.ledger.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
