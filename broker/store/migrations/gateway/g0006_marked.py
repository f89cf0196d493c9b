"""Tokens of children whom a marker of domestic abuse was about, for the first matter that is opened here."""

from alembic import op

from broker.store.gateway import tables as t

revision = "g0006"
down_revision = "g0005"


def upgrade() -> None:
    """Create it: a new database was made with it."""
    t.marked.create(op.get_bind(), checkfirst=True)
