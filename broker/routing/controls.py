"""Receipts, grants, refusals and slip keys: what members say about deliveries. No content passes here in clear."""

from collections.abc import Callable
from typing import Final, TypeVar

from broker.clock import from_ms
from broker.crypto.errors import BadSignatureError, GrantMismatchError, MalformedError
from broker.crypto.grants import read_grant
from broker.crypto.signing import verify
from broker.routing.desk import Desk, Item
from broker.routing.forgetting import forget_if_over
from broker.routing.handovers import Handovers
from broker.routing.items import Items
from broker.routing.ordering import Ordering
from broker.routing.readers import front_doors
from broker.routing.refusals import ExpiredKeyError, ForeignReceiptError, RevokedKeyError, UnknownOrderError
from broker.routing.relay import Relay
from broker.routing.reviews import Reviews
from broker.routing.shield import Shield
from broker.store.router.children import Children
from broker.store.router.hiding import Hiding
from broker.store.router.outgoing import Delivered, Outgoing
from broker.store.router.procedures import NoticeRow, OrderRow, Procedures
from schemas import canonical
from schemas.audit import EntryKind
from schemas.codes.members import MemberKind
from schemas.control import NoticeSent, Obligation, Receipt, Receipts, Resend, SlipKey
from schemas.deadlines import SEEN
from schemas.directory import Directory
from schemas.hiding import one_time_key_of
from schemas.orders import Faulty, Refusal
from schemas.reading import MalformedMessageError
from schemas.wire import InKind, OutKind

T = TypeVar("T")

NOT_DECIDED: Final = frozenset(
    {
        "another-event",
        "expired",
        "not-concerned",
        "not-for-us",
        "not-in-our-record",
        "reader-without-key",
        "unknown-reader",
    }
)
"""Why a front door could not, as opposed to would not: another may be able to. Whom policy or a person has answered no,
nobody else is asked for."""
_RESEND_MOST: Final = 500


