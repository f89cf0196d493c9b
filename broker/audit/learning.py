"""What one entry teaches: rows for the board's store. Pure; nothing here asks the store.

Nor does it depend on what came before, so that the same entries give the same rows in any order.
"""

from collections.abc import Iterable
from typing import Final

from broker.audit.reading import Entry
from broker.store.audit import tables as t
from broker.store.audit.batch import Batch, Table
from schemas import canonical
from schemas.audit import ENTRY_VERSION, EntryKind
from schemas.hiding import HIDDEN
from schemas.wire import ReceiptKind

_EVENT, _PROCEDURE, _RECORD = b"e", b"p", b"r"
_ORDERS: Final = frozenset({EntryKind.ORDER, EntryKind.GRANTED, EntryKind.ORDER_REFUSED})
_KINDS: Final = frozenset(EntryKind)
_RECEIPT: Final = EntryKind.RECEIPT.value
_HANDOVER: Final = EntryKind.HANDOVER.value
_GIVEN, _GRANTED = 0, 1
_SAID: Final[dict[int, int]] = {
    ReceiptKind.DELIVERED: 2,
    ReceiptKind.OPENED: 3,
    ReceiptKind.TAKEN_ON: 4,
    ReceiptKind.PASSED_ON: 5,
}
"""Which of a copy's times, in the order of the table's columns."""
_NO_SALT: Final = bytes(16)
"""An entry of a block was never an entry of the log by itself."""
_TIMED: Final = frozenset(t.STEPS)
SKEW_MS: Final = 5 * 60_000
"""How far an author's clock may be ahead of the router's."""


def learn(batch: Batch, entry: Entry) -> None:
    """Add an entry's rows, apart from what its slips and keys say."""
    thread = thread_of(entry)
    partition, number, at_ms, kind, _, inner = entry
    event = entry.bytes_of("event")
    who = [one for one in sorted(entry.parties) if " " not in one]
    parties = f" {' '.join(who)} "
    broke = 1 if kind == _HANDOVER and (entry.text_of("step") or "").startswith("break") else None
    batch.row(t.entries, partition, number, inner, at_ms, kind, thread, event, entry.actor, parties, broke)
    if inner:
        body = canonical.encode([ENTRY_VERSION, _NO_SALT, partition, number, at_ms, kind, entry.fields])
        batch.row(t.veiled, partition, number, inner, body)
    if kind == _RECEIPT:
        # Two of three entries: it adds nothing to its thread, and is about its event alone.
        _receipt(batch, entry)
        return
    if thread is not None:
        _concerns(batch, entry, thread)
    _facts(batch, entry, thread)


def _concerns(batch: Batch, entry: Entry, thread: bytes) -> None:
    """Which areas and records the entry's thread concerns."""
    child = entry.bytes_of("child")
    match entry.kind:
        case EntryKind.TAKEN:
            # By the record that the event came under, so that a question after an unlink finds the right ones.
            record = entry.bytes_of("origin") or child
            _thread_concerns(batch, thread, entry.areas, () if record is None else (record,))
        case EntryKind.CHILD_TOKEN if child is not None:
            _thread_concerns(batch, thread, entry.areas, (child,))
            for token in entry.ids_of("tokens"):
                batch.put(t.tokens, token=token, record=child)
        case EntryKind.HANDOVER if child is not None:
            # Its two sides and nobody else: the child may be in a third area by now.
            sides = {entry.text_of("from_area"), entry.text_of("to_area")} - {None}
            about = entry.bytes_of("origin") or child
            _thread_concerns(batch, thread, [side for side in sides if side is not None], (about,))
        case EntryKind.ORDER if child is not None:
            _thread_concerns(batch, thread, (), (entry.bytes_of("origin") or child,))
            parent = _thread(_PROCEDURE, entry.bytes_of("handover"))
            parent = parent or _thread(_EVENT, entry.bytes_of("evidence"))
            if parent is not None:
                batch.put(t.thread_parents, thread=thread, parent=parent)
        case EntryKind.LINKED if child is not None:
            # The decision is about records; which of them gives the child its name is the router's affair.
            _linked(batch, entry, thread, entry.bytes_of("kept") or child)
        case EntryKind.UNLINKED:
            kept, split = entry.bytes_of("kept") or child, entry.bytes_of("split")
            if kept is not None and split is not None:
                _thread_concerns(batch, thread, entry.areas, (kept, split))
                _join(batch, entry, kept, split, joined=False)
        case _:
            # An unknown kind, or one whose areas and record are those of its event, order or handover.
            if entry.kind not in _KINDS:
                _thread_concerns(batch, thread, entry.areas, (child,) if child is not None else ())


def _linked(batch: Batch, entry: Entry, thread: bytes, kept: bytes) -> None:
    bound = [
        (token, origin)
        for token, origin in entry.pairs_of("bound")
        if isinstance(token, bytes) and isinstance(origin, bytes)
    ]
    for token, origin in bound:
        batch.put(t.tokens, token=token, record=origin)
    others = {*entry.ids_of("merged"), *(origin for _, origin in bound)}
    for other in sorted(others):
        _join(batch, entry, kept, other, joined=True)
    _thread_concerns(batch, thread, entry.areas, {kept, *others})


