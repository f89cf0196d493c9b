"""What an endorser was asked and answered; and of one's own one-time keys, the move that was shown and who refused."""

import sqlalchemy as sa
from alembic import op

from broker.store.gateway import tables as t

revision = "g0007"
down_revision = "g0006"


def upgrade() -> None:
    """Add what is not there: a new database was made with all of it."""
    connection = op.get_bind()
    known = {column["name"] for column in sa.inspect(connection).get_columns("hidden")}
    for name, kind, empty in (
        ("child", "BLOB", "x''"),
        ("evidence", "BLOB", "x''"),
        ("refused", "TEXT", "''"),
    ):
        if name not in known:
            connection.exec_driver_sql(
                f"ALTER TABLE hidden ADD COLUMN {name} {kind} NOT NULL DEFAULT {empty}"
            )
    t.endorsings.create(connection, checkfirst=True)
