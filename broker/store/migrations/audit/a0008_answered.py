"""What a question was answered last is kept, for when newer figures may not be told."""

import sqlalchemy as sa
from alembic import op

from broker.store.audit import tables as t

revision = "a0008"
down_revision = "a0007"


def upgrade() -> None:
    """Add the table."""
    bind = op.get_bind()
    if not sa.inspect(bind).has_table("answered"):
        t.answered.create(bind)
