"""The router's tables. Every time is milliseconds since 1970, UTC; every id is raw bytes unless it is a member's."""

import sqlalchemy as sa

METADATA = sa.MetaData()

Bytes = sa.LargeBinary
Text = sa.String
Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")

# One row for each author and lane: the head of the author's chain. Holds no child.
chains = sa.Table(
    "chains",
    METADATA,
    sa.Column("author", Text, primary_key=True),
    sa.Column("lane", Text, primary_key=True),
    sa.Column("sequence", Number, nullable=False),
    sa.Column("digest", Bytes, nullable=False),
)

# Places of a chain that have not come yet although a later one has: what fills one is taken, not a repeat.
chain_holes = sa.Table(
    "chain_holes",
    METADATA,
    sa.Column("author", Text, primary_key=True),
    sa.Column("lane", Text, primary_key=True),
    sa.Column("first", Number, primary_key=True),
    sa.Column("last", Number, nullable=False),
)

counters = sa.Table(
    "counters",
    METADATA,
    sa.Column("name", Text, primary_key=True),
    sa.Column("value", Number, nullable=False),
)

# How many routine events a member sent on a day: all that stays of them.
daily_counts = sa.Table(
    "daily_counts",
    METADATA,
    sa.Column("member", Text, primary_key=True),
    sa.Column("day", Text, primary_key=True),
    sa.Column("count", Number, nullable=False),
)

children = sa.Table(
    "children",
    METADATA,
    sa.Column("child", Bytes, primary_key=True),
    sa.Column("holder", Text, nullable=False),
    sa.Column("safety", Text, nullable=False),
    sa.Column("safety_since_ms", Number, nullable=False),
    sa.Column("opened_ms", Number, nullable=False),
    # Every event asks for a child and a token: the row lies in the key's own tree, one page of the disk instead of two.
    sqlite_with_rowid=False,
)

# ``origin`` is the child that the token led to before any link, so that a link can be undone.
tokens = sa.Table(
    "tokens",
    METADATA,
    sa.Column("token", Bytes, primary_key=True),
    sa.Column("child", Bytes, nullable=False, index=True),
    sa.Column("origin", Bytes, nullable=False),
    sqlite_with_rowid=False,
)

# What was said under one identifier alone: who held the case at first and took it on last, where the child was last
# reported to be. ``origin`` is the child's id before any link; ``reported`` and ``taken`` are the router's own count.
records = sa.Table(
    "records",
    METADATA,
    sa.Column("origin", Bytes, primary_key=True),
    sa.Column("child", Bytes, nullable=False, index=True),
    sa.Column("holder", Text, nullable=False),
    sa.Column("area", Text, nullable=False),
    sa.Column("evidence", Bytes, nullable=False),
    sa.Column("reporter", Text, nullable=False),
    sa.Column("withheld", sa.Boolean, nullable=False),
    sa.Column("reported", Number, nullable=False),
    sa.Column("taken_by", Text),
    sa.Column("taken", Number, nullable=False),
)

matters = sa.Table(
    "matters",
    METADATA,
    sa.Column("author", Text, primary_key=True),
    sa.Column("ref", Bytes, primary_key=True),
    sa.Column("child", Bytes, nullable=False, index=True),
    # Brothers and sisters may be on one plan, under one reference: each has a matter of its own.
    sa.Column("origin", Bytes, primary_key=True),
    sa.Column("area", Text, nullable=False),
    sa.Column("opened_ms", Number, nullable=False),
)

involved = sa.Table(
    "involved",
    METADATA,
    sa.Column("child", Bytes, primary_key=True),
    sa.Column("member", Text, primary_key=True),
    sa.Column("since_ms", Number, nullable=False),
)

# Views of events about children with an open matter: what each reader was given, for orders and completeness.
deliveries = sa.Table(
    "deliveries",
    METADATA,
    sa.Column("reader", Text, primary_key=True),
    sa.Column("number", Number, primary_key=True),
    sa.Column("child", Bytes, nullable=False),
    sa.Column("origin", Bytes, nullable=False),
    sa.Column("event_id", Bytes, nullable=False, index=True),
    sa.Column("digest", Bytes, nullable=False),
    sa.Column("author", Text, nullable=False),
    sa.Column("taken_ms", Number, nullable=False),
    sa.Index("deliveries_of_child", "child", "reader", "number"),
)

# The newest number about a child for a reader: what the next note names as the previous one.
newest = sa.Table(
    "newest",
    METADATA,
    sa.Column("child", Bytes, primary_key=True),
    sa.Column("reader", Text, primary_key=True),
    sa.Column("number", Number, nullable=False),
    sqlite_with_rowid=False,
)

