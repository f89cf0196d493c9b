"""The gateway's tables. Bodies are ciphertext as received or sent; plaintext is never stored."""

import sqlalchemy as sa

METADATA = sa.MetaData()

Bytes = sa.LargeBinary
Text = sa.String
Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")

outbox = sa.Table(
    "outbox",
    METADATA,
    sa.Column("position", Number, primary_key=True, autoincrement=True),
    sa.Column("event_id", Bytes, index=True),
    sa.Column("kind", Number, nullable=False),
    sa.Column("subject", Text, nullable=False),
    sa.Column("msg_id", Text, nullable=False),
    sa.Column("key_id", Text, nullable=False),
    sa.Column("body", Bytes, nullable=False),
    sa.Column("created_ms", Number, nullable=False),
    sa.Column("sent_ms", Number),
    sa.Column("returned", Text),
)
sa.Index("outbox_waiting", outbox.c.position, sqlite_where=outbox.c.sent_ms.is_(None))

# Whom an event was sealed to, and what they have said of it since.
sent_to = sa.Table(
    "sent_to",
    METADATA,
    sa.Column("event_id", Bytes, primary_key=True),
    sa.Column("reader", Text, primary_key=True),
    sa.Column("delivered_ms", Number),
    sa.Column("opened_ms", Number),
    sa.Column("taken_on_ms", Number),
    sa.Column("passed_on_ms", Number),
)
sa.Index("sent_to_unreceipted", sent_to.c.event_id, sqlite_where=sent_to.c.delivered_ms.is_(None))

chains = sa.Table(
    "chains",
    METADATA,
    sa.Column("lane", Text, primary_key=True),
    sa.Column("sequence", Number, nullable=False),
    sa.Column("digest", Bytes, nullable=False),
)

counters = sa.Table(
    "counters",
    METADATA,
    sa.Column("name", Text, primary_key=True),
    sa.Column("value", Number, nullable=False),
)

# The ledger: every delivery by its number. ``state``: held, applied, failed.
inbox = sa.Table(
    "inbox",
    METADATA,
    sa.Column("number", Number, primary_key=True),
    sa.Column("kind", Number, nullable=False),
    sa.Column("message_id", Bytes, nullable=False, index=True),
    sa.Column("event_class", Number),
    sa.Column("author", Text, nullable=False),
    sa.Column("child", Bytes, index=True),
    # What it must follow; of the word of a link, which follows two, the newest under the other record.
    sa.Column("previous", Number, nullable=False),
    sa.Column("taken_ms", Number, nullable=False),
    sa.Column("arrived_ms", Number, nullable=False),
    sa.Column("late", sa.Boolean, nullable=False),
    sa.Column("skewed", sa.Boolean, nullable=False),
    sa.Column("body", Bytes, nullable=False),
    sa.Column("state", Text, nullable=False),
    sa.Column("fault", Text),
    sa.Column("opened_ms", Number),
    sa.Column("taken_on_ms", Number),
    sa.Column("taken_on_by", Text),
)
sa.Index("inbox_failed", inbox.c.number, sqlite_where=sa.text("state = 'failed'"))

part_keys = sa.Table(
    "part_keys",
    METADATA,
    sa.Column("event_id", Bytes, primary_key=True),
    sa.Column("part", Number, primary_key=True),
    sa.Column("wrapped", Bytes, nullable=False),
)

orders = sa.Table(
    "orders",
    METADATA,
    sa.Column("order_id", Bytes, primary_key=True),
    sa.Column("grantor", Text, nullable=False),
    sa.Column("handover", Bytes, index=True),
    sa.Column("evidence", Bytes, nullable=False),
    sa.Column("kind", Number, nullable=False),
    sa.Column("body", Bytes, nullable=False),
    sa.Column("events", Number, nullable=False),
    sa.Column("answer", Text),
)
sa.Index("orders_unanswered", orders.c.order_id, sqlite_where=orders.c.answer.is_(None))

history = sa.Table(
    "history",
    METADATA,
    sa.Column("event_id", Bytes, primary_key=True),
    sa.Column("order_id", Bytes, nullable=False, index=True),
    sa.Column("child", Bytes, index=True),
    sa.Column("author", Text, nullable=False),
    sa.Column("taken_ms", Number, nullable=False),
    sa.Column("position", Number, nullable=False),
    sa.Column("body", Bytes, nullable=False),
)

