"""What begins and ends for a child is found by its time first."""

from alembic import op

from broker.store.audit import tables as t

revision = "a0009"
down_revision = "a0008"


def upgrade() -> None:
    """Make the index anew."""
    op.execute("DROP INDEX IF EXISTS turns_by_record")
    (index,) = t.turns.indexes
    index.create(op.get_bind())