receipts = sa.Table(
    "receipts",
    METADATA,
    sa.Column("reader", Text, primary_key=True),
    sa.Column("number", Number, primary_key=True),
    sa.Column("kind", Number, primary_key=True),
    sa.Column("at_ms", Number, nullable=False),
)

orders = sa.Table(
    "orders",
    METADATA,
    sa.Column("order_id", Bytes, primary_key=True),
    sa.Column("kind", Number, nullable=False),
    sa.Column("grantor", Text, nullable=False),
    sa.Column("reader", Text, nullable=False),
    sa.Column("child", Bytes, nullable=False, index=True),
    sa.Column("origin", Bytes, nullable=False),
    sa.Column("evidence", Bytes, nullable=False),
    sa.Column("handover", Bytes),
    sa.Column("state", Text, nullable=False),
    sa.Column("expires_ms", Number, nullable=False),
    sa.Index(
        "orders_open",
        "expires_ms",
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    ),
)

order_events = sa.Table(
    "order_events",
    METADATA,
    sa.Column("order_id", Bytes, primary_key=True),
    sa.Column("event_id", Bytes, primary_key=True),
    sa.Column("granted_ms", Number),
)

# Items of an order that its reader has refused: how often, why, and whether its grantor was told. ``wanted``: asked for
# again, and not granted again since.
faulty = sa.Table(
    "faulty",
    METADATA,
    sa.Column("order_id", Bytes, primary_key=True),
    sa.Column("event_id", Bytes, primary_key=True),
    sa.Column("fault", Text, nullable=False),
    sa.Column("times", Number, nullable=False),
    sa.Column("wanted", sa.Boolean, nullable=False),
    sa.Column("told", sa.Boolean, nullable=False),
)

handovers = sa.Table(
    "handovers",
    METADATA,
    sa.Column("handover", Bytes, primary_key=True),
    sa.Column("child", Bytes, nullable=False, index=True),
    sa.Column("origin", Bytes, nullable=False),
    sa.Column("from_area", Text, nullable=False),
    sa.Column("to_area", Text, nullable=False),
    sa.Column("kind", Text, nullable=False),
    sa.Column("state", Text, nullable=False),
    sa.Column("evidence", Bytes, nullable=False),
    sa.Column("urgency", Number, nullable=False),
    sa.Column("released", sa.Boolean, nullable=False),
    sa.Column("verified", sa.Boolean, nullable=False),
    sa.Column("declines", Number, nullable=False),
    sa.Column("withheld", sa.Boolean, nullable=False),
    sa.Column("confirmed", sa.Boolean, nullable=False),
    sa.Column("contested", sa.Boolean, nullable=False),
    sa.Column("conference", sa.Boolean, nullable=False),
    sa.Column("glass", sa.Boolean, nullable=False),
    sa.Column("keeping", Text, nullable=False),
    sa.Column("opened_ms", Number, nullable=False),
    sa.Column("changed_ms", Number, nullable=False),
)

# The six moments of a handover, each as the router saw it first.
moments = sa.Table(
    "moments",
    METADATA,
    sa.Column("handover", Bytes, primary_key=True),
    sa.Column("moment", Text, primary_key=True),
    sa.Column("at_ms", Number, nullable=False),
)

# ``about`` is a handover or an order. A row fires once: ``fired_ms`` is set in the transaction that tells.
deadlines = sa.Table(
    "deadlines",
    METADATA,
    sa.Column("about", Bytes, primary_key=True),
    sa.Column("kind", Text, primary_key=True),
    sa.Column("child", Bytes, nullable=False, index=True),
    sa.Column("owner", Text, nullable=False),
    sa.Column("due_ms", Number, nullable=False),
    sa.Column("reason", Text, nullable=False),
    sa.Column("met_ms", Number),
    sa.Column("fired_ms", Number),
    # What is not met: the router looks for what is due and has not fired, the operator for all that is late.
    sa.Index(
        "deadlines_unmet",
        "due_ms",
        "fired_ms",
        sqlite_where=sa.text("met_ms IS NULL"),
        postgresql_where=sa.text("met_ms IS NULL"),
    ),
)

# That a member's gateway has told a person of something owed; ``due_ms`` tells one deadline from its successor.
notices_sent = sa.Table(
    "notices_sent",
    METADATA,
    sa.Column("about", Bytes, primary_key=True),
    sa.Column("kind", Text, primary_key=True),
    sa.Column("due_ms", Number, primary_key=True),
    sa.Column("rung", Text, primary_key=True),
    sa.Column("member", Text, nullable=False),
    sa.Column("at_ms", Number, nullable=False),
)

