"""Facts: what the board's questions count, learnt from the entries.

Each column is the earliest, the latest or the sum of what entries say, so that no order of entries gives another table.
"""

from typing import Final

import sqlalchemy as sa

from broker.store.audit.columns import METADATA, Bytes, Number, Text

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
    sa.Column("body", Bytes),
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

# What begins or ends for a child, or is raised again, as the slips say: once for each area that it concerns, so that
# it is counted without a look at anything else. Made of ``shares``, ``slips`` and ``thread_areas``.
TURNS: Final = (
    "concern.raised",
    "concern.closed",
    "eha.closed",
    "plan.opened",
    "plan.closed",
    "plan.joint_review_recorded",
)
turns = sa.Table(
    "turns",
    METADATA,
    sa.Column("event_type", Text, primary_key=True),
    sa.Column("area", Text, primary_key=True),
    sa.Column("at_ms", Number, primary_key=True),
    sa.Column("event_id", Bytes, primary_key=True),
    sa.Column("partition", Number, primary_key=True),
    sa.Column("number", Number, primary_key=True),
    sa.Column("inner", Number, primary_key=True),
    sa.Column("record", Bytes),
    sa.Column("holder", Text),
    # One look along it says what happened to a child in some days, of whichever type and in whichever area.
    sa.Index("turns_by_record", "record", "at_ms", "event_type", "area"),
    sqlite_with_rowid=False,
)
