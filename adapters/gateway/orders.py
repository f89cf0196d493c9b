"""A front door's duty: answer the router's orders after checking each itself, and take in what others grant.

Nothing is granted because the router says so. The checks of ``judge`` are numbered as in ``docs/protocol.md``.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias, assert_never

import structlog

from adapters.gateway.composing import kem_public
from adapters.gateway.errors import NobodyToReadError
from adapters.gateway.home import Home
from adapters.gateway.publishing import Publishing
from adapters.gateway.reading import Read, Reading
from adapters.gateway.sameness import Identifiers, identifiers_in, joined, links_in
from broker.clock import to_ms
from broker.crypto.check import read_manifest
from broker.crypto.errors import GrantMismatchError
from broker.crypto.grants import grant_part, open_grant, order_hash, read_grant, sign_grant
from broker.crypto.signing import sign, unverified_payload, verify
from broker.errors import RejectedError
from broker.store.gateway.inbox import HistoryRow, InRow, OrderRow
from broker.store.gateway.store import Work
from schemas.directory import Directory
from schemas.envelope import View
from schemas.events.base import Event
from schemas.members import ROUTER, Member
from schemas.orders import Grant, Order, OrderKind, Refusal
from schemas.policy import GrantAnswer, NoRuleError, may_be_granted
from schemas.wire import InKind, Lane, OutKind, PartKind, ReceiptKind

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Release:
    """What a release by our own person says: which handover, and to which area."""

    handover: str
    to_area: str


@dataclass(frozen=True, slots=True)
class Known:
    """What this front door knows by itself about an order's matter."""

    digests: Mapping[bytes, bytes]
    """SHA-256 of the manifest of each of its own deliveries about that child, by event."""
    answers: Mapping[bytes, GrantAnswer]
    """What policy and the author's mark say to handing each of them to the order's reader."""
    release: Release | None
    """The evidence, where it is a release that this member's own person published."""
    used_before: bool


@dataclass(frozen=True, slots=True)
class Refuse:
    """The order is not carried out. ``code`` is stable; it is what router, audit and reader see."""

    code: str


@dataclass(frozen=True, slots=True)
class Carry:
    """Grant these events. The others stay here: their author's mark or the policy keeps them."""

    events: tuple[bytes, ...]
    kept: tuple[bytes, ...] = ()


Verdict: TypeAlias = Refuse | Carry


def judge(order: Order, me: str, known: Known, directory: Directory, now: datetime) -> Verdict:
    """Whether to carry out an order, and for which of its events. Pure.

    1 it is for us and has not expired; 2 its reader is an active member of this directory that can be sealed to, and
    not ourselves; 3 one evidence serves one order; 4 every event is in our own record of that child, byte for byte;
    5 for a handover, our own person released this one, and the reader is the front door of the area that it was
    released to; 6 the policy and the author's mark let the reader have it, where a release counts as a person's word.
    """
    if order.grantor != me:
        return Refuse("not-for-us")
    if order.expires_ms < to_ms(now):
        return Refuse("expired")
    reader = directory.member(order.reader)
    if reader is None or not reader.active(now.date()) or order.reader == me:
        return Refuse("unknown-reader")
    if reader.kem_key(now) is None:
        return Refuse("reader-without-key")
    if known.used_before:
        return Refuse("evidence-used")
    for event_id, digest in order.events:
        if event_id not in known.digests:
            return Refuse("not-in-our-record")
        if known.digests[event_id] != digest:
            return Refuse("another-event")
    enough = {GrantAnswer.YES}
    if order.kind is OrderKind.HANDOVER:
        refused = _judge_release(order, known.release, directory)
        if refused is not None:
            return refused
        enough = {GrantAnswer.YES, GrantAnswer.BY_PERSON}
    return _allowed(order, known.answers, enough)


def _judge_release(order: Order, release: Release | None, directory: Directory) -> Refuse | None:
    if release is None or order.handover is None or release.handover != order.handover.hex():
        return Refuse("not-released")
    door = directory.front_door(release.to_area)
    return None if door is not None and door.id == order.reader else Refuse("not-the-new-front-door")


def _allowed(order: Order, answers: Mapping[bytes, GrantAnswer], enough: AbstractSet[GrantAnswer]) -> Verdict:
    listed = tuple(event_id for event_id, _ in order.events)
    events = tuple(event_id for event_id in listed if answers[event_id] in enough)
    if events:
        return Carry(events, tuple(event_id for event_id in listed if event_id not in events))
    if any(answers[event_id] is GrantAnswer.BY_PERSON for event_id in listed):
        return Refuse("needs-a-person")
    return Refuse("kept-by-policy")


