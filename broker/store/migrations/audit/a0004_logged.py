"""Questions become entries of the log: which entry each is, and where the trail has it."""

import sqlalchemy as sa
from alembic import op

from broker.store.audit import tables as t

revision = "a0004"
down_revision = "a0003"


def upgrade() -> None:
    """Add the table; questions from before stay at the node alone."""
    bind = op.get_bind()
    if not sa.inspect(bind).has_table("logged"):
        t.logged.create(bind)
