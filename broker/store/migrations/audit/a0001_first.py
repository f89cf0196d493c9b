"""The board's first tables."""

from alembic import op

from broker.store.audit.tables import METADATA

revision = "a0001"
down_revision = None


def upgrade() -> None:
    """Create them."""
    METADATA.create_all(op.get_bind())
