"""Bands of children's characteristics for the boards, where the policy lets them hold any."""

from alembic import op

from broker.store.gateway import tables as t

revision = "g0009"
down_revision = "g0008"


def upgrade() -> None:
    """Create it: a new database was made with it."""
    t.characteristics.create(op.get_bind(), checkfirst=True)
