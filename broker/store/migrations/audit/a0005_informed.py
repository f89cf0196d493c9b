"""A slip may say who was told of a sharing, and who objected. Slips that came before are read again: VERSION went up."""

import sqlalchemy as sa
from alembic import op

from broker.store.audit import tables as t

revision = "a0005"
down_revision = "a0004"


def upgrade() -> None:
    """Add the column and what it is looked up by; a new database was made with both."""
    bind = op.get_bind()
    if "informed" not in {column["name"] for column in sa.inspect(bind).get_columns("slips")}:
        op.add_column("slips", sa.Column("informed", sa.String))
        next(index for index in t.slips.indexes if index.name == "slips_informed").create(bind)
