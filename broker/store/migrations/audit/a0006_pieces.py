"""Answers are held against each other: what those from before this version told is not known, and is not counted."""

import sqlalchemy as sa
from alembic import op

from broker.store.audit import tables as t

revision = "a0006"
down_revision = "a0005"


def upgrade() -> None:
    """Add the table."""
    bind = op.get_bind()
    if not sa.inspect(bind).has_table("pieces"):
        t.pieces.create(bind)
