"""That the router has heard of an acknowledgement."""

import sqlalchemy as sa
from alembic import op

revision = "n0002"
down_revision = "n0001"


def upgrade() -> None:
    """Add it where it is not there: a new database was made with it."""
    known = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("notices")}
    if "seen_reported_ms" not in known:
        op.add_column("notices", sa.Column("seen_reported_ms", sa.BigInteger()))
