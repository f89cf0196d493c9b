"""Brothers and sisters on one plan have a matter each: the record belongs to its key."""

import sqlalchemy as sa
from alembic import op

from broker.store.router import tables as t

revision = "r0007"
down_revision = "r0006"


def upgrade() -> None:
    """Rebuild the table where it has the narrower key: a new database was made with this one."""
    connection = op.get_bind()
    inspected = sa.inspect(connection)
    if "origin" in inspected.get_pk_constraint("matters")["constrained_columns"]:
        return
    for index in inspected.get_indexes("matters"):
        op.drop_index(str(index["name"]), "matters")
    op.rename_table("matters", "matters_before")
    t.matters.create(connection)
    columns = ", ".join(column.name for column in t.matters.columns)
    connection.exec_driver_sql(f"INSERT INTO matters ({columns}) SELECT {columns} FROM matters_before")  # noqa: S608  our names
    op.drop_table("matters_before")
