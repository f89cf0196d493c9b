"""Records: handovers and orders go with the record that they are about when a link is undone."""

import sqlalchemy as sa
from alembic import op

from broker.store.router import tables as t

revision = "r0003"
down_revision = "r0002"


def upgrade() -> None:
    """Add what is not there: a new database was made with all of it."""
    connection = op.get_bind()
    inspector = sa.inspect(connection)
    if inspector.has_table(t.records.name):
        return
    t.records.create(connection)
    # What was known before: of each child one record, its own; of a link that stands, what it had remembered.
    connection.exec_driver_sql(
        "INSERT INTO records SELECT child, child, holder, safety, child, '', 0, 1, NULL, 0 FROM children"
    )
    connection.exec_driver_sql(
        "INSERT OR IGNORE INTO records SELECT merged, child, merged_holder, merged_safety, event_id, '', 0, 0, NULL, 0 FROM links"
    )
    connection.exec_driver_sql(
        "INSERT OR IGNORE INTO counters SELECT 'decisions', 1 + COALESCE(MAX(n), 0) FROM links"
    )
    unknown = sa.text("x''")
    for table in (t.handovers, t.orders):
        op.add_column(table.name, sa.Column("origin", t.Bytes, nullable=False, server_default=unknown))
        connection.exec_driver_sql(f"UPDATE {table.name} SET origin = child")  # noqa: S608  our own table's name
    # What was accepted before was final, so nothing of it is provisional now.
    for flag, known in (("confirmed", "1"), ("contested", "0"), ("conference", "0")):
        op.add_column(
            t.handovers.name, sa.Column(flag, sa.Boolean, nullable=False, server_default=sa.text(known))
        )
    op.add_column(
        t.handovers.name, sa.Column("keeping", t.Text, nullable=False, server_default=sa.text("'none'"))
    )
    op.add_column(t.orders.name, sa.Column("evidence", t.Bytes, nullable=False, server_default=unknown))
    with op.batch_alter_table(t.links.name) as links:
        for column in ("merged_holder", "merged_safety", "kept_safety"):
            links.drop_column(column)
