"""The router's first tables."""

from alembic import op

from broker.store.router.tables import METADATA

revision = "r0001"
down_revision = None


def upgrade() -> None:
    """Create them."""
    METADATA.create_all(op.get_bind())
