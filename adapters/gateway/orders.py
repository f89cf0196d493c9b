"""A front door's duty: answer the router's orders after checking each itself, and take in what others grant.

Nothing is granted because the router says so. The checks of ``judge`` are numbered as in ``docs/protocol.md``.
"""

from dataclasses import dataclass

from adapters.gateway.composing import kem_public
from adapters.gateway.home import Home
from adapters.gateway.publishing import Publishing
from adapters.gateway.reading import Reading
from adapters.gateway.sameness import Identifiers, identifiers_in, joined
from broker.clock import to_ms
from broker.crypto.check import read_manifest
from broker.crypto.errors import CryptoRejectedError, GrantMismatchError
from broker.crypto.grants import grant_part, open_grant, order_hash, read_grant, sign_grant
from broker.crypto.signing import sign, unverified_payload, verify
from broker.errors import RejectedError
from broker.store.gateway.inbox import HistoryRow, InRow, OrderRow
from broker.store.gateway.store import Work
from schemas.directory import Directory
from schemas.envelope import View
from schemas.members import ROUTER
from schemas.orders import Grant, Order, OrderKind, Refusal
from schemas.wire import EventClass, InKind, Lane, OutKind


@dataclass(frozen=True, slots=True)
class Known:
    """What this front door knows by itself about an order's matter."""

    deliveries: dict[bytes, InRow]
    """Its own deliveries about that child, by event."""
    digests: dict[bytes, bytes]
    """SHA-256 of the manifest of each, from its own copy."""
    released_by_us: bool
    """Whether the evidence is an event that this member's own person published."""
    used_before: bool


def judge(order: Order, me: str, known: Known, directory: Directory, now_ms: int) -> str | None:
    """Whether to carry out an order: None to grant, or the reason's code for a refusal. Pure.

    1 it is for us and has not expired; 2 its reader is a member of this directory, and not ourselves; 3 one evidence
    serves one order; 4 every event is in our own record of that child, byte for byte; 5 for a handover, our own
    person released it, and the reader is a front door; 6 otherwise the reader is a front door, or admitted by policy.
    """
    if order.grantor != me:
        return "not-for-us"
    if order.expires_ms < now_ms:
        return "expired"
    reader = directory.member(order.reader)
    if reader is None or not reader.active() or order.reader == me:
        return "unknown-reader"
    if known.used_before:
        return "evidence-used"
    for event_id, digest in order.events:
        if event_id not in known.deliveries:
            return "not-in-our-record"
        if known.digests.get(event_id) != digest:
            return "another-event"
    if order.kind is OrderKind.HANDOVER:
        if not known.released_by_us:
            return "not-released"
        return None if reader.front_door else "not-a-front-door"
    return None if reader.front_door else "not-a-front-door"