# Items of orders for us that are not as they should be. ``times``: how often we have refused one; ``due``: it is to be
# said (once more); ``kept``: its grantor has said that it stays there.
faulty = sa.Table(
    "faulty",
    METADATA,
    sa.Column("order_id", Bytes, primary_key=True),
    sa.Column("event_id", Bytes, primary_key=True),
    sa.Column("fault", Text, nullable=False),
    sa.Column("wanted", sa.Boolean, nullable=False),
    sa.Column("times", Number, nullable=False),
    sa.Column("due", sa.Boolean, nullable=False),
    sa.Column("said_ms", Number, nullable=False),
)
sa.Index("faulty_due", faulty.c.order_id, sqlite_where=faulty.c.due.is_(sa.true()))

handovers = sa.Table(
    "handovers",
    METADATA,
    sa.Column("handover", Bytes, primary_key=True),
    sa.Column("child", Bytes),
    sa.Column("number", Number, nullable=False),
    sa.Column("body", Bytes, nullable=False),
    sa.Column("verify_sent", sa.Boolean, nullable=False, default=False),
)

receipts_out = sa.Table(
    "receipts_out",
    METADATA,
    sa.Column("position", Number, primary_key=True, autoincrement=True),
    sa.Column("kind", Number, nullable=False),
    sa.Column("message_id", Bytes, nullable=False),
    sa.Column("author", Text, nullable=False),
    sa.Column("number", Number, nullable=False),
    sa.Column("at_ms", Number, nullable=False),
    sa.Column("role", Text),
)

slip_keys = sa.Table(
    "slip_keys",
    METADATA,
    sa.Column("board", Text, primary_key=True),
    sa.Column("month", Text, primary_key=True),
    sa.Column("key_ref", Bytes, nullable=False),
    sa.Column("wrapped", Bytes, nullable=False),
)

custody = sa.Table(
    "custody",
    METADATA,
    sa.Column("position", Number, primary_key=True, autoincrement=True),
    sa.Column("arrived_ms", Number, nullable=False),
    sa.Column("body", Bytes, nullable=False),
)

# What is owed because of an event or a handover. ``fired_ms``: it is late, and that was said, once.
clocks = sa.Table(
    "clocks",
    METADATA,
    sa.Column("about", Bytes, primary_key=True),
    sa.Column("key", Text, primary_key=True),
    sa.Column("number", Number, primary_key=True),
    sa.Column("owner", Text, nullable=False),
    sa.Column("area", Text, nullable=False),
    sa.Column("start_ms", Number, nullable=False),
    sa.Column("due_ms", Number),
    sa.Column("reason", Text, nullable=False),
    sa.Column("met_ms", Number),
    sa.Column("met_by", Text),
    sa.Column("fired_ms", Number),
)
sa.Index("clocks_due", clocks.c.due_ms, sqlite_where=sa.text("met_ms IS NULL AND fired_ms IS NULL"))
sa.Index("clocks_open", clocks.c.due_ms, clocks.c.owner, sqlite_where=clocks.c.met_ms.is_(None))

# By what a clock's child is found again: the tokens of its identifiers, and the handle that the router gave it.
clock_refs = sa.Table(
    "clock_refs",
    METADATA,
    sa.Column("ref", Bytes, primary_key=True),
    sa.Column("about", Bytes, primary_key=True),
    sqlite_with_rowid=False,
)
sa.Index("clock_refs_about", clock_refs.c.about)

# What the boards were last told of a clock; what differs from it is news to them.
clocks_told = sa.Table(
    "clocks_told",
    METADATA,
    sa.Column("about", Bytes, primary_key=True),
    sa.Column("key", Text, primary_key=True),
    sa.Column("number", Number, primary_key=True),
    sa.Column("due_ms", Number, nullable=False),
    sa.Column("met_ms", Number),
)

# A board's own learning, as it was published, and which teams have said that they have it.
learning = sa.Table(
    "learning",
    METADATA,
    sa.Column("event_id", Bytes, primary_key=True),
    sa.Column("area", Text, nullable=False),
    sa.Column("title", Text, nullable=False),
    sa.Column("at_ms", Number, nullable=False),
)

