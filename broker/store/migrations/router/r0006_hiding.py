"""Hidden families: protections, one-time keys, veiled audit entries."""

import sqlalchemy as sa
from alembic import op

from broker.store.router import tables as t

revision = "r0006"
down_revision = "r0005"


def upgrade() -> None:
    """Add what is not there: a new database was made with all of it."""
    connection = op.get_bind()
    for table in (t.protections, t.one_time, t.slip_keys, t.veiled):
        table.create(connection, checkfirst=True)
    there = {index["name"] for index in sa.inspect(connection).get_indexes(t.handovers.name)}
    for index in t.handovers.indexes:
        if index.name not in there:
            index.create(connection)
