"""The trail apart from what is learnt of it: the mirror stays as it is, all else is learnt again."""

import hashlib

import sqlalchemy as sa
from alembic import op

from broker.store.audit import tables as t

revision = "a0003"
down_revision = "a0002"

_AT_ONCE = 5_000


def upgrade() -> None:
    """Keep the entries as they came, and where the log has them; a new database was made with all of it."""
    bind = op.get_bind()
    old = sa.inspect(bind)
    if "body" not in {column["name"] for column in old.get_columns("entries")}:
        return
    t.mirror.create(bind)
    rows = bind.exec_driver_sql('SELECT "index", "hash" FROM leaves').all()
    places = {bytes(leaf): index for index, leaf in sorted(rows, reverse=True)}
    came = bind.exec_driver_sql(
        "SELECT partition, number, body FROM entries ORDER BY partition, number"
    ).all()
    for start in range(0, len(came), _AT_ONCE):
        bind.execute(
            t.mirror.insert(),
            [
                {
                    "partition": row[0],
                    "number": row[1],
                    "leaf": places.get(hashlib.sha256(b"\x00" + row[2]).digest()),
                    "body": row[2],
                }
                for row in came[start : start + _AT_ONCE]
            ],
        )
    for table in reversed(t.PROJECTION):
        if old.has_table(table.name):
            op.drop_table(table.name)
    # The table is the same but for an index on the hash that nothing asks by any more.
    for index in old.get_indexes("leaves"):
        op.drop_index(str(index["name"]), "leaves")
    t.METADATA.create_all(bind)