def _join(batch: Batch, entry: Entry, record: bytes, other: bytes, *, joined: bool) -> None:
    """At this place of the trail two records were made one, or parted again; the newest word counts."""
    place = {"last_partition": entry.partition, "last_number": entry.number}
    batch.merge(t.links, record=record, other=other, **place, joined=int(joined))


def _thread_concerns(batch: Batch, thread: bytes, areas: Iterable[str], records: Iterable[bytes]) -> None:
    for area in areas:
        batch.row(t.thread_areas, thread, area)
    for record in records:
        batch.row(t.thread_records, thread, record)


def _facts(batch: Batch, entry: Entry, thread: bytes | None) -> None:
    """What the questions count."""
    match entry.kind:
        case EntryKind.TAKEN:
            _taken(batch, entry, thread)
        case EntryKind.GRANTED:
            event, reader = entry.bytes_of("event"), entry.text_of("reader")
            if event is not None and reader is not None:
                batch.copy(event, reader, _GRANTED, entry.at_ms)
        case EntryKind.HANDOVER:
            _move(batch, entry, thread)
        case EntryKind.OVERDUE if thread is not None:
            _owed(batch, t.overdue, entry, thread)
        case EntryKind.NOTICE_SENT if thread is not None:
            rung = entry.text_of("rung") or "unknown"
            _owed(batch, t.told, entry, thread, rung=rung)


def _taken(batch: Batch, entry: Entry, thread: bytes | None) -> None:
    event, author = entry.bytes_of("event"), entry.text_of("author")
    if event is None or thread is None:
        return
    record = entry.bytes_of("origin") or entry.bytes_of("child")
    sealed = entry.fields.get("sealed") is True
    holder, safety = entry.text_of("holder"), entry.text_of("safety")
    batch.row(
        t.shares,
        event,
        entry.partition,
        entry.number,
        entry.inner,
        entry.at_ms,
        thread,
        _bounded(entry.number_of("class")),
        _bounded(entry.number_of("urgency")),
        author,
        entry.text_of("acting"),
        holder,
        safety,
        record,
        int(sealed),
        int((_bounded(entry.number_of("claimed_ms")) or 0) > entry.at_ms + SKEW_MS),
    )
    # The side that a hidden family has left is told of no place: that it is not told is how its board knows.
    if (sealed or HIDDEN in (holder, safety)) and record is not None:
        batch.put(t.protected, record=record)
    for reader in entry.readers:
        batch.copy(event, reader, _GIVEN, entry.at_ms)
    if author is not None:
        batch.hear(author, 0, entry.at_ms)


def _receipt(batch: Batch, entry: Entry) -> None:
    event, reader = entry.bytes_of("event"), entry.text_of("reader")
    column = _SAID.get(entry.number_of("receipt") or 0)
    if event is None or reader is None:
        return
    if column is not None:
        batch.copy(event, reader, column, entry.at_ms)
    batch.hear(reader, 1, entry.at_ms)


def _move(batch: Batch, entry: Entry, thread: bytes | None) -> None:
    handover, step = entry.bytes_of("handover"), entry.text_of("step")
    if handover is None or step is None or thread is None:
        return
    record = entry.bytes_of("origin") or entry.bytes_of("child")
    withheld = entry.fields.get("withheld") is True
    batch.merge(
        t.moves,
        handover=handover,
        thread=thread,
        record=record,
        evidence=entry.bytes_of("evidence"),
        kind=entry.text_of("handover_kind"),
        from_area=entry.text_of("from_area"),
        to_area=entry.text_of("to_area"),
        withheld=1 if withheld else None,
        **({t.step_column(step): entry.at_ms} if step in _TIMED else {}),
        declines=1 if step == "decline" else None,
        last_partition=entry.partition,
        last_number=entry.number,
        last_ms=entry.at_ms,
        last_step=step,
        last_state=entry.text_of("state"),
    )
    if withheld and record is not None:
        batch.put(t.protected, record=record)


def _owed(batch: Batch, table: Table, entry: Entry, thread: bytes, **more: str) -> None:
    owed, due = entry.text_of("owed"), _bounded(entry.number_of("due_ms"))
    if owed is not None and due is not None:
        batch.merge(
            table,
            thread=thread,
            owed=owed,
            due_ms=due,
            owner=entry.text_of("owner"),
            at_ms=entry.at_ms,
            **more,
        )


def _bounded(number: int | None) -> int | None:
    """A number that a database can hold."""
    return number if number is not None and 0 <= number < 1 << 63 else None


def thread_of(entry: Entry) -> bytes | None:
    """What ties an entry to others: its order, its event, its handover, or whatever is overdue.

    An event's id is its author's choice, the others are the router's: the first letter keeps them apart, or an
    author could attach its event to a handover of another area.
    """
    if entry.kind == _RECEIPT and (event := entry.bytes_of("event")) is not None:
        return _EVENT + event
    if entry.kind in _ORDERS:
        return _thread(_PROCEDURE, entry.bytes_of("order"))
    if entry.kind == EntryKind.CHILD_TOKEN:
        return _thread(_RECORD, entry.bytes_of("child"))
    for letter, name in (
        (_EVENT, "event"),
        (_PROCEDURE, "handover"),
        (_PROCEDURE, "about"),
        (_PROCEDURE, "order"),
        (_RECORD, "child"),
    ):
        if (found := entry.bytes_of(name)) is not None:
            return letter + found
    return None


def _thread(letter: bytes, id_: bytes | None) -> bytes | None:
    return None if id_ is None else letter + id_