class Controls:
    """Bound to one transaction and one moment."""

    def __init__(
        self,
        *,
        children: Children,
        outgoing: Outgoing,
        procedures: Procedures,
        handovers: Handovers,
        reviews: Reviews,
        desk: Desk,
        directory: Directory,
        shield: Shield,
        relay: Relay,
        hiding: Hiding,
        items: Items,
        ordering: Ordering,
    ) -> None:
        self._children = children
        self._outgoing = outgoing
        self._procedures = procedures
        self._handovers = handovers
        self._reviews = reviews
        self._desk = desk
        self._directory = directory
        self._shield = shield
        self._relay = relay
        self._hiding = hiding
        self._items = items
        self._ordering = ordering

    def take(self, kind: OutKind, body: bytes, member: str) -> Resend | None:
        """Take one control message. Gives the request where deliveries are to be sent again (the caller does it).

        Raises:
            RejectedError: not signed by this member, or it answers nothing.
        """
        match kind:
            case OutKind.RECEIPTS:
                self._receipts(self._read(body, member, Receipts.LABEL, Receipts.from_bytes), member)
            case OutKind.GRANTS:
                self._grant(body, member)
            case OutKind.REFUSAL:
                self._refusal(self._read(body, member, Refusal.LABEL, Refusal.from_bytes), member)
            case OutKind.FAULTY:
                self._items.take(self._read(body, member, Faulty.LABEL, Faulty.from_bytes), body, member)
            case OutKind.SLIP_KEY:
                self._slip_key(self._read(body, member, SlipKey.LABEL, SlipKey.from_bytes), body, member)
            case OutKind.RESEND:
                request = self._read(body, member, Resend.LABEL, Resend.from_bytes)
                if request.member != member:
                    raise ForeignReceiptError("a request to send again is for one's own deliveries")
                return request
            case OutKind.NOTICE_SENT:
                self._notice_sent(self._read(body, member, NoticeSent.LABEL, NoticeSent.from_bytes), member)
            case OutKind.OBLIGATION:
                self._obligation(self._read(body, member, Obligation.LABEL, Obligation.from_bytes), member)
            case OutKind.ONE_TIME | OutKind.ENDORSEMENT | OutKind.UNENDORSED | OutKind.UNNAMED:
                self._relay.take(kind, body, member)
                self._desk.flush()
            case OutKind.EVENT:
                raise MalformedError("an event is not a control message")
        return None

    def _read(self, body: bytes, member: str, label: str, parse: Callable[[bytes], T]) -> T:
        held = verify(body, label, self._directory.public_of)
        self._require_own(held.key_id, member)
        try:
            return parse(held.payload)
        except (canonical.NotCanonicalError, MalformedMessageError) as error:
            raise MalformedError(str(error)) from error

    def _require_own(self, key_id: str, member: str) -> None:
        key = self._directory.key(key_id)
        if key is None or key.owner != member:
            raise BadSignatureError("signed by another member's key")
        now = from_ms(self._desk.now_ms)
        if key.revoked_at is not None and key.revoked_at <= now:
            raise RevokedKeyError
        if not key.usable(now):
            raise ExpiredKeyError

    def _receipts(self, batch: Receipts, member: str) -> None:
        if batch.member != member:
            raise ForeignReceiptError
        numbers = {receipt.number for receipt in batch.receipts}
        recorded = self._outgoing.events_given(member, numbers)
        for receipt in batch.receipts:
            event_id, _ = recorded.get(receipt.number, (receipt.message_id, ""))
            if event_id != receipt.message_id:
                raise ForeignReceiptError("a receipt names another event than was delivered under its number")
        known = self._outgoing.receipts_of(member, numbers)
        by_author: dict[str, list[Receipt]] = {}
        for receipt in batch.receipts:
            author = receipt.author
            if receipt.number in recorded:
                _, author = recorded[receipt.number]
                if (receipt.number, int(receipt.kind)) in known:
                    continue
                known.add((receipt.number, int(receipt.kind)))
                self._take_receipt(receipt, member)
                child = self._hidden_child(member, receipt.number)
                if child is not None and not self._shield.tells(member, author, child):
                    continue
            if self._directory.member(author) is not None:
                by_author.setdefault(author, []).append(receipt)
        for author, receipts in sorted(by_author.items()):
            body = canonical.encode([[batch.member, receipt.to_value()] for receipt in receipts])
            self._desk.deliver(author, Item(InKind.RECEIPTS, self._desk.new_id(), batch.member, body))

    def _take_receipt(self, receipt: Receipt, member: str) -> None:
        self._outgoing.take_receipt(member, receipt.number, int(receipt.kind), self._desk.now_ms)
        self._desk.audit(
            EntryKind.RECEIPT,
            event=receipt.message_id,
            reader=member,
            number=receipt.number,
            receipt=int(receipt.kind),
            claimed_ms=receipt.at_ms,
            role=receipt.role,
            about_child=self._hidden_child(member, receipt.number),
        )

    def _hidden_child(self, member: str, number: int) -> bytes | None:
        """The child that a delivery was about, where that child is hidden from somebody."""
        return self._hiding.given_to(member, number) if self._hiding.children() else None

    def _grant(self, body: bytes, member: str) -> None:
        grant, key_id = read_grant(body, self._directory.public_of)
        self._require_own(key_id, member)
        if grant.grantor != member:
            raise GrantMismatchError("the grant names another grantor than its signer")
        order = self._procedures.order(grant.order_id)
        if order is None or order.grantor != member:
            raise UnknownOrderError
        state = self._procedures.grant_state(grant.order_id, grant.event_id)
        if state == "granted":
            return  # the same grant again: the bus may deliver twice
        refused = self._items.is_wanted(order, grant.event_id)
        if not refused:
            self._require_open(order)
        unnamed = one_time_key_of(grant.reader) is not None and self._is_unnamed(order)
        if not (grant.reader == order.reader or unnamed) or state != "open":
            raise UnknownOrderError("the order is for another reader, or does not ask for this event")
        self._procedures.grant(grant.order_id, grant.event_id, self._desk.now_ms)
        # Ordered on two grounds and granted on both: the order is answered, the reader has the event once (P2).
        again = not refused and self._outgoing.delivery_of(order.reader, grant.event_id) is not None
        if not again:
            number = self._desk.deliver(
                order.reader, Item(InKind.GRANTED, grant.event_id, member, body, child=order.child)
            )
            self._remember(order, grant.event_id, number)
        self._desk.audit(
            EntryKind.GRANTED,
            child=order.child,
            order=order.order_id,
            event=grant.event_id,
            grantor=member,
            reader=order.reader,
            again=again or None,
        )
        if refused:
            self._items.came(order, grant.event_id)
        if order.state == "open" and not self._procedures.anything_open_in(order.order_id):
            self._answered(order, "done")
            if order.handover is not None:
                self._handovers.order_done(order.handover)
        self._over(order)

    def _is_unnamed(self, order: OrderRow) -> bool:
        """Whether an order was for a one-time key: whose, only the router knows. The reader checks the key itself."""
        return order.handover is not None and self._hiding.one_time(order.handover) is not None

    def _remember(self, order: OrderRow, event_id: bytes, number: int) -> None:
        """The reader has the event as if it had been sealed to it: its own history, when the child moves on, is whole."""
        found = self._outgoing.delivery_of(order.grantor, event_id)
        if found is None:
            return
        given, origin = found
        self._outgoing.record(
            Delivered(order.reader, number, event_id, given.digest, given.author, self._desk.now_ms),
            # A link may have been undone since the order: the event is the child's whose record it came under.
            self._children.records.child_of(origin) or order.child,
            origin,
        )

    def _refusal(self, refusal: Refusal, member: str) -> None:
        order = self._procedures.order(refusal.order_id)
        if order is None or order.grantor != member or refusal.grantor != member:
            raise UnknownOrderError
        if order.state == "refused":
            return  # the same answer again: the bus may deliver twice
        self._require_open(order)
        self._answered(order, "refused")
        self._desk.audit(
            EntryKind.ORDER_REFUSED,
            child=order.child,
            order=order.order_id,
            grantor=member,
            reader=order.reader,
            reason=refusal.reason,
            kept=len(refusal.items) or None,
        )
        self._reviews.owe(order)
        if refusal.reason in NOT_DECIDED:
            self._ordering.elsewhere(order)
        said = {"order": order.order_id, "reason": refusal.reason}
        body = canonical.encode(["order-refused", said | _items(refusal)])
        # Told to those who must see to it. A school or surgery is not: that something was kept from it is news, too.
        for door in sorted(self._who_sees_to(order)):
            self._desk.deliver(
                door, Item(InKind.NOTICE, self._desk.new_id(), member, body, child=order.child)
            )
        self._over(order)

    def _who_sees_to(self, order: OrderRow) -> frozenset[str]:
        child = self._children.get(order.child)
        doors = front_doors(self._shield.answerable(child) if child is not None else [], self._directory)
        reader = self._directory.member(order.reader)
        doors |= {order.reader} if reader is not None and reader.front_door else frozenset()
        # The notice bears the grantor's name: a side that a hidden child has left does not hear who else is asked.
        return frozenset(door for door in doors if self._shield.tells(order.grantor, door, order.child))

    def _require_open(self, order: OrderRow) -> None:
        if order.state != "open" or order.expires_ms < self._desk.now_ms:
            raise UnknownOrderError("the order was answered, or has expired")

    def _answered(self, order: OrderRow, state: str) -> None:
        self._procedures.set_order_state(order.order_id, state)
        self._procedures.meet(order.order_id, ["grants"], self._desk.now_ms)
        self._handovers.more_came(order)

    def _over(self, order: OrderRow) -> None:
        """An order was all that kept the child in mind: now it may be forgotten."""
        self._desk.flush()
        forget_if_over(self._children, self._procedures, order.child, self._desk.now_ms)

    def _notice_sent(self, told: NoticeSent, member: str) -> None:
        """Of what is forgotten, or was never owed by this member, nothing is written down."""
        if told.member != member:
            raise ForeignReceiptError("a notice is told by the member whose people it went to")
        owed = [one for one in self._procedures.owed(told.about) if one.kind == told.owed]
        if not owed or owed[0].owner != member:
            return
        row = NoticeRow(told.about, told.owed, told.due_ms, told.rung, member, self._desk.now_ms)
        if self._procedures.note_told(row, again=told.rung == SEEN):
            self._desk.audit(
                EntryKind.NOTICE_SENT,
                child=owed[0].child,
                about=told.about,
                owed=told.owed,
                owner=member,
                due_ms=told.due_ms,
                rung=told.rung,
                claimed_ms=told.at_ms,
            )

    def _obligation(self, said: Obligation, member: str) -> None:
        """What it is, only its boards can read. Of what is forgotten, or was never known here, nothing is written (P12)."""
        if said.member != member:
            raise ForeignReceiptError("an obligation is told of by the member that owes it")
        event = self._outgoing.concerning(member, said.event)
        handover = self._procedures.handover(said.event) if event is None else None
        sides = [] if handover is None else [handover.from_area, handover.to_area]
        if handover is not None and member in front_doors(sides, self._directory):
            child, origin = handover.child, handover.origin
        elif event is not None:
            child, origin = event
        else:
            return
        self._desk.audit(
            EntryKind.OBLIGATION,
            child=child,
            origin=origin,
            event=said.event if handover is None else None,
            handover=said.event if handover is not None else None,
            id=said.id,
            ref=said.ref,
            owner=member,
            slips=[[board, slip] for board, slip in said.slips if self._is_board(board)],
        )

    def _is_board(self, member_id: str) -> bool:
        member = self._directory.member(member_id)
        return member is not None and member.kind is MemberKind.BOARD

    def _slip_key(self, setup: SlipKey, body: bytes, member: str) -> None:
        if setup.author != member or self._directory.member(setup.board) is None:
            raise ForeignReceiptError("a slip key is set up by its own author, for a board that is a member")
        self._hiding.keep_slip_key(member, setup.board, body)


def _items(refusal: Refusal) -> dict[str, list[list[bytes | str]]]:
    """Exactly what was not shared, and why, where it was not the whole order."""
    return {"items": [[event, code] for event, code in refusal.items]} if refusal.items else {}


def numbers_to_resend(request: Resend) -> tuple[int, ...]:
    """What of a request is honoured at once: a bounded number, each once."""
    return tuple(sorted(set(request.numbers)))[:_RESEND_MOST]
