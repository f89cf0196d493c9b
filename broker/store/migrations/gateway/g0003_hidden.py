"""One-time keys of hidden handovers."""

from alembic import op

from broker.store.gateway import tables as t

revision = "g0003"
down_revision = "g0002"


def upgrade() -> None:
    """Add what is not there: a new database was made with all of it."""
    t.hidden.create(op.get_bind(), checkfirst=True)
