"""Items of what was granted to us that are not as they should be, and how often each was refused."""

from alembic import op

from broker.store.gateway import tables as t

revision = "g0008"
down_revision = "g0007"


def upgrade() -> None:
    """Create it: a new database was made with it."""
    t.faulty.create(op.get_bind(), checkfirst=True)
