"""The six moments of a handover, who was told of what is owed, and the indexes that a look at the clock needs."""

import sqlalchemy as sa
from alembic import op

from broker.store.router import tables as t

revision = "r0002"
down_revision = "r0001"


def upgrade() -> None:
    """Add what is not there: a new database was made with all of it."""
    connection = op.get_bind()
    for table in (t.moments, t.notices_sent):
        table.create(connection, checkfirst=True)
    # ``deadlines_unmet`` takes its place.
    op.execute("DROP INDEX IF EXISTS deadlines_due")
    inspector = sa.inspect(connection)
    for table in (t.deadlines, t.orders):
        there = {index["name"] for index in inspector.get_indexes(table.name)}
        for index in table.indexes:
            if index.name not in there:
                index.create(connection)
