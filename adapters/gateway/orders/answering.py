"""A front door's duty: answer the router's orders after judging each itself, and take in what others grant."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, assert_never

import structlog

from adapters.gateway.errors import NobodyToReadError, NoSuchItemError
from adapters.gateway.home import Home
from adapters.gateway.orders.hidden import HiddenSide, judge_unnamed
from adapters.gateway.orders.judgement import Carry, Known, Refuse, Wait, judge
from adapters.gateway.orders.signed import Signed, answer_of_policy, is_used, parts_for
from adapters.gateway.record.composing import kem_public
from adapters.gateway.record.grounds import Record
from adapters.gateway.record.reading import Read, Reading
from adapters.gateway.record.sameness import Identifiers, identifiers_in, joined, links_in
from adapters.gateway.sending.publishing import Publishing
from broker.clock import to_ms
from broker.crypto.endorsing import kem_of
from broker.crypto.errors import GrantMismatchError
from broker.crypto.grants import grant_part, open_grant, order_hash, read_grant, sign_grant
from broker.crypto.keys import KemPublic
from broker.crypto.signing import sign, unverified_payload, verify
from broker.errors import RejectedError
from broker.store.gateway.inbox import HistoryRow, InRow, OrderRow
from broker.store.gateway.store import Work
from schemas.hiding import one_time_key_of
from schemas.members import Member
from schemas.orders import Grant, Order, OrderKind, Refusal
from schemas.policy import GrantAnswer
from schemas.wire import InKind, Lane, OutKind, ReceiptKind

_log = structlog.get_logger()

_ONE_EACH: Final = frozenset({OrderKind.HANDOVER, OrderKind.SENSITIVE})
"""A person's decision is the evidence of these: it serves one order, once."""
_VOID: Final = "void"
_FEW: Final = 1_024
"""Events of an order that are kept at hand between judging and granting; the rest of a long history is read again."""
_NEW_MS: Final = 86_400_000
"""What came to us so lately is news, which a front door may be given on the router's word; the rest is history."""
_ORDERS_READ: Final = 8


@dataclass(frozen=True, slots=True)
class _Ours:
    """One event that we hold, sent to us or granted, and its place."""

    event_id: bytes
    position: int
    taken_ms: int
    arrived_ms: int
    read: Read


@dataclass(frozen=True, slots=True)
class _Asked:
    """What every grant under an order is held against."""

    grantor: str
    handover: bytes | None
    kind: OrderKind
    events: Mapping[bytes, bytes]
    digest: bytes


