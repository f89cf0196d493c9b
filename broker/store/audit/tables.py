"""The board's tables. The mirror is the trail as it came; all that was learnt from it can be made again.

A *thread* is what ties entries together: an event, an order, a handover, or for a token its record. Whose area an
entry concerns, and which record it is about, is known of its thread, so that a receipt needs neither of its own.

*Facts* (shares, copies, moves, owed, told, obligations, activity) are what the board's questions count. Each column of
theirs is the earliest, the latest or the sum of what entries say, so that no order of entries gives another table.
"""

from typing import Final

import sqlalchemy as sa

METADATA = sa.MetaData()

Bytes = sa.LargeBinary
Text = sa.String
Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")

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

# From here on: the projection. Which version of the program made it.
projected = sa.Table(
    "projected", METADATA, sa.Column("version", Number, primary_key=True, autoincrement=False)
)

# ``inner`` 0: an entry as it came. From 1 on: the entries in a sealed block that this board could open, whose words
# stand in ``veiled``.
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
    sa.Index("entries_by_thread", "thread"),
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

# Everybody whom an entry names, as author, reader, grantor or owner.
parties = sa.Table(
    "parties",
    METADATA,
    sa.Column("member", Text, primary_key=True),
    sa.Column("partition", Number, primary_key=True),
    sa.Column("number", Number, primary_key=True),
    sa.Column("inner", Number, primary_key=True),
    sqlite_with_rowid=False,
)