# Each decision that two records are one child: an edge between two origins, until it is undone. ``child`` is the
# joined child of today; ``n`` is the router's own count of decisions, so that it tells which is the newest.
links = sa.Table(
    "links",
    METADATA,
    sa.Column("n", Number, primary_key=True),
    sa.Column("event_id", Bytes, nullable=False),
    sa.Column("child", Bytes, nullable=False, index=True),
    sa.Column("kept", Bytes, nullable=False),
    sa.Column("merged", Bytes, nullable=False),
    sa.Column("at_ms", Number, nullable=False),
)

# Refused messages of a member beyond its quota: counted, and summed up in one audit entry a minute.
floods = sa.Table(
    "floods",
    METADATA,
    sa.Column("member", Text, primary_key=True),
    sa.Column("since_ms", Number, nullable=False),
    sa.Column("count", Number, nullable=False),
)

# The body goes once the message was taken after all, or has waited too long: what is refused may be routine (P12).
quarantine = sa.Table(
    "quarantine",
    METADATA,
    sa.Column("entry", Number, primary_key=True, autoincrement=True),
    sa.Column("member", Text, nullable=False, index=True),
    sa.Column("code", Text, nullable=False),
    sa.Column("sentence", Text, nullable=False),
    sa.Column("subject", Text, nullable=False),
    sa.Column("body", Bytes, nullable=False),
    sa.Column("at_ms", Number, nullable=False),
    sa.Column("state", Text, nullable=False, index=True),
    sa.Column("verified", sa.Boolean, nullable=False),
)

# Signed messages for inboxes, until the bus has them. ``sent_seq`` is kept in ``sent`` for sending again.
inbox_outgoing = sa.Table(
    "inbox_outgoing",
    METADATA,
    sa.Column("position", Number, primary_key=True, autoincrement=True),
    sa.Column("reader", Text, nullable=False),
    sa.Column("number", Number, nullable=False),
    sa.Column("msg_id", Text, nullable=False),
    sa.Column("body", Bytes, nullable=False),
)

# Where each delivery lies on the bus: for sending again. Holds no child.
sent = sa.Table(
    "sent",
    METADATA,
    sa.Column("reader", Text, primary_key=True),
    sa.Column("number", Number, primary_key=True),
    sa.Column("stream_sequence", Number, nullable=False),
)

# Audit entries, until AUDIT has them.
audit_outgoing = sa.Table(
    "audit_outgoing",
    METADATA,
    sa.Column("n", Number, primary_key=True),
    sa.Column("body", Bytes, nullable=False),
)

# A record whose child is marked as in danger: where it goes is withheld until a person lifts that (P7).
protections = sa.Table(
    "protections",
    METADATA,
    sa.Column("origin", Bytes, primary_key=True),
    sa.Column("event", Bytes, nullable=False),
    sa.Column("by", Text, nullable=False),
    sa.Column("since_ms", Number, nullable=False),
    sa.Column("hold_until_ms", Number, nullable=False),
    sa.Column("lifted", sa.Boolean, nullable=False),
)

# A hidden handover: its one-time keys, and what the side that the child has left was told.
one_time = sa.Table(
    "one_time",
    METADATA,
    sa.Column("handover", Bytes, primary_key=True),
    sa.Column("owner", Text, nullable=False),
    sa.Column("ticket", Bytes, nullable=False),
    sa.Column("endorsements", Bytes, nullable=False),
    sa.Column("asked", sa.Boolean, nullable=False),
    sa.Column("told_ms", Number),
    sa.Column("told", Bytes, nullable=False),
    sa.Column("ticket_told", sa.Boolean, nullable=False),
    sa.Column("released", Bytes),
    sa.Column("acceptance", Bytes, nullable=False),
    sa.Column("acceptance_told", sa.Boolean, nullable=False),
    sa.Column("child", Bytes, nullable=False, server_default=sa.text("x''")),
)

# Slip keys whose first event has not come yet.
slip_keys = sa.Table(
    "slip_keys",
    METADATA,
    sa.Column("n", Number, primary_key=True, autoincrement=True),
    sa.Column("author", Text, nullable=False, index=True),
    sa.Column("board", Text, nullable=False),
    sa.Column("setup", Bytes, nullable=False),
)

# Audit entries that only some boards may read, until they go out together in one block of the grid.
veiled = sa.Table(
    "veiled",
    METADATA,
    sa.Column("n", Number, primary_key=True, autoincrement=True),
    sa.Column("boards", Text, nullable=False),
    sa.Column("body", Bytes, nullable=False),
)

sa.Index(
    "handovers_withheld",
    handovers.c.child,
    sqlite_where=handovers.c.withheld.is_(sa.true()),
    postgresql_where=handovers.c.withheld.is_(sa.true()),
)
