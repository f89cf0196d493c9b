"""Clocks that gateways keep themselves. What had come before them starts none: nobody is late by an upgrade."""

import sqlalchemy as sa
from alembic import op

from broker.store.gateway import tables as t

revision = "g0002"
down_revision = "g0001"


def upgrade() -> None:
    """Create them: a new database was made with them."""
    connection = op.get_bind()
    t.METADATA.create_all(connection, tables=[t.clocks, t.clock_refs, t.clocks_skipped])
    newest = connection.scalar(sa.select(sa.func.max(t.inbox.c.number)))
    if newest:
        connection.execute(t.counters.insert().values(name="clocks", value=newest))
