"""Runs inside Alembic: migrate over the connection that ``broker.store.engine`` hands in."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
