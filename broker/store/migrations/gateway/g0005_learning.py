"""Learning that a board published, and the teams that have acknowledged some."""

from alembic import op

from broker.store.gateway import tables as t

revision = "g0005"
down_revision = "g0004"


def upgrade() -> None:
    """Create them: a new database was made with them."""
    for table in (t.learning, t.acknowledged):
        table.create(op.get_bind(), checkfirst=True)
