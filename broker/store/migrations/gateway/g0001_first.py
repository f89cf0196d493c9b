"""The gateway's first tables."""

from alembic import op

from broker.store.gateway.tables import METADATA

revision = "g0001"
down_revision = None


def upgrade() -> None:
    """Create them."""
    METADATA.create_all(op.get_bind())