class Orders:
    """Answers orders and takes grants for one home."""

    def __init__(self, home: Home, publishing: Publishing) -> None:
        self._home = home
        self._publishing = publishing
        self._reading = Reading(home)
        self._record = Record(home, publishing.places)
        self.hidden = HiddenSide(home, publishing)
        self._signed = Signed(home, self._record)
        self._orders_read: dict[bytes, _Asked] = {}
        self._late: set[bytes] = set()
        """At a standby: orders of which the router said that nobody has answered them."""
        self.moved: set[bytes] = set()
        """Handovers to which something came that may let them go on; whoever has looked at them takes them out."""

    def ordered(self, work: Work, row: InRow) -> None:
        """An order came: ours to answer, or a copy that tells what will come.

        Raises:
            CryptoRejectedError: not signed by the router.
        """
        held = verify(row.body, Order.LABEL, self._home.routers)
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
        if order.grantor != self._home.member_id:
            self._moves(order.handover)
        elif fresh and order.events and not self._home.standby:
            self._answer(work, order, row)

    def granted(self, work: Work, row: InRow) -> None:
        """A grant came: keep it if the order is known, the author's signature holds and the key is the right one.

        Raises:
            CryptoRejectedError: anything about it is wrong.
        """
        directory = self._home.directory
        grant, key_id = read_grant(row.body, directory.public_of)
        asked, key = self._asked(work, grant.order_id), directory.key(key_id)
        kems = self._home.keyring.kems
        if grant.reader != self._home.member_id:
            kems = self.hidden.opens(work, asked.handover, grant.reader)
        if key is None or key.owner != grant.grantor or grant.grantor != asked.grantor:
            raise GrantMismatchError("not signed by the grantor that the order names")
        opened = open_grant(grant, key_id, asked.digest, directory.public_of, kems)
        header = opened.manifest.header
        author_key = directory.key(header.key_id)
        if author_key is None or author_key.owner != header.author:
            raise GrantMismatchError("the event is not signed with its author's key")
        if asked.events.get(grant.event_id) != opened.manifest_hash:
            raise GrantMismatchError("the order does not list this event, or lists another of the same id")
        for part in opened.parts:
            work.inbox.keep_key(grant.event_id, part.index, self._home.vault.close(part.key))
        work.inbox.add_history(
            HistoryRow(
                event_id=grant.event_id,
                order_id=grant.order_id,
                child=row.child,
                author=header.author,
                taken_ms=grant.taken_ms,
                position=grant.position,
                body=row.body,
            )
        )
        if asked.kind is not OrderKind.HANDOVER and grant.reader == self._home.member_id:
            # Its author waits for a receipt of this reader as of any other; a history that moved on is nobody's news.
            work.outbox.owe_receipt(
                ReceiptKind.DELIVERED, grant.event_id, header.author, row.number, row.arrived_ms, None
            )
        self._moves(asked.handover)

    def reconsider(self) -> int:
        """Look again at the orders that wait for a ground, and refuse those that waited too long; gives how many wait."""
        with self._home.store.work() as work:
            for held in work.inbox.unanswered(self._home.member_id):
                if not self._home.standby or held.order_id in self._late:
                    self._answer_now(work, held)
            return len(work.inbox.unanswered(self._home.member_id))

    def is_whole(self, work: Work, handover: bytes) -> int | None:
        """How many events a handover's history has, if every one that was ordered for us has come; else None."""
        me, kind = self._home.member_id, int(OrderKind.HANDOVER)
        given = [row for row in work.inbox.orders_for(handover) if row.kind == kind and row.answer != _VOID]
        mine = [row for row in given if row.grantor != me]
        # What we took by breaking glass is not the history that the old area stands for: that is still owed.
        if all(work.outbox.is_own(row.evidence) for row in mine):
            return None
        if not all(self._has_come(work, row) for row in mine):
            return None
        # Ordered twice, because the first order was refused, it is still one event.
        return len({event_id for row in mine for event_id in self._asked(work, row.order_id).events})

    def noticed(self, work: Work, word: str, fields: Any) -> None:
        """An order, ours to answer or for us, is void: a link was undone. Or it is late: a standby answers it now."""
        match word, fields:
            case "order-late", {"order": bytes(order)}:
                held = work.inbox.order(order) if self._home.standby else None
                if held is not None and held.grantor == self._home.member_id:
                    self._late.add(order)
                    self._answer_now(work, held)
            case "order-refused", {"order": bytes(order), "reason": "link-undone"}:
                work.inbox.answered(order, _VOID)
                void = work.inbox.order(order)
                self._moves(None if void is None else void.handover)

    def answers(self, work: Work, order: Order) -> dict[bytes, GrantAnswer]:
        """What policy and marks say to each of an order's events that we hold."""
        reader = self._judged_as(order)
        held = {event_id: self._held(work, event_id) for event_id, _ in order.events}
        return {
            event_id: answer_of_policy(ours.read.event, reader, self._home.directory)
            for event_id, ours in held.items()
            if ours is not None
        }

    def subject_of(self, work: Work, order: Order) -> dict[str, Any]:
        """Whom an order is about, by the identifiers in the event that it rests on. Raises NoSuchItemError."""
        for event_id in (order.evidence, *(event for event, _ in order.events)):
            ours = self._held(work, event_id)
            subject = {} if ours is None else ours.read.document["subject"]
            found = {name: subject[name] for name in ("nhs_number", "upn", "unborn") if subject.get(name)}
            if found:
                return found
        raise NoSuchItemError("no event of this order is here any more")

    def events_of(self, work: Work, order_id: bytes) -> list[bytes]:
        """The events that an order lists, in its order; verified when it came."""
        return list(self._asked(work, order_id).events)

    def _moves(self, handover: bytes | None) -> None:
        if handover is not None:
            self.moved.add(handover)

    def _answer_now(self, work: Work, held: OrderRow) -> None:
        row = work.inbox.by_message(held.order_id, int(InKind.ORDER))
        if row is not None and held.answer is None and held.events:
            self._answer(work, Order.from_bytes(unverified_payload(held.body)), row)

    def _answer(self, work: Work, order: Order, row: InRow) -> None:
        child = self._child_of(work, order, row)
        few: dict[bytes, _Ours] = {}
        known = self._known(work, order, row, few, child)
        me, now = self._home.member_id, self._home.clock()
        if one_time_key_of(order.reader) is None:
            verdict = judge(order, me, known, self._home.directory, now)
        else:
            verdict = judge_unnamed(order, me, known, self.hidden.ticket_for(work, order), now)
        match verdict:
            case Refuse(code):
                self._refuse(work, order, code)
                work.inbox.answered(order.order_id, f"refused: {code}")
            case Wait(code):
                _log.warning("order-waits", order=order.order_id.hex(), code=code)
            case Carry(events, kept):
                to, digest = self._reader_of(work, order), order_hash(order.to_bytes())
                for sequence, event_id in enumerate(events, start=1):
                    # A long history is read again, one event at a time: never all of it at once.
                    ours = few.get(event_id) or self._held(work, event_id)
                    assert ours is not None, "judged a moment ago, in this transaction"
                    grant = self._grant(work, order, digest, to, ours, sequence)
                    name = f"grant.{order.order_id.hex()}.{event_id.hex()}"
                    self._publishing.control(work, OutKind.GRANTS, grant, Lane.URGENT, name)
                work.inbox.answered(order.order_id, "granted in part" if kept else "granted")
                if kept:
                    # Said aloud: what stays here must not look like grants that are still to come.
                    self._refuse(work, order, "some-kept-by-policy", kept)
            case _:
                assert_never(verdict)

    def _refuse(self, work: Work, order: Order, code: str, items: tuple[tuple[bytes, str], ...] = ()) -> None:
        """Signed: none of the order's events, or exactly these, are not granted."""
        answer = Refusal(order.order_id, self._home.member_id, code, to_ms(self._home.clock()), items)
        signed = sign(self._home.signer(), Refusal.LABEL, answer.to_bytes())
        name = f"refusal.{order.order_id.hex()}"
        self._publishing.control(work, OutKind.REFUSAL, signed, Lane.URGENT, name)
        _log.warning("order-refused", order=order.order_id.hex(), code=code)

    def _reader_of(self, work: Work, order: Order) -> tuple[Member, KemPublic]:
        """Whom an order's events are sealed to, and the key. Raises NobodyToReadError.

        For a one-time key this front door stands in for the one that it must not know: as a front door it gets as much.
        """
        ticket = self.hidden.ticket_for(work, order)
        if ticket is not None:
            return self._home.me, kem_of(ticket)
        reader = self._home.directory.member(order.reader)
        public = kem_public(reader, self._home.clock()) if reader is not None else None
        if reader is None or public is None:
            raise NobodyToReadError
        return reader, public

    def _grant(
        self,
        work: Work,
        order: Order,
        digest: bytes,
        to: tuple[Member, KemPublic],
        ours: _Ours,
        sequence: int,
    ) -> bytes:
        """One event sealed anew for the order's reader: of its parts, those that the policy gives that reader."""
        signer, (reader, public), manifest = self._home.signer(), to, ours.read.manifest
        keys = work.inbox.keys_of(ours.event_id)
        kinds = parts_for(ours.read, reader, self._home.directory)
        grant = Grant(
            order_id=order.order_id,
            grantor=self._home.member_id,
            reader=order.reader,
            event_id=ours.event_id,
            sequence=sequence,
            total=len(order.events),
            position=ours.position,
            taken_ms=ours.taken_ms,
            signed=ours.read.signed,
            parts=tuple(
                grant_part(
                    manifest,
                    part.index,
                    part.ciphertext,
                    self._home.vault.open(keys[part.index]),
                    reader=public,
                    grantor_key=signer.key_id,
                    order=digest,
                )
                for part in ours.read.sealed
                if part.index in keys and manifest.parts[part.index].kind in kinds
            ),
        )
        return sign_grant(grant, signer)

    def _ours(self, work: Work, order: Order, child: Identifiers) -> Iterator[_Ours]:
        """What we hold of the order's events about that child. The child is known by what *we* can read."""
        for event_id, _ in order.events:
            ours = self._held(work, event_id)
            if ours is not None and identifiers_in(ours.read.document) & child:
                yield ours

    def _held(self, work: Work, event_id: bytes) -> _Ours | None:
        """One event, sent to us, or granted when the child came to us: a history goes on with the child."""
        try:
            row = work.inbox.by_message(event_id, int(InKind.VIEW))
            if row is not None:
                read = self._reading.delivered(work, row)
                return _Ours(event_id, row.number, row.taken_ms, row.arrived_ms, read)
            granted = work.inbox.granted_event(event_id)
            if granted is None:
                return None
            read, taken_ms = self._reading.granted(work, granted), granted.taken_ms
            return _Ours(event_id, granted.position, taken_ms, taken_ms, read)
        except RejectedError:
            return None

    def _known(
        self, work: Work, order: Order, row: InRow, few: dict[bytes, _Ours], child: Identifiers
    ) -> Known:
        """What we know by ourselves of an order's matter; ``few`` is given the first events, to be at hand."""
        directory, reader = self._home.directory, self._judged_as(order)
        digests: dict[bytes, bytes] = {}
        answers: dict[bytes, GrantAnswer] = {}
        for ours in self._ours(work, order, child):
            digests[ours.event_id] = ours.read.digest
            answers[ours.event_id] = answer_of_policy(ours.read.event, reader, directory)
            if len(few) < _FEW:
                few[ours.event_id] = ours
        return Known(
            digests=digests,
            answers=answers,
            release=self._signed.release(work, order),
            glass=self._signed.glass(work, order, row, reader, child),
            review=self._signed.review(work, order),
            used_before=order.kind in _ONE_EACH and is_used(work, order),
            grounded=order.kind is not OrderKind.HANDOVER
            and reader is not None
            and self._record.vouches_for(work, row.child, reader, child),
            news=self._is_news(order, few),
            evidence=self._held(work, order.evidence) is not None,
        )

    def _judged_as(self, order: Order) -> Member | None:
        """Whom policy is asked about: behind a one-time key stands a front door, which gets as much as this one."""
        unnamed = one_time_key_of(order.reader) is not None
        return self._home.me if unnamed else self._home.directory.member(order.reader)

    def _is_news(self, order: Order, few: Mapping[bytes, _Ours]) -> bool:
        """The evidence is the one event asked for, and it came to us within the day, by our own clock."""
        if len(order.events) != 1 or order.events[0][0] != order.evidence:
            return False
        ours = few.get(order.evidence)
        return ours is not None and to_ms(self._home.clock()) - ours.arrived_ms < _NEW_MS

    def _child_of(self, work: Work, order: Order, row: InRow) -> Identifiers:
        evidence = self._held(work, order.evidence)
        if evidence is None or row.child is None:
            return frozenset()
        links = links_in(one.document for one in self._record.links(work, row.child))
        return joined(identifiers_in(evidence.read.document), links)

    def _asked(self, work: Work, order_id: bytes) -> _Asked:
        """An order as it was verified when it came. A long history is a thousand grants under one: it is read once.

        Raises:
            GrantMismatchError: no such order has come.
        """
        found = self._orders_read.get(order_id) if work.inbox.has_order(order_id) else None
        if found is None:
            row = work.inbox.order(order_id)
            if row is None:
                raise GrantMismatchError("no order that we know of asks for it")
            payload = unverified_payload(row.body)
            order = Order.from_bytes(payload)
            found = _Asked(order.grantor, order.handover, order.kind, dict(order.events), order_hash(payload))
            if len(self._orders_read) >= _ORDERS_READ:
                self._orders_read.clear()
            self._orders_read[order_id] = found
        return found

    def _has_come(self, work: Work, row: OrderRow) -> bool:
        """Whether all that an order for us asks for is here; some of it may have come under another order."""
        if work.inbox.history_count(row.order_id) >= row.events:
            return True
        # The last first: of a history that is on its way it is the one that is not here yet.
        listed = tuple(self._asked(work, row.order_id).events)
        return all(work.inbox.holds(event_id) for event_id in reversed(listed))
