"""The board's tables. The mirror is the trail as it came; all that was learnt from it can be made again.

A *thread* is what ties entries together: an event, an order, a handover, or for a token its record. Whose area an
entry concerns, and which record it is about, is known of its thread, so that a receipt needs neither of its own.
"""

from typing import Final

import sqlalchemy as sa

from broker.store.audit.columns import METADATA, Bytes, Number, Text
from broker.store.audit.fact_tables import (
    STEPS,
    TURNS,
    activity,
    copies,
    moves,
    obligations,
    overdue,
    protected,
    shares,
    step_column,
    told,
    turns,
)

__all__ = [
    "METADATA",
    "PROJECTION",
    "STEPS",
    "TURNS",
    "VERSION",
    "activity",
    "answered",
    "copies",
    "entries",
    "heads",
    "holes",
    "leaves",
    "links",
    "logged",
    "mirror",
    "moves",
    "nodes",
    "obligations",
    "overdue",
    "pieces",
    "projected",
    "protected",
    "questions",
    "requests",
    "shares",
    "slip_keys",
    "slips",
    "step_column",
    "thread_areas",
    "thread_parents",
    "thread_records",
    "tokens",
    "told",
    "turns",
    "unread",
    "veiled",
]

# The mirror. Entries as they came; ``leaf`` is where the log has the first of them.
mirror = sa.Table(
    "mirror",
    METADATA,
    sa.Column("partition", Number, primary_key=True),
    sa.Column("number", Number, primary_key=True),
    sa.Column("leaf", Number),
    sa.Column("body", Bytes, nullable=False),
    sqlite_with_rowid=False,
)

# What came on the trail and is no entry, or contradicts one: kept, counted, never fatal.
unread = sa.Table(
    "unread",
    METADATA,
    sa.Column("digest", Bytes, primary_key=True),
    sa.Column("why", Text, nullable=False),
    sa.Column("body", Bytes, nullable=False),
)

# The log as this node follows it: the hash of each entry at its index, whatever the entry is about.
leaves = sa.Table(
    "leaves",
    METADATA,
    sa.Column("index", Number, primary_key=True, autoincrement=False),
    sa.Column("hash", Bytes, nullable=False),
)

# The hash of every 256, 65,536 ... leaves, once all of them have come: level 8, 16 ... So a proof reads few rows.
nodes = sa.Table(
    "nodes",
    METADATA,
    sa.Column("level", Number, primary_key=True),
    sa.Column("index", Number, primary_key=True),
    sa.Column("hash", Bytes, nullable=False),
    sqlite_with_rowid=False,
)

# Heads of the log that counted when they came: signed, and cosigned by enough witnesses.
heads = sa.Table(
    "heads",
    METADATA,
    sa.Column("size", Number, primary_key=True),
    sa.Column("note", Text, nullable=False),
)

# No projection: who asked what of this node, why, and how many entries or rows were shown.
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

# No projection: a question's entry of the log, under this board's own number, and the place where the bus has it.
logged = sa.Table(
    "logged",
    METADATA,
    sa.Column("question", Number, primary_key=True, autoincrement=False),
    sa.Column("number", Number, nullable=False, unique=True),
    sa.Column("sequence", Number),
    sa.Column("body", Bytes, nullable=False),
)

# No projection: a second auditor's word that a question about protected children may be answered, until when.
requests = sa.Table(
    "requests",
    METADATA,
    sa.Column("question", Number, primary_key=True, autoincrement=False),
    sa.Column("asker", Text, nullable=False, index=True),
    sa.Column("asked", Text, nullable=False),
    sa.Column("children", Bytes, nullable=False),
    sa.Column("approver", Text),
    sa.Column("why", Text),
    sa.Column("until_ms", Number),
)

# No projection: into which pieces the answers to a question have cut what it counts, so that no two can be subtracted.
pieces = sa.Table(
    "pieces",
    METADATA,
    sa.Column("key", Text, primary_key=True),
    sa.Column("body", Bytes, nullable=False),
)

# No projection: the figures with which a question in these words was answered last, for when newer ones may not be told.
answered = sa.Table(
    "answered",
    METADATA,
    sa.Column("asked", Text, primary_key=True),
    sa.Column("at_ms", Number, nullable=False),
    sa.Column("rows", Text, nullable=False),
)

# From here on: the projection. Which version of the program made it.
projected = sa.Table(
    "projected", METADATA, sa.Column("version", Number, primary_key=True, autoincrement=False)
)

