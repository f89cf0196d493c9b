"""The log's leaves and heads, as far as the node follows them."""

from alembic import op

from broker.store.audit import tables as t

revision = "a0002"
down_revision = "a0001"


def upgrade() -> None:
    """Add what is not there: a new database was made with all of it."""
    for table in (t.leaves, t.heads):
        table.create(op.get_bind(), checkfirst=True)
