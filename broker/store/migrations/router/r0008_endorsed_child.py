"""Which child the one-time keys of a hidden handover were endorsed for."""

import sqlalchemy as sa
from alembic import op

revision = "r0008"
down_revision = "r0007"


def upgrade() -> None:
    """Add the column: a new database was made with it."""
    connection = op.get_bind()
    if "child" not in {column["name"] for column in sa.inspect(connection).get_columns("one_time")}:
        connection.exec_driver_sql("ALTER TABLE one_time ADD COLUMN child BLOB NOT NULL DEFAULT x''")