@dataclass(frozen=True, slots=True)
class _Ours:
    """One of our own deliveries, opened."""

    row: InRow
    read: Read


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
        if order.kind is not OrderKind.HANDOVER:
            # Its author waits for a receipt of this reader as of any other; a history that moved on is nobody's news.
            author = opened.manifest.header.author
            work.outbox.owe_receipt(
                ReceiptKind.DELIVERED, grant.event_id, author, row.number, row.arrived_ms, None
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
        deliveries = self._ours(work, order, row)
        known = self._known(work, order, deliveries)
        verdict = judge(order, self._home.member_id, known, self._home.directory, self._home.clock())
        match verdict:
            case Refuse(code):
                self._refuse(work, order, code)
            case Carry(events, kept):
                for sequence, event_id in enumerate(events, start=1):
                    grant = self._grant(work, order, deliveries[event_id].row, sequence)
                    name = f"grant.{order.order_id.hex()}.{event_id.hex()}"
                    self._publishing.control(work, OutKind.GRANTS, grant, Lane.URGENT, name)
                if kept:
                    _log.warning("kept-back", order=order.order_id.hex(), events=len(kept))
                work.inbox.answered(order.order_id, "granted")
            case _:
                assert_never(verdict)

    def _refuse(self, work: Work, order: Order, code: str) -> None:
        answer = Refusal(order.order_id, self._home.member_id, code, to_ms(self._home.clock()))
        signed = sign(self._home.signer(), Refusal.LABEL, answer.to_bytes())
        name = f"refusal.{order.order_id.hex()}"
        self._publishing.control(work, OutKind.REFUSAL, signed, Lane.URGENT, name)
        work.inbox.answered(order.order_id, f"refused: {code}")
        _log.warning("order-refused", order=order.order_id.hex(), code=code)

    def _grant(self, work: Work, order: Order, delivery: InRow, sequence: int) -> bytes:
        """One event sealed anew for the order's reader: of its parts, those that the policy gives that reader."""
        directory, signer = self._home.directory, self._home.signer()
        reader = directory.member(order.reader)
        public = kem_public(reader, self._home.clock()) if reader is not None else None
        if reader is None or public is None:
            raise NobodyToReadError
        view = View.from_bytes(delivery.body)
        manifest, _ = read_manifest(view.signed, directory.public_of)
        keys = work.inbox.keys_of(delivery.message_id)
        kinds = _parts_for(self._reading.delivered(work, delivery), reader, directory)
        grant = Grant(
            order_id=order.order_id,
            grantor=self._home.member_id,
            reader=order.reader,
            event_id=delivery.message_id,
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
                    order=order_hash(order.to_bytes()),
                )
                for part in view.parts
                if part.index in keys and manifest.parts[part.index].kind in kinds
            ),
        )
        return sign_grant(grant, signer)

    def _ours(self, work: Work, order: Order, row: InRow) -> dict[bytes, _Ours]:
        """Our own deliveries of the order's events about that child. The child is known by what *we* can read."""
        child = self._child_of(work, order, row)
        found: dict[bytes, _Ours] = {}
        for event_id, _ in order.events:
            delivery = work.inbox.by_message(event_id, int(InKind.VIEW))
            read = None if delivery is None else self._read(work, delivery)
            if delivery is not None and read is not None and identifiers_in(read.document) & child:
                found[event_id] = _Ours(delivery, read)
        return found

    def _known(self, work: Work, order: Order, deliveries: Mapping[bytes, _Ours]) -> Known:
        directory = self._home.directory
        reader = directory.member(order.reader)
        digests: dict[bytes, bytes] = {}
        answers: dict[bytes, GrantAnswer] = {}
        for event_id, ours in deliveries.items():
            _, digests[event_id] = read_manifest(View.from_bytes(ours.row.body).signed, directory.public_of)
            answers[event_id] = _answer_of_policy(ours.read.event, reader, directory)
        return Known(
            digests=digests,
            answers=answers,
            release=self._release(work, order),
            used_before=order.kind is OrderKind.HANDOVER
            and work.inbox.evidence_used(order.evidence, int(order.kind)),
        )

    def _release(self, work: Work, order: Order) -> Release | None:
        evidence = work.inbox.by_message(order.evidence, int(InKind.VIEW))
        if evidence is None or evidence.author != self._home.member_id:
            return None
        read = self._read(work, evidence)
        if read is None or read.type != "handover.released":
            return None
        details = read.document["details"]
        return Release(str(details.get("handover_ref")), str(details.get("to_area")))

    def _child_of(self, work: Work, order: Order, row: InRow) -> Identifiers:
        evidence = work.inbox.by_message(order.evidence, int(InKind.VIEW))
        read = None if evidence is None else self._read(work, evidence)
        if read is None or row.child is None:
            return frozenset()
        said = (self._read(work, delivery) for delivery in work.inbox.of_child(row.child, int(InKind.VIEW)))
        links = links_in(one.document for one in said if one is not None)
        return joined(identifiers_in(read.document), links)

    def _read(self, work: Work, delivery: InRow) -> Read | None:
        try:
            return self._reading.delivered(work, delivery)
        except RejectedError:
            return None

    def _router_key(self, key_id: str) -> bytes | None:
        key = self._home.directory.key(key_id)
        return key.public if key is not None and key.owner == ROUTER else None


def _answer_of_policy(event: Event | None, reader: Member | None, directory: Directory) -> GrantAnswer:
    """What the policy says; an event of a version that this gateway cannot check is a person's to decide."""
    if reader is None:
        return GrantAnswer.NO
    if event is None:
        return GrantAnswer.BY_PERSON
    try:
        return may_be_granted(directory.policy, event, reader)
    except NoRuleError:
        return GrantAnswer.NO


def _parts_for(read: Read, reader: Member, directory: Directory) -> frozenset[PartKind]:
    """Front doors get what the grantor has; others what the policy names for their kind, at least the core."""
    if reader.front_door:
        return frozenset(PartKind)
    rules = directory.policy.rule(read.type).readers
    named = {kind for rule in rules if rule.kind is reader.kind for kind in rule.parts}
    return frozenset(named | {PartKind.CORE})
