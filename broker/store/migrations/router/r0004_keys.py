"""Tokens and children lie in their keys' own trees; what waits in quarantine is found by its state."""

import sqlalchemy as sa
from alembic import op

from broker.store.router import tables as t

revision = "r0004"
down_revision = "r0003"


def upgrade() -> None:
    """Rebuild what has another form: a new database was made with this one."""
    connection = op.get_bind()
    for table in (t.children, t.tokens):
        if "WITHOUT ROWID" not in _written(connection, table.name):
            _rebuild(connection, table)
    if not any(
        index["column_names"] == ["state"] for index in sa.inspect(connection).get_indexes("quarantine")
    ):
        next(index for index in t.quarantine.indexes if "state" in index.columns).create(connection)


def _written(connection: sa.Connection, name: str) -> str:
    return str(connection.scalar(sa.text("SELECT sql FROM sqlite_master WHERE name = :name"), {"name": name}))


def _rebuild(connection: sa.Connection, table: sa.Table) -> None:
    for index in sa.inspect(connection).get_indexes(table.name):
        op.drop_index(str(index["name"]), table.name)
    before = f"{table.name}_before"
    op.rename_table(table.name, before)
    table.create(connection)
    columns = ", ".join(column.name for column in table.columns)
    connection.exec_driver_sql(f"INSERT INTO {table.name} SELECT {columns} FROM {before}")  # noqa: S608  our names
    op.drop_table(before)
