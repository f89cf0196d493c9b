"""Receiving: custody first, then the ledger; each child's deliveries in the router's order, each exactly once.

What a crash means at each numbered gap (``broker.faults``):

* gap 1, before custody is durable: nothing was acknowledged; the bus delivers again.
* gap 2, in custody, before the ledger commits: the bus delivers again; custody holds it twice, which harms nothing.
* gap 3, in the ledger, not acknowledged: the repeat is known by its number and dropped.
"""

import hashlib
from dataclasses import dataclass
from typing import Final, TypeAlias

import structlog

from adapters.gateway.home import Home
from adapters.gateway.orders.answering import Orders
from adapters.gateway.record.clocking import Clocking
from adapters.gateway.record.composing import join, kind_in, tokens_of
from adapters.gateway.record.markers import MAY_MARK, remember
from adapters.gateway.sending.mending import CHAIN_FORK, CHAIN_STRIDE, step_over
from adapters.gateway.taking.learning import team_of
from broker.clock import to_ms
from broker.crypto.errors import CryptoRejectedError
from broker.crypto.open import open_view
from broker.crypto.signing import verify
from broker.errors import RejectedError
from broker.store.gateway.handovers import HandoverRow
from broker.store.gateway.inbox import InRow
from broker.store.gateway.store import Work
from schemas import canonical
from schemas.catalogue import parse_event
from schemas.control import Note, Receipt, unframe
from schemas.envelope import ID_BYTES, View
from schemas.errors import EventRefusedError, MalformedIdentifierError
from schemas.handover import HandoverView
from schemas.ids import EventId
from schemas.reading import MalformedMessageError, listed, octets, rows, text
from schemas.wire import PROTOCOL_VERSION, InKind, PartKind, ReceiptKind

_log = structlog.get_logger()

_READ: Final = frozenset({ReceiptKind.OPENED, ReceiptKind.TAKEN_ON})
"""Receipts that say a person has read it: nobody takes on what they have not."""

Ref: TypeAlias = tuple[InKind, bytes]
"""What a delivery was, and the id of its event, order or handover."""


class NotTheRoutersError(RejectedError):
    """A message on our inbox that the router did not sign for us: dropped, and shown to the operator."""

    code = "not-the-routers"
    advice = "Tell the operator: somebody put a message on the bus that is not the router's."


class RepeatedEventError(RejectedError):
    """An event that has been applied already came under another number."""

    code = "repeated"
    advice = "Nothing to do: the first delivery counts."


@dataclass(frozen=True, slots=True)
class Noted:
    """A message whose note the router signed for us."""

    note: Note
    body: bytes