# The board's own slip of an event. ``state`` is open, waiting (its key has not come) or shut (it does not open).
slips = sa.Table(
    "slips",
    METADATA,
    sa.Column("event_id", Bytes, primary_key=True),
    sa.Column("author", Text, nullable=False),
    sa.Column("key_ref", Bytes),
    sa.Column("state", Text, nullable=False),
    sa.Column("at_ms", Number, nullable=False),
    sa.Column("body", Bytes, nullable=False),
    sa.Column("event_type", Text),
    sa.Column("purpose", Text),
    sa.Column("basis", Text),
    sa.Column("occurred_ms", Number),
    sa.Column("recorded_ms", Number),
    sa.Column("case_ref", Text),
    sa.Column("code", Text),
    sa.Index("slips_by_case", "case_ref"),
    sa.Index(
        "slips_by_code",
        "code",
        sqlite_where=sa.text("code IS NOT NULL"),
        postgresql_where=sa.text("code IS NOT NULL"),
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

# An event that was taken: by whom, of which class, about which record. ``sealed``: its author called it sensitive;
# ``skewed``: its clock was more than five minutes ahead of the router's.
shares = sa.Table(
    "shares",
    METADATA,
    sa.Column("event_id", Bytes, primary_key=True),
    sa.Column("partition", Number, primary_key=True),
    sa.Column("number", Number, primary_key=True),
    sa.Column("inner", Number, primary_key=True),
    sa.Column("at_ms", Number, nullable=False),
    sa.Column("thread", Bytes, nullable=False),
    sa.Column("class", Number),
    sa.Column("urgency", Number),
    sa.Column("author", Text),
    sa.Column("acting", Text),
    sa.Column("holder", Text),
    sa.Column("safety", Text),
    sa.Column("record", Bytes),
    sa.Column("sealed", Number),
    sa.Column("skewed", Number),
    sa.Index("shares_by_time", "at_ms"),
    sa.Index("shares_by_record", "record", "at_ms"),
    sa.Index(
        "shares_skewed",
        "at_ms",
        sqlite_where=sa.text("skewed = 1"),
        postgresql_where=sa.text("skewed = 1"),
    ),
    sqlite_with_rowid=False,
)

# One reader's copy of an event: when the router gave it, and when it took each kind of receipt first.
copies = sa.Table(
    "copies",
    METADATA,
    sa.Column("event_id", Bytes, primary_key=True),
    sa.Column("reader", Text, primary_key=True),
    sa.Column("given_ms", Number),
    sa.Column("granted_ms", Number),
    sa.Column("delivered_ms", Number),
    sa.Column("opened_ms", Number),
    sa.Column("taken_on_ms", Number),
    sa.Column("passed_on_ms", Number),
    sa.Index(
        "copies_unopened",
        "reader",
        "given_ms",
        sqlite_where=sa.text("opened_ms IS NULL"),
        postgresql_where=sa.text("opened_ms IS NULL"),
    ),
    sqlite_with_rowid=False,
)

STEPS: Final = (
    "noticed",
    "release",
    "verify",
    "accept",
    "decline",
    "withdraw",
    "contest",
    "disputed",
    "conference-held",
    "return-or-retain",
)
"""The steps of a handover of which the first time is kept, each in a column of its own."""


def step_column(step: str) -> str:
    """The column of a step's time."""
    return f"{step.replace('-', '_')}_ms"


# A handover. ``last_*``: where it stood at its newest entry. ``declines`` counts.
moves = sa.Table(
    "moves",
    METADATA,
    sa.Column("handover", Bytes, primary_key=True),
    sa.Column("thread", Bytes, nullable=False),
    sa.Column("record", Bytes),
    sa.Column("evidence", Bytes),
    sa.Column("kind", Text),
    sa.Column("from_area", Text),
    sa.Column("to_area", Text),
    sa.Column("withheld", Number),
    *(sa.Column(step_column(step), Number) for step in STEPS),
    sa.Column("declines", Number),
    sa.Column("last_partition", Number),
    sa.Column("last_number", Number),
    sa.Column("last_ms", Number),
    sa.Column("last_step", Text),
    sa.Column("last_state", Text),
    sa.Index("moves_from", "from_area", "noticed_ms"),
    sa.Index("moves_to", "to_area", "noticed_ms"),
    sa.Index("moves_by_record", "record"),
    sqlite_with_rowid=False,
)

# What was not done in time: ``due_ms`` tells one deadline from its successor.
overdue = sa.Table(
    "overdue",
    METADATA,
    sa.Column("thread", Bytes, primary_key=True),
    sa.Column("owed", Text, primary_key=True),
    sa.Column("due_ms", Number, primary_key=True),
    sa.Column("owner", Text),
    sa.Column("at_ms", Number, nullable=False),
    sa.Index("overdue_by_time", "at_ms"),
    sqlite_with_rowid=False,
)

# That a person was told of something owed, on which rung.
told = sa.Table(
    "told",
    METADATA,
    sa.Column("thread", Bytes, primary_key=True),
    sa.Column("owed", Text, primary_key=True),
    sa.Column("due_ms", Number, primary_key=True),
    sa.Column("rung", Text, primary_key=True),
    sa.Column("owner", Text),
    sa.Column("at_ms", Number, nullable=False),
    sa.Index("told_by_time", "at_ms"),
    sqlite_with_rowid=False,
)

# What a member has said of an obligation: sealed to this board, so that the broker learns nothing of its kind. ``id``
# is of one word, ``ref`` of the obligation: the newest word on it counts.
obligations = sa.Table(
    "obligations",
    METADATA,
    sa.Column("id", Bytes, primary_key=True),
    sa.Column("member", Text, nullable=False),
    sa.Column("ref", Bytes, nullable=False),
    sa.Column("thread", Bytes, nullable=False),
    sa.Column("record", Bytes),
    sa.Column("partition", Number, nullable=False),
    sa.Column("number", Number, nullable=False),
    sa.Column("at_ms", Number, nullable=False),
    sa.Column("key_ref", Bytes),
    sa.Column("state", Text, nullable=False),
    sa.Column("body", Bytes, nullable=False),
    sa.Column("kind", Text),
    sa.Column("opened_ms", Number),
    sa.Column("due_ms", Number),
    sa.Column("met_ms", Number),
    sa.Column("reason", Text),
    sa.Index("obligations_by_kind", "kind", "opened_ms"),
    sa.Index(
        "obligations_waiting",
        "member",
        "key_ref",
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    ),
    sqlite_with_rowid=False,
)

# When each member's gateway was last heard: publishing, and saying that it received or opened something.
activity = sa.Table(
    "activity",
    METADATA,
    sa.Column("member", Text, primary_key=True),
    sa.Column("published_ms", Number),
    sa.Column("read_ms", Number),
)

# Records of which something sensitive was said, or whose move is hidden.
protected = sa.Table(
    "protected",
    METADATA,
    sa.Column("record", Bytes, primary_key=True),
    sqlite_with_rowid=False,
)

PROJECTION: Final = (
    entries,
    veiled,
    holes,
    thread_areas,
    thread_records,
    thread_parents,
    parties,
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
)
"""What is made from the mirror alone, and can be thrown away."""
VERSION: Final = 1
"""Of the projection: raised whenever the same entries would give other rows."""
