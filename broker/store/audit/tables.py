"""The board's tables. Entries are as the router wrote them; what was learnt from them stands beside, in any order.

A *thread* is what ties entries together: an event, an order, a handover, or for a token its record. Whose area an
entry concerns, and which record it is about, is known of its thread, so that a receipt needs neither of its own.
"""

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
    sa.Column("thread", Bytes, index=True),
    sa.Column("event_id", Bytes, index=True),
    sa.Column("actor", Text, index=True),
    sa.Column("body", Bytes, nullable=False),
)

# What came on the trail and is no entry, or contradicts one: kept, counted, never fatal.
unread = sa.Table(
    "unread",
    METADATA,
    sa.Column("digest", Bytes, primary_key=True),
    sa.Column("why", Text, nullable=False),
    sa.Column("body", Bytes, nullable=False),
)

# Numbers below the newest that have not come.
holes = sa.Table(
    "holes",
    METADATA,
    sa.Column("partition", Number, primary_key=True),
    sa.Column("first", Number, primary_key=True),
    sa.Column("last", Number, nullable=False),
)

thread_areas = sa.Table(
    "thread_areas",
    METADATA,
    sa.Column("thread", Bytes, primary_key=True),
    sa.Column("area", Text, primary_key=True, index=True),
)

thread_records = sa.Table(
    "thread_records",
    METADATA,
    sa.Column("thread", Bytes, primary_key=True),
    sa.Column("record", Bytes, primary_key=True, index=True),
)

# An order belongs to a handover or to the event that made it necessary.
thread_parents = sa.Table(
    "thread_parents",
    METADATA,
    sa.Column("thread", Bytes, primary_key=True),
    sa.Column("parent", Bytes, primary_key=True, index=True),
)

# Everybody whom an entry names, as author, reader, grantor or owner.
parties = sa.Table(
    "parties",
    METADATA,
    sa.Column("member", Text, primary_key=True),
    sa.Column("partition", Number, primary_key=True),
    sa.Column("number", Number, primary_key=True),
)

# The board's own slip of an event. ``state`` is open, waiting (its key has not come) or shut (it does not open).
slips = sa.Table(
    "slips",
    METADATA,
    sa.Column("event_id", Bytes, primary_key=True),
    sa.Column("author", Text, nullable=False),
    sa.Column("key_ref", Bytes, index=True),
    sa.Column("state", Text, nullable=False),
    sa.Column("body", Bytes, nullable=False),
    sa.Column("event_type", Text),
    sa.Column("purpose", Text),
    sa.Column("basis", Text),
    sa.Column("occurred_ms", Number),
    sa.Column("recorded_ms", Number),
    sa.Column("case_ref", Text, index=True),
)

slip_keys = sa.Table(
    "slip_keys",
    METADATA,
    sa.Column("author", Text, primary_key=True),
    sa.Column("key_ref", Bytes, primary_key=True),
    sa.Column("wrapped", Bytes, nullable=False),
)

# Which record a token leads to by itself, before any link.
tokens = sa.Table(
    "tokens",
    METADATA,
    sa.Column("token", Bytes, primary_key=True),
    sa.Column("record", Bytes, primary_key=True),
)

# The newest word on whether two records are one. ``joined`` 0: a person has undone it.
links = sa.Table(
    "links",
    METADATA,
    sa.Column("record", Bytes, primary_key=True),
    sa.Column("other", Bytes, primary_key=True, index=True),
    sa.Column("partition", Number, nullable=False),
    sa.Column("number", Number, nullable=False),
    sa.Column("joined", Number, nullable=False),
)

# The log as this node follows it: the hash of each entry at its index, whatever the entry is about.
leaves = sa.Table(
    "leaves",
    METADATA,
    sa.Column("index", Number, primary_key=True),
    sa.Column("hash", Bytes, nullable=False, index=True),
)

# Heads of the log that counted when they came: signed, and cosigned by enough witnesses.
heads = sa.Table(
    "heads",
    METADATA,
    sa.Column("size", Number, primary_key=True),
    sa.Column("note", Text, nullable=False),
)

# The one table that is no projection: who asked what of this node, why, and how many entries were shown.
questions = sa.Table(
    "questions",
    METADATA,
    sa.Column("question", Number, primary_key=True),
    sa.Column("at_ms", Number, nullable=False),
    sa.Column("asker", Text, nullable=False),
    sa.Column("purpose", Text, nullable=False),
    sa.Column("asked", Text, nullable=False),
    sa.Column("shown", Number, nullable=False),
)
