"""Cues: the facts that their rules read, the cues, and when a child is to be looked at again."""

from alembic import op

from broker.store.gateway import tables as t

revision = "g0010"
down_revision = "g0009"


def upgrade() -> None:
    """Create them: a new database was made with them."""
    for table in (t.cue_facts, t.cue_refs, t.cues, t.cue_looks):
        table.create(op.get_bind(), checkfirst=True)
