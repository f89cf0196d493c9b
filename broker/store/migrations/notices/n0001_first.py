"""The first table of notices."""

from alembic import op

from broker.store.notices.tables import METADATA

revision = "n0001"
down_revision = None


def upgrade() -> None:
    """Create them."""
    METADATA.create_all(op.get_bind())
