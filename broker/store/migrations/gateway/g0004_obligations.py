"""What the boards were told of the clocks that a gateway keeps."""

from alembic import op

from broker.store.gateway import tables as t

revision = "g0004"
down_revision = "g0003"


def upgrade() -> None:
    """Create it: a new database was made with it."""
    t.clocks_told.create(op.get_bind(), checkfirst=True)