class Orders:
    """Answers orders and takes grants for one home."""

    def __init__(self, home: Home, publishing: Publishing) -> None:
        self._home = home
        self._publishing = publishing
        self._reading = Reading(home)

    def ordered(self, work: Work, row: InRow) -> None:
        """An order came: ours to answer, or a copy that tells what will come.

        Raises:
            CryptoRejectedError: not signed by the router.
        """
        held = verify(row.body, Order.LABEL, self._router_key)
        order = Order.from_bytes(held.payload)
        fresh = work.inbox.add_order(
            OrderRow(
                order.order_id,
                order.grantor,
                order.handover,
                order.evidence,
                int(order.kind),
                row.body,
                len(order.events),
            )
        )
        if fresh and order.grantor == self._home.member_id and order.events:
            self._answer(work, order, row)

    def granted(self, work: Work, row: InRow) -> None:
        """A grant came: keep it if the order is known, the author's signature holds and the key is the right one.

        Raises:
            CryptoRejectedError: anything about it is wrong.
        """
        directory = self._home.directory
        grant, key_id = read_grant(row.body, directory.public_of)
        known = work.inbox.order(grant.order_id)
        key = directory.key(key_id)
        if known is None or grant.reader != self._home.member_id:
            raise GrantMismatchError("no order that we know of asks for it")
        if key is None or key.owner != grant.grantor or grant.grantor != known.grantor:
            raise GrantMismatchError("not signed by the grantor that the order names")
        order = Order.from_bytes(unverified_payload(known.body))
        listed = dict(order.events)
        opened = open_grant(
            grant, key_id, order_hash(order.to_bytes()), directory.public_of, self._home.keyring.kems
        )
        if listed.get(grant.event_id) != opened.manifest_hash:
            raise GrantMismatchError("the order does not list this event, or lists another of the same id")
        for part in opened.parts:
            work.inbox.keep_key(grant.event_id, part.index, self._home.vault.close(part.key))
        work.inbox.add_history(
            HistoryRow(
                event_id=grant.event_id,
                order_id=grant.order_id,
                child=row.child,
                author=opened.manifest.header.author,
                taken_ms=grant.taken_ms,
                position=grant.position,
                body=row.body,
            )
        )

    def is_whole(self, work: Work, handover: bytes) -> int | None:
        """How many events a handover's history has, if every one that was ordered for us has come; else None."""
        mine = [
            row
            for row in work.inbox.orders_for(handover)
            if row.kind == int(OrderKind.HANDOVER) and row.grantor != self._home.member_id
        ]
        if not mine or any(work.inbox.history_count(row.order_id) < row.events for row in mine):
            return None
        return sum(row.events for row in mine)

    def _answer(self, work: Work, order: Order, row: InRow) -> None:
        known = self._known(work, order, row)
        directory, now_ms = self._home.directory, to_ms(self._home.clock())
        refusal = judge(order, self._home.member_id, known, directory, now_ms)
        member = directory.member(order.reader)
        public = kem_public(member, self._home.clock()) if member is not None else None
        if refusal is None and public is None:
            refusal = "reader-without-key"
        signer = self._home.signer()
        if refusal is not None or public is None:
            answer = Refusal(order.order_id, self._home.member_id, refusal or "unknown-reader", now_ms)
            signed = sign(signer, Refusal.LABEL, answer.to_bytes())
            self._publishing.control(
                work, OutKind.REFUSAL, signed, Lane.URGENT, f"refusal.{order.order_id.hex()}"
            )
            work.inbox.answered(order.order_id, f"refused: {refusal}")
            return
        bound = order_hash(order.to_bytes())
        for sequence, (event_id, _) in enumerate(order.events, start=1):
            delivery = known.deliveries[event_id]
            view = View.from_bytes(delivery.body)
            manifest, _ = read_manifest(view.signed, directory.public_of)
            keys = work.inbox.keys_of(event_id)
            grant = Grant(
                order_id=order.order_id,
                grantor=self._home.member_id,
                reader=order.reader,
                event_id=event_id,
                sequence=sequence,
                total=len(order.events),
                position=delivery.number,
                taken_ms=delivery.taken_ms,
                signed=view.signed,
                parts=tuple(
                    grant_part(
                        manifest,
                        part.index,
                        part.ciphertext,
                        self._home.vault.open(keys[part.index]),
                        reader=public,
                        grantor_key=signer.key_id,
                        order=bound,
                    )
                    for part in view.parts
                    if part.index in keys
                ),
            )
            self._publishing.control(
                work,
                OutKind.GRANTS,
                sign_grant(grant, signer),
                Lane.URGENT,
                f"grant.{order.order_id.hex()}.{event_id.hex()}",
            )
        work.inbox.answered(order.order_id, "granted")

    def _known(self, work: Work, order: Order, row: InRow) -> Known:
        """What our own record says. The child is known by the evidence that *we* can read, not by the router's word."""
        child = self._child_of(work, order, row)
        deliveries: dict[bytes, InRow] = {}
        digests: dict[bytes, bytes] = {}
        for event_id, _ in order.events:
            delivery = work.inbox.by_message(event_id, int(InKind.VIEW))
            if delivery is None or not self._identifiers(work, delivery) & child:
                continue
            _, digest = read_manifest(View.from_bytes(delivery.body).signed, self._home.directory.public_of)
            deliveries[event_id] = delivery
            digests[event_id] = digest
        return Known(
            deliveries=deliveries,
            digests=digests,
            released_by_us=work.outbox.is_own(order.evidence),
            used_before=order.kind is OrderKind.HANDOVER
            and work.inbox.evidence_used(order.evidence, int(order.kind)),
        )

    def _child_of(self, work: Work, order: Order, row: InRow) -> Identifiers:
        evidence = work.inbox.by_message(order.evidence, int(InKind.VIEW))
        if evidence is None or row.child is None:
            return frozenset()
        links = [
            self._identifiers(work, delivery)
            for delivery in work.inbox.of_child(row.child, int(InKind.VIEW))
            if _class_of(delivery, self._home.directory) is EventClass.IDENTITY
        ]
        return joined(self._identifiers(work, evidence), links)

    def _identifiers(self, work: Work, delivery: InRow) -> Identifiers:
        try:
            return identifiers_in(self._reading.delivered(work, delivery).document)
        except RejectedError:
            return frozenset()

    def _router_key(self, key_id: str) -> bytes | None:
        key = self._home.directory.key(key_id)
        return key.public if key is not None and key.owner == ROUTER else None


def _class_of(delivery: InRow, directory: Directory) -> EventClass | None:
    try:
        manifest, _ = read_manifest(View.from_bytes(delivery.body).signed, directory.public_of)
    except CryptoRejectedError:
        return None
    return manifest.header.event_class