acknowledged = sa.Table(
    "acknowledged",
    METADATA,
    sa.Column("event_id", Bytes, primary_key=True),
    sa.Column("reader", Text, primary_key=True),
    sa.Column("team", Text, primary_key=True),
    sa.Column("at_ms", Number, nullable=False),
)

# Children whom a marker of domestic abuse was about, so that a matter opened later is known to be about one of them.
marked = sa.Table(
    "marked",
    METADATA,
    sa.Column("token", Bytes, primary_key=True),
    sa.Column("at_ms", Number, nullable=False),
    sqlite_with_rowid=False,
)

clocks_skipped = sa.Table("clocks_skipped", METADATA, sa.Column("number", Number, primary_key=True))

# Handovers whose new area is hidden: the one-time keys of its front door.
hidden = sa.Table(
    "hidden",
    METADATA,
    sa.Column("handover", Bytes, primary_key=True),
    sa.Column("own", sa.Boolean, nullable=False),
    sa.Column("ticket", Bytes, nullable=False),
    sa.Column("secret", Bytes, nullable=False),
    sa.Column("acceptance", Bytes, nullable=False),
    sa.Column("child", Bytes, nullable=False, server_default=sa.text("x''")),
    sa.Column("evidence", Bytes, nullable=False, server_default=sa.text("x''")),
    sa.Column("refused", Text, nullable=False, server_default=""),
)

# What a protection endorser was asked to vouch for, and what became of it. ``code``: empty where it vouches.
endorsings = sa.Table(
    "endorsings",
    METADATA,
    sa.Column("ticket", Bytes, primary_key=True),
    sa.Column("handover", Bytes, nullable=False),
    sa.Column("key_id", Text, nullable=False),
    sa.Column("asker", Text, nullable=False),
    sa.Column("evidence", Bytes, nullable=False, index=True),
    sa.Column("author", Text, nullable=False),
    sa.Column("code", Text, nullable=False),
    sa.Column("by", Text, nullable=False),
    sa.Column("because", Text, nullable=False),
    sa.Column("at_ms", Number, nullable=False),
    sa.Column("request", Bytes, nullable=False),
)

# Of a child's characteristics the two bands that boards may hold, by a keyed name of the case reference, sealed. Only
# where the policy says so, and only at a front door.
characteristics = sa.Table(
    "characteristics",
    METADATA,
    sa.Column("name", Bytes, primary_key=True),
    sa.Column("sealed", Bytes, nullable=False),
)

# Cues. ``sealed``: what a fact or a cue says, wrapped under the vault's key; ``child``: the router's handle.
cue_facts = sa.Table(
    "cue_facts",
    METADATA,
    sa.Column("event_id", Bytes, primary_key=True),
    sa.Column("child", Bytes),
    sa.Column("on_day", Number, nullable=False),
    sa.Column("lasts", sa.Boolean, nullable=False),
    sa.Column("sealed", Bytes, nullable=False),
)
sa.Index("cue_facts_passing", cue_facts.c.on_day, sqlite_where=cue_facts.c.lasts.is_(False))

# By what a fact's child is found: the tokens of its identifiers, and the router's handle.
cue_refs = sa.Table(
    "cue_refs",
    METADATA,
    sa.Column("ref", Bytes, primary_key=True),
    sa.Column("event_id", Bytes, primary_key=True),
    sqlite_with_rowid=False,
)
sa.Index("cue_refs_event", cue_refs.c.event_id)

cues = sa.Table(
    "cues",
    METADATA,
    sa.Column("id", Bytes, primary_key=True),
    sa.Column("child", Bytes, nullable=False, index=True),
    sa.Column("about", Bytes, nullable=False),
    sa.Column("state", Text, nullable=False),
    sa.Column("raised_ms", Number, nullable=False),
    sa.Column("due_ms", Number, nullable=False),
    sa.Column("settled_ms", Number),
    sa.Column("sealed", Bytes, nullable=False),
    sa.Column("told", Text),
)
sa.Index("cues_open", cues.c.due_ms, sqlite_where=cues.c.state == "open")
sa.Index("cues_untold", cues.c.raised_ms, sqlite_where=sa.text("told IS NOT state"))

# When time alone may give reason to look at a child again.
cue_looks = sa.Table(
    "cue_looks",
    METADATA,
    sa.Column("child", Bytes, primary_key=True),
    sa.Column("at_ms", Number, nullable=False, index=True),
    sqlite_with_rowid=False,
)
