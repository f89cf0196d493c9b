"""Whether the new area of a handover has taken the history without a release."""

import sqlalchemy as sa
from alembic import op

from broker.store.router import tables as t

revision = "r0005"
down_revision = "r0004"


def upgrade() -> None:
    """Add what is not there: a new database was made with all of it."""
    present = {column["name"] for column in sa.inspect(op.get_bind()).get_columns(t.handovers.name)}
    if "glass" not in present:
        op.add_column(
            t.handovers.name, sa.Column("glass", sa.Boolean, nullable=False, server_default=sa.text("0"))
        )
