"""Alembic's entry: runs the steps on the connection that ``adapters.store.migrate`` hands over."""

from alembic import context

from adapters.store.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    compare_type=True,
    render_as_batch=True,
    # SQLite can undo DDL as well: the engine says BEGIN itself.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
