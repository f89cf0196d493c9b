"""Items that readers have refused, so that they are asked for again, a bounded number of times."""

from alembic import op

from broker.store.router import tables as t

revision = "r0009"
down_revision = "r0008"


def upgrade() -> None:
    """Create it: a new database was made with it."""
    t.faulty.create(op.get_bind(), checkfirst=True)