# ``inner`` 0: an entry as it came. From 1 on: the entries in a sealed block that this board could open, whose words
# stand in ``veiled``. ``parties``: everybody whom it names, as author, reader, grantor or owner, each between blanks.
# ``broke`` 1: somebody broke the glass for a history.
entries = sa.Table(
    "entries",
    METADATA,
    sa.Column("partition", Number, primary_key=True),
    sa.Column("number", Number, primary_key=True),
    sa.Column("inner", Number, primary_key=True),
    sa.Column("at_ms", Number, nullable=False),
    sa.Column("kind", Text, nullable=False),
    sa.Column("thread", Bytes),
    sa.Column("event_id", Bytes),
    sa.Column("actor", Text),
    sa.Column("parties", Text, nullable=False),
    sa.Column("broke", Number),
    sa.Index("entries_by_thread", "thread"),
    sa.Index(
        "entries_broke",
        "at_ms",
        sqlite_where=sa.text("broke IS NOT NULL"),
        postgresql_where=sa.text("broke IS NOT NULL"),
    ),
    sa.Index("entries_by_kind", "kind", "at_ms"),
    sqlite_with_rowid=False,
)

veiled = sa.Table(
    "veiled",
    METADATA,
    sa.Column("partition", Number, primary_key=True),
    sa.Column("number", Number, primary_key=True),
    sa.Column("inner", Number, primary_key=True),
    sa.Column("body", Bytes, nullable=False),
    sqlite_with_rowid=False,
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
    sa.Column("area", Text, primary_key=True),
    sqlite_with_rowid=False,
)

thread_records = sa.Table(
    "thread_records",
    METADATA,
    sa.Column("thread", Bytes, primary_key=True),
    sa.Column("record", Bytes, primary_key=True),
    sa.Index("threads_by_record", "record"),
    sqlite_with_rowid=False,
)

# An order belongs to a handover or to the event that made it necessary.
thread_parents = sa.Table(
    "thread_parents",
    METADATA,
    sa.Column("thread", Bytes, primary_key=True),
    sa.Column("parent", Bytes, primary_key=True),
    sqlite_with_rowid=False,
)

# The board's own slip of an event. ``state`` is open, waiting (its key has not come) or shut (it does not open). ``body``
# is kept while it waits: the mirror has it anyway.
slips = sa.Table(
    "slips",
    METADATA,
    sa.Column("event_id", Bytes, primary_key=True),
    sa.Column("author", Text, nullable=False),
    sa.Column("key_ref", Bytes),
    sa.Column("state", Text, nullable=False),
    sa.Column("at_ms", Number, nullable=False),
    sa.Column("body", Bytes),
    sa.Column("event_type", Text),
    sa.Column("purpose", Text),
    sa.Column("basis", Text),
    sa.Column("occurred_ms", Number),
    sa.Column("recorded_ms", Number),
    sa.Column("case_ref", Text),
    sa.Column("code", Text),
    # Who was told, and who objected: pairs of numbers, "1.1 2.3". Nothing: its author does not say.
    sa.Column("informed", Text),
    # Bands of the child's characteristics, as numbers (``schemas.bands``). Nothing: its author tells of none.
    sa.Column("age", Number),
    sa.Column("ethnicity", Number),
    sa.Column("disabled", Number),
    sa.Index("slips_by_case", "case_ref"),
    sa.Index(
        "slips_banded",
        "event_id",
        sqlite_where=sa.text("age IS NOT NULL"),
        postgresql_where=sa.text("age IS NOT NULL"),
    ),
    sa.Index(
        "slips_by_code",
        "code",
        sqlite_where=sa.text("code IS NOT NULL"),
        postgresql_where=sa.text("code IS NOT NULL"),
    ),
    sa.Index(
        "slips_informed",
        "at_ms",
        sqlite_where=sa.text("informed IS NOT NULL"),
        postgresql_where=sa.text("informed IS NOT NULL"),
    ),
    sa.Index("slips_by_type", "event_type", "at_ms"),
    sa.Index(
        "slips_waiting",
        "author",
        "key_ref",
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    ),
    sqlite_with_rowid=False,
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
    sqlite_with_rowid=False,
)

# The newest word on whether two records are one. ``joined`` 0: a person has undone it.
links = sa.Table(
    "links",
    METADATA,
    sa.Column("record", Bytes, primary_key=True),
    sa.Column("other", Bytes, primary_key=True, index=True),
    sa.Column("last_partition", Number, nullable=False),
    sa.Column("last_number", Number, nullable=False),
    sa.Column("joined", Number, nullable=False),
)

PROJECTION: Final = (
    entries,
    veiled,
    holes,
    thread_areas,
    thread_records,
    thread_parents,
    slips,
    slip_keys,
    tokens,
    links,
    shares,
    copies,
    moves,
    overdue,
    told,
    obligations,
    activity,
    protected,
    turns,
)
"""What is made from the mirror alone, and can be thrown away."""
VERSION: Final = 5
"""Of the projection: raised whenever the same entries would give other rows."""
