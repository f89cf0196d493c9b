"""The board's tables. Entries are as the router wrote them; what a slip says is beside them, opened by the board."""

import sqlalchemy as sa

METADATA = sa.MetaData()

Bytes = sa.LargeBinary
Text = sa.String
Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")

entries = sa.Table(
    "entries",
    METADATA,
    sa.Column("partition", Number, primary_key=True),
    sa.Column("number", Number, primary_key=True),
    sa.Column("at_ms", Number, nullable=False, index=True),
    sa.Column("kind", Text, nullable=False, index=True),
    sa.Column("child", Bytes, index=True),
    sa.Column("event_id", Bytes, index=True),
    sa.Column("actor", Text, index=True),
    sa.Column("body", Bytes, nullable=False),
)

# What the board's own slip of an event says.
slips = sa.Table(
    "slips",
    METADATA,
    sa.Column("event_id", Bytes, primary_key=True),
    sa.Column("child", Bytes, nullable=False, index=True),
    sa.Column("event_type", Text, nullable=False),
    sa.Column("purpose", Text, nullable=False),
    sa.Column("basis", Text, nullable=False),
    sa.Column("occurred_ms", Number, nullable=False),
    sa.Column("recorded_ms", Number, nullable=False),
    sa.Column("case_ref", Text, index=True),
)

# Slips whose key has not come yet.
sealed_slips = sa.Table(
    "sealed_slips",
    METADATA,
    sa.Column("event_id", Bytes, primary_key=True),
    sa.Column("child", Bytes, nullable=False),
    sa.Column("author", Text, nullable=False),
    sa.Column("key_ref", Bytes, nullable=False, index=True),
    sa.Column("body", Bytes, nullable=False),
)

slip_keys = sa.Table(
    "slip_keys",
    METADATA,
    sa.Column("author", Text, primary_key=True),
    sa.Column("key_ref", Bytes, primary_key=True),
    sa.Column("wrapped", Bytes, nullable=False),
)

tokens = sa.Table(
    "tokens",
    METADATA,
    sa.Column("token", Bytes, primary_key=True),
    sa.Column("child", Bytes, primary_key=True),
)

# Records that were joined: a question about one is a question about both.
joined = sa.Table(
    "joined",
    METADATA,
    sa.Column("child", Bytes, primary_key=True),
    sa.Column("into", Bytes, primary_key=True),
)

child_areas = sa.Table(
    "child_areas",
    METADATA,
    sa.Column("child", Bytes, primary_key=True),
    sa.Column("area", Text, primary_key=True),
)
