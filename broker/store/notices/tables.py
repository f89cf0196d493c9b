"""The one table of notices. Names nobody: an opaque id, a kind of thing owed, a rung, and a duty contact."""

import sqlalchemy as sa

METADATA = sa.MetaData()

Bytes = sa.LargeBinary
Text = sa.String
Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")

# One row for each rung that is told of each thing owed: so a rung is told once. ``due_ms`` tells one deadline from the
# next for the same thing. ``reported_ms``: the router has been told, or nobody need tell it (0);
# ``seen_reported_ms``: so of the acknowledgement.
notices = sa.Table(
    "notices",
    METADATA,
    sa.Column("about", Bytes, primary_key=True),
    sa.Column("kind", Text, primary_key=True),
    sa.Column("due_ms", Number, primary_key=True),
    sa.Column("rung", Text, primary_key=True),
    sa.Column("member", Text, nullable=False),
    sa.Column("contact", Text, nullable=False),
    sa.Column("role", Text, nullable=False),
    sa.Column("urgent", sa.Boolean, nullable=False),
    sa.Column("created_ms", Number, nullable=False),
    sa.Column("sent_ms", Number),
    sa.Column("reported_ms", Number),
    sa.Column("attempts", Number, nullable=False),
    sa.Column("next_ms", Number, nullable=False),
    sa.Column("fault", Text),
    sa.Column("acknowledged_ms", Number),
    sa.Column("acknowledged_by", Text),
    sa.Column("seen_reported_ms", Number),
    sa.Index("notices_waiting", "next_ms", sqlite_where=sa.text("sent_ms IS NULL")),
    sa.Index("notices_sent_to", "contact", "sent_ms"),
)
