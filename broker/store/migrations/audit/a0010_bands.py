"""A front door's slip may tell bands of a child's characteristics. Slips that came before are read again: VERSION went up."""

import sqlalchemy as sa
from alembic import op

from broker.store.audit import tables as t

revision = "a0010"
down_revision = "a0009"


def upgrade() -> None:
    """Add the columns and what they are looked up by; a new database was made with all of it."""
    bind = op.get_bind()
    if "age" not in {column["name"] for column in sa.inspect(bind).get_columns("slips")}:
        for name in ("age", "ethnicity", "disabled"):
            op.add_column("slips", sa.Column(name, sa.BigInteger))
        next(index for index in t.slips.indexes if index.name == "slips_banded").create(bind)