class Receiving:
    """Applies what the bus brings to one home."""

    def __init__(self, home: Home, orders: Orders, clocking: Clocking) -> None:
        self._home = home
        self._orders = orders
        self._clocking = clocking

    def take(self, messages: list[bytes]) -> list[Ref]:
        """Take messages as they came: durable on return, applied as far as their order allows; gives what they were.

        Raises:
            UnavailableError: custody or ledger took no write; do not acknowledge.
        """
        self._home.gap(1)
        self._home.custody.keep(messages, to_ms(self._home.clock()))
        return self.replay(messages)

    def replay(self, messages: list[bytes]) -> list[Ref]:
        """Apply messages that are in custody already; what is in the ledger is dropped."""
        noted = []
        for data in messages:
            try:
                noted.append(self.read(data))
            except RejectedError as error:
                _log.warning("dropped", code=error.code)
        with self._home.store.work() as work:
            for one in noted:
                self._enter(work, one)
            if any(one.note.kind is InKind.VIEW for one in noted):
                self._orders.hidden.reconsider(work)
            self._home.gap(2)
        return [(one.note.kind, one.note.message_id) for one in noted]

    def read(self, data: bytes) -> Noted:
        """Check that the router signed this for us. Raises RejectedError."""
        try:
            signed, kind, body = unframe(data, 3, PROTOCOL_VERSION)
            held = verify(signed, Note.LABEL, self._home.routers)
            note = Note.from_bytes(held.payload)
        except (canonical.NotCanonicalError, MalformedMessageError, CryptoRejectedError) as error:
            raise NotTheRoutersError(str(error)) from error
        if note.reader != self._home.member_id or int(note.kind) != kind:
            raise NotTheRoutersError("the note is for another reader or kind")
        if note.body_hash != hashlib.sha256(body).digest():
            raise NotTheRoutersError("the body is not the one that the note covers")
        return Noted(note, body)

    def gaps(self) -> list[int]:
        """Delivery numbers that never came."""
        with self._home.store.look() as work:
            return work.inbox.gaps()

    def _enter(self, work: Work, noted: Noted) -> None:
        note = noted.note
        if work.inbox.has(note.number):
            return
        ready = note.previous == 0 or work.inbox.is_applied(note.previous)
        row = InRow(
            number=note.number,
            kind=int(note.kind),
            message_id=note.message_id,
            author=note.author,
            child=note.child,
            previous=note.previous,
            taken_ms=note.taken_ms,
            arrived_ms=to_ms(self._home.clock()),
            late=note.late,
            skewed=note.skewed,
            body=noted.body,
            state="held",
        )
        work.inbox.add(row)
        if ready:
            self._apply_from(work, row)

    def _apply_from(self, work: Work, first: InRow) -> None:
        """Apply a delivery and all that waited for it."""
        ready = [first]
        while ready:
            row = ready.pop(0)
            if other := _follows_too(row):
                # From here on the ledger says which record was joined: its own child's newest is there already.
                work.inbox.wait_for(row.number, other)
                if not work.inbox.is_applied(other):
                    continue
            try:
                with work.attempt():
                    self._apply(work, row)
                work.inbox.settle(row.number, "applied")
            except RejectedError as error:
                # Kept with its fault: a poisoned message holds up nothing that comes after it.
                work.inbox.settle(row.number, "failed", error.code)
                _log.warning("not-applied", number=row.number, code=error.code)
                if row.kind == InKind.GRANTED:
                    self._orders.refusing.failed(work, row, error)
            ready += work.inbox.held_after(row.number)

    def _apply(self, work: Work, row: InRow) -> None:
        try:
            match InKind(row.kind):
                case InKind.VIEW:
                    self._view(work, row)
                case InKind.ORDER:
                    self._orders.ordered(work, row)
                case InKind.GRANTED:
                    self._orders.granted(work, row)
                case InKind.HANDOVER:
                    HandoverView.from_bytes(row.body)
                    work.inbox.save_handover(
                        HandoverRow(row.message_id, row.child, row.number, row.body, verify_sent=False)
                    )
                    self._orders.moved.add(row.message_id)
                case InKind.RETURNED:
                    self._returned(work, row)
                case InKind.RECEIPTS:
                    self._receipts(work, row)
                case InKind.NOTICE:
                    word, fields = rows(canonical.decode(row.body), 2, "notice")
                    self._orders.noticed(work, text(word, "notice"), fields)
                    self._orders.hidden.noticed(work, text(word, "notice"), fields, row.child)
        except (canonical.NotCanonicalError, MalformedMessageError, MalformedIdentifierError) as error:
            raise NotTheRoutersError(str(error)) from error

    def _view(self, work: Work, row: InRow) -> None:
        directory = self._home.directory
        opened = open_view(View.from_bytes(row.body), directory.public_of, self._home.keyring.kems)
        header = opened.manifest.header
        key = directory.key(header.key_id)
        if header.event_id != row.message_id or header.author != row.author:
            raise NotTheRoutersError("the view is of another event or author than the note says")
        if key is None or key.owner != header.author:
            raise NotTheRoutersError("the event is not signed with its author's key")
        before = work.inbox.by_message(row.message_id, row.kind)
        if before is not None and before.number != row.number and before.state == "applied":
            # Its author lost its place and published it again: once is enough.
            raise RepeatedEventError(f"delivery {before.number} is the same event")
        work.inbox.classify(row.number, int(header.event_class))
        kind = kind_in(opened.part(PartKind.CORE))
        self._home.came(row.number, kind)
        if kind in MAY_MARK:
            self._marker(work, row, {part.kind: part.plaintext for part in opened.parts})
        for part in opened.parts:
            work.inbox.keep_key(header.event_id, part.index, self._home.vault.close(part.key))
        work.outbox.owe_receipt(
            ReceiptKind.DELIVERED, row.message_id, row.author, row.number, row.arrived_ms, None
        )

    def _marker(self, work: Work, row: InRow, parts: dict[PartKind, bytes]) -> None:
        """Remember a marker that came, for the child's first matter. What cannot be read is shown where it is opened."""
        try:
            event = parse_event(join(parts))
        except (EventRefusedError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
            return
        remember(work, event, tokens_of(event.subject, self._home.keyring.tokens()), row.taken_ms)

    def _returned(self, work: Work, row: InRow) -> None:
        code, why, advice, event_id = rows(canonical.decode(row.body), 4, "returned")
        named = None if event_id is None else EventId.from_raw(octets(event_id, ID_BYTES, "event"))
        if code == CHAIN_FORK:
            # The database was restored from an old copy: what was sent since stands at the numbers that we use now.
            step_over(work, CHAIN_STRIDE)
        if named is not None:
            work.outbox.returned(named.raw, f"{text(code, 'code')}: {why}. {advice}"[:500])
        _log.warning("returned", code=code, event_id=named)

    def _receipts(self, work: Work, row: InRow) -> None:
        for item in listed(canonical.decode(row.body), 5000, "receipts"):
            reader, value = rows(item, 2, "receipt")
            receipt = Receipt.from_value(value)
            if work.outbox.is_own(receipt.message_id):
                said_by = text(reader, "reader")
                work.outbox.take_receipt(receipt.message_id, said_by, receipt.kind, receipt.at_ms)
                if (team := team_of(receipt)) is not None:
                    work.learning.acknowledge(receipt.message_id, said_by, team, receipt.at_ms)
                if receipt.kind in _READ:
                    self._clocking.opened(work, receipt.message_id, said_by, receipt.at_ms)


def _follows_too(row: InRow) -> int:
    """The second delivery that the word of a link follows: the newest under the other record. 0 for all else."""
    if row.kind != InKind.NOTICE:
        return 0
    try:
        word, said = rows(canonical.decode(row.body), 2, "notice")
    except (canonical.NotCanonicalError, MalformedMessageError):
        return 0  # found unusable when it is applied
    other = said.get("after") if word == "joined" and isinstance(said, dict) else None
    return other if isinstance(other, int) and other < row.number else 0
