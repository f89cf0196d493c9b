"""From the router's audit entries to the board's query store.

The same entries give the same store, however often and in whatever batches they come. What an entry says is
never taken on trust of its form: a message that is no entry is kept and counted, an unknown kind is kept as it is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import structlog

from broker.audit.reading import Entry, NotAnEntryError, read_entry
from broker.crypto.errors import CryptoRejectedError
from broker.crypto.keys import KemKey
from broker.crypto.signing import PublicOf, verify
from broker.crypto.slips import open_slip, open_slip_key, slip_key_ref
from broker.crypto.vault import Vault
from broker.store.audit.rows import EntryRow, Place, SealedSlip, Slip
from broker.store.audit.store import AuditWork
from schemas import canonical
from schemas.audit import EntryKind
from schemas.control import SlipKey
from schemas.reading import MalformedMessageError
from schemas.slip import BoardSlip

_log = structlog.get_logger()

OwnerOf: TypeAlias = Callable[[str], str | None]
"""The member that a published key belongs to."""

_EVENT, _PROCEDURE, _RECORD = b"e", b"p", b"r"
_ORDERS = frozenset({EntryKind.ORDER, EntryKind.GRANTED, EntryKind.ORDER_REFUSED})


@dataclass(frozen=True, slots=True)
class BoardKeys:
    """What a board opens slips with, and where it keeps their keys."""

    board: str
    kems: Mapping[str, KemKey]
    vault: Vault
    public_of: PublicOf
    owner_of: OwnerOf


class Projection:
    """Takes entries in; a repeat changes nothing."""

    def __init__(self, keys: BoardKeys) -> None:
        self._keys = keys

    def take(self, work: AuditWork, data: bytes) -> bool:
        """Take one message of the trail. False if it was there, is no entry, or contradicts one."""
        try:
            entry = read_entry(data)
        except NotAnEntryError as error:
            _log.warning("not-an-entry", bytes=len(data))
            work.add_unread(data, str(error))
            return False
        fresh = work.add(
            EntryRow(
                place=Place(entry.partition, entry.number),
                at_ms=entry.at_ms,
                kind=entry.kind,
                thread=thread_of(entry),
                event_id=entry.bytes_of("event"),
                actor=entry.actor,
                body=data,
            ),
            entry.parties,
        )
        if fresh:
            self._learn(work, entry)
        return fresh

    def _learn(self, work: AuditWork, entry: Entry) -> None:
        thread, child = thread_of(entry), entry.bytes_of("child")
        place = Place(entry.partition, entry.number)
        match entry.kind:
            case EntryKind.SLIP_KEY:
                self._slip_key(work, entry)
            case EntryKind.TAKEN if thread is not None:
                # By the record that the event came under, so that a question after an unlink finds the right ones.
                record = entry.bytes_of("origin") or child
                work.thread_concerns(thread, entry.areas, () if record is None else {record})
                self._slips(work, entry)
            case EntryKind.CHILD_TOKEN if thread is not None and child is not None:
                work.thread_concerns(thread, entry.areas, {child})
                work.tokens_lead(entry.ids_of("tokens"), child)
            case EntryKind.HANDOVER if thread is not None and child is not None:
                # Its two sides and nobody else: the child may be in a third area by now.
                sides = {entry.text_of("from_area"), entry.text_of("to_area")}
                about = entry.bytes_of("origin") or child
                work.thread_concerns(thread, {side for side in sides if side is not None}, {about})
            case EntryKind.ORDER if thread is not None and child is not None:
                work.thread_concerns(thread, (), {entry.bytes_of("origin") or child})
                parent = _thread(_PROCEDURE, entry.bytes_of("handover"))
                parent = parent or _thread(_EVENT, entry.bytes_of("evidence"))
                if parent is not None:
                    work.thread_within(thread, parent)
            case EntryKind.LINKED if thread is not None and child is not None:
                # The decision is about records; which of them gives the child its name is the router's affair.
                self._linked(work, entry, thread, entry.bytes_of("kept") or child)
            case EntryKind.UNLINKED if thread is not None:
                kept, split = entry.bytes_of("kept") or child, entry.bytes_of("split")
                if kept is not None and split is not None:
                    work.thread_concerns(thread, entry.areas, {kept, split})
                    work.join(kept, split, place, joined=False)
            case _:
                # An unknown kind, or one whose areas and record are those of its event, order or handover.
                if thread is not None and entry.kind not in set(EntryKind):
                    work.thread_concerns(thread, entry.areas, {child} if child is not None else ())

    def _linked(self, work: AuditWork, entry: Entry, thread: bytes, kept: bytes) -> None:
        bound = [
            (token, origin)
            for token, origin in entry.pairs_of("bound")
            if isinstance(token, bytes) and isinstance(origin, bytes)
        ]
        for token, origin in bound:
            work.tokens_lead([token], origin)
        others = {*entry.ids_of("merged"), *(origin for _, origin in bound)}
        for other in sorted(others):
            work.join(kept, other, Place(entry.partition, entry.number), joined=True)
        work.thread_concerns(thread, entry.areas, {kept, *others})

    def _slip_key(self, work: AuditWork, entry: Entry) -> None:
        body = entry.fields.get("setup")
        if entry.text_of("board") != self._keys.board or not isinstance(body, bytes):
            return
        try:
            signed = verify(body, SlipKey.LABEL, self._keys.public_of)
            setup = SlipKey.from_bytes(signed.payload)
            # The router has looked, but a slip is only as good as this: its key comes from its author.
            if self._keys.owner_of(signed.key_id) != setup.author:
                _log.warning("slip-key-of-another", author=setup.author)
                return
            secret = open_slip_key(setup, self._keys.kems[setup.board_key_id])
        except (CryptoRejectedError, KeyError, canonical.NotCanonicalError, MalformedMessageError) as error:
            _log.warning("slip-key-unusable", error=type(error).__name__)
            return
        if work.add_key(setup.author, setup.key_ref, self._keys.vault.close(secret)):
            for slip in work.waiting_for(setup.author, setup.key_ref):
                self._open(work, slip, secret)

    def _slips(self, work: AuditWork, entry: Entry) -> None:
        """The slip that is addressed to this board, if there is one; another board's is never tried."""
        author, event_id = entry.text_of("author"), entry.bytes_of("event")
        for board, body in entry.pairs_of("slips"):
            if board != self._keys.board or author is None or event_id is None or not isinstance(body, bytes):
                continue
            try:
                key_ref = slip_key_ref(body)
            except CryptoRejectedError:
                work.slip_shut(SealedSlip(event_id, author, None, body))
                continue
            slip = SealedSlip(event_id, author, key_ref, body)
            wrapped = work.key(author, key_ref)
            if wrapped is None:
                work.slip_waits(slip)
            else:
                self._open(work, slip, self._keys.vault.open(wrapped))

    def _open(self, work: AuditWork, slip: SealedSlip, secret: bytes) -> None:
        try:
            plain = open_slip(
                secret, slip.body, author=slip.author, board=self._keys.board, event_id=slip.event_id
            )
            read = BoardSlip.from_bytes(plain)
        except (CryptoRejectedError, canonical.NotCanonicalError, MalformedMessageError) as error:
            _log.warning("slip-unusable", error=type(error).__name__)
            work.slip_shut(slip)
            return
        said = Slip(
            read.event_type, read.purpose, read.basis, read.occurred_ms, read.recorded_ms, read.case_ref
        )
        work.slip_opened(slip, said)


def thread_of(entry: Entry) -> bytes | None:
    """What ties an entry to others: its order, its event, its handover, or whatever is overdue.

    An event's id is its author's choice, the others are the router's: the first letter keeps them apart, or an
    author could attach its event to a handover of another area.
    """
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
