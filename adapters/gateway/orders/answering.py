"""A front door's duty: answer the router's orders after judging each itself, and take in what others grant."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, assert_never

import structlog

from adapters.gateway.errors import NoSuchItemError
from adapters.gateway.home import Home
from adapters.gateway.orders.granting import Granting
from adapters.gateway.orders.hidden import HiddenSide, judge_unnamed
from adapters.gateway.orders.holdings import Holdings, Ours
from adapters.gateway.orders.judgement import Carry, Known, Refuse, Verdict, Wait, judge
from adapters.gateway.orders.refusing import Refusing
from adapters.gateway.orders.signed import Signed, answer_of_policy, is_used
from adapters.gateway.orders.taking import VOID, Taking
from adapters.gateway.record.grounds import Record
from adapters.gateway.record.sameness import Identifiers, identifiers_in, joined, links_in
from adapters.gateway.sending.publishing import Publishing
from broker.clock import to_ms
from broker.crypto.errors import GrantMismatchError
from broker.crypto.signing import sign, unverified_payload, verify
from broker.store.gateway.inbox import GRANTED, InRow, OrderRow
from broker.store.gateway.store import Work
from schemas import canonical
from schemas.envelope import ID_BYTES
from schemas.hiding import one_time_key_of
from schemas.members import Member
from schemas.orders import SENT_AGAIN_MOST, Faulty, FaultyItem, Order, OrderKind, Refusal
from schemas.policy import GrantAnswer
from schemas.reading import octets
from schemas.wire import InKind, Lane, OutKind

_log = structlog.get_logger()

_ONE_EACH: Final = frozenset({OrderKind.HANDOVER, OrderKind.SENSITIVE})
"""A person's decision is the evidence of these: it serves one order, once."""
_FEW: Final = 1_024
"""Events of an order that are kept at hand between judging and granting; the rest of a long history is read again."""
_NEW_MS: Final = 86_400_000
"""What came to us so lately is news, which a front door may be given on the router's word; the rest is history."""


class Orders:
    """Answers orders and takes grants for one home."""

    def __init__(self, home: Home, publishing: Publishing) -> None:
        self._home = home
        self._publishing = publishing
        self._record = Record(home, publishing.places)
        self.holdings = Holdings(home)
        self.hidden = HiddenSide(home, publishing)
        self.granting = Granting(home, publishing, self.hidden, self.holdings)
        self._signed = Signed(home, self._record)
        self._late: set[bytes] = set()
        """At a standby: orders of which the router said that nobody has answered them."""
        self.moved: set[bytes] = set()
        """Handovers to which something came that may let them go on; whoever has looked at them takes them out."""
        self.taking = Taking(home, self.hidden, self.moved)
        self.refusing = Refusing(home, publishing, self.taking)

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
            self.taking.moves(order.handover)
            self.refusing.watch(order.order_id)
        elif fresh and order.events and not self._home.standby:
            self._answer(work, order, row)

    def granted(self, work: Work, row: InRow) -> None:
        """A grant came. Raises CryptoRejectedError: anything about it is wrong, and ``refusing`` is to be told."""
        came = self.taking.granted(work, row)
        self.refusing.came(work, came.order_id, came.event_id, fresh=came.fresh)

    def reconsider(self) -> int:
        """Look again at the orders that wait for a ground, and refuse those that waited too long; gives how many wait."""
        with self._home.store.work() as work:
            for held in work.inbox.unanswered(self._home.member_id):
                if not self._home.standby or held.order_id in self._late:
                    self._answer_now(work, held)
            return len(work.inbox.unanswered(self._home.member_id))

    def noticed(self, work: Work, word: str, fields: Any) -> None:
        """An order, ours to answer or for us, is void: a link was undone. Or it is late: a standby answers it now."""
        match word, fields:
            case "order-late", {"order": bytes(order)}:
                held = work.inbox.order(order) if self._home.standby else None
                if held is not None and held.grantor == self._home.member_id:
                    self._late.add(order)
                    self._answer_now(work, held)
            case "order-refused", {"order": bytes(order), "reason": "link-undone"}:
                work.inbox.answered(order, VOID)
                void = work.inbox.order(order)
                self.taking.moves(None if void is None else void.handover)
            case "order-refused", {"order": bytes(order), "items": list(items)} if work.inbox.has_order(
                order
            ):
                self.refusing.kept(work, order, [octets(event, ID_BYTES, "event") for event, _ in items])
            case "items-refused", {"order": bytes(order), "said": bytes(said)}:
                self._refused(work, order, self._said(work, order, said))
            case "items-refused", {"order": bytes(order), "items": list(items)}:
                # Of whoever has a hidden child the router speaks: what it may bring about is what was granted before.
                self._refused(work, order, [FaultyItem.from_value(item) for item in items])

    def answers(self, work: Work, order: Order) -> dict[bytes, GrantAnswer]:
        """What policy and marks say to each of an order's events that we hold."""
        reader = self._judged_as(order)
        held = {event_id: self.holdings.one(work, event_id) for event_id, _ in order.events}
        return {
            event_id: answer_of_policy(ours.read.event, reader, self._home.directory)
            for event_id, ours in held.items()
            if ours is not None
        }

    def subject_of(self, work: Work, order: Order) -> dict[str, Any]:
        """Whom an order is about, by the identifiers in the event that it rests on. Raises NoSuchItemError."""
        for event_id in (order.evidence, *(event for event, _ in order.events)):
            ours = self.holdings.one(work, event_id)
            subject = {} if ours is None else ours.read.document["subject"]
            found = {name: subject[name] for name in ("nhs_number", "upn", "unborn") if subject.get(name)}
            if found:
                return found
        raise NoSuchItemError("no event of this order is here any more")

    def _answer_now(self, work: Work, held: OrderRow) -> None:
        row = work.inbox.by_message(held.order_id, int(InKind.ORDER))
        if row is not None and held.answer is None and held.events:
            self._answer(work, Order.from_bytes(unverified_payload(held.body)), row)

    def _said(self, work: Work, order_id: bytes, signed: bytes) -> tuple[FaultyItem, ...]:
        """What an order's reader refuses, in its own words. Raises CryptoRejectedError: they are somebody else's."""
        held = verify(signed, Faulty.LABEL, self._home.directory.public_of)
        said, key = Faulty.from_bytes(held.payload), self._home.directory.key(held.key_id)
        row = work.inbox.order(order_id)
        reader = None if row is None else Order.from_bytes(unverified_payload(row.body)).reader
        if key is None or not key.owner == said.reader == reader or said.order_id != order_id:
            raise GrantMismatchError("the items were refused by somebody else than the order's reader")
        return said.items

    def send_again(self, handover: bytes) -> int:
        """A person has seen to what was refused too often under a handover: grant it once more; gives how many items.

        Raises UnavailableError; NobodyToReadError: the reader has no key that can be sealed to.
        """
        with self._home.store.work() as work:
            sent = 0
            for order in work.inbox.orders_for(handover):
                wanted = self._newest_words(work, order.order_id)
                sent += self._refused(work, order.order_id, wanted, by_person=True)
        return sent

    def _newest_words(self, work: Work, order_id: bytes) -> list[FaultyItem]:
        """What an order's reader has said last of each item that it has refused."""
        newest: dict[bytes, FaultyItem] = {}
        for row in work.inbox.of_kind([int(InKind.NOTICE)]):
            if row.state != "applied":
                continue
            match canonical.decode(row.body):
                case ["items-refused", {"order": order, "said": said}] if order == order_id:
                    items = self._said(work, order_id, said)
                case ["items-refused", {"order": order, "items": listed}] if order == order_id:
                    items = tuple(FaultyItem.from_value(item) for item in listed)
                case _:
                    continue
            newest |= {item.event_id: item for item in items}
        return list(newest.values())

    def _refused(
        self, work: Work, order_id: bytes, items: Iterable[FaultyItem], *, by_person: bool = False
    ) -> int:
        """Grant exactly the items that are wanted again, under the same order, as far as they may go; gives how many.

        By itself a few times each; after that when a person says so.
        """
        held = work.inbox.order(order_id)
        row = work.inbox.by_message(order_id, int(InKind.ORDER))
        granted = held is not None and held.grantor == self._home.member_id and held.answer in GRANTED
        if held is None or row is None or not granted or self._home.standby:
            return 0
        order = Order.from_bytes(unverified_payload(held.body))
        again = {
            one.event_id: f"{one.times}.{to_ms(self._home.clock())}" if by_person else str(one.times)
            for one in items
            if one.wanted and (by_person or one.times <= SENT_AGAIN_MOST)
        }
        asked = replace(order, events=tuple(one for one in order.events if one[0] in again))
        if not asked.events:
            return 0
        few: dict[bytes, Ours] = {}
        match self._judged(work, asked, row, few, again=True):
            case Carry(events, _):
                self.granting.carry(work, order, events, few, again)
                return len(events)
            case Refuse(code) | Wait(code):
                # It stays owed, and its clock tells people; the reader says again that it is missing.
                _log.warning("not-sent-again", order=order.order_id.hex(), code=code)
                return 0

    def _judged(
        self, work: Work, order: Order, row: InRow, few: dict[bytes, Ours], *, again: bool = False
    ) -> Verdict:
        """``again``: some of what was granted under an order, whose evidence has served that order."""
        child = self._child_of(work, order, row)
        known = self._known(work, order, row, few, child)
        if again:
            known = replace(known, used_before=False)
        me, now = self._home.member_id, self._home.clock()
        if one_time_key_of(order.reader) is None:
            return judge(order, me, known, self._home.directory, now)
        return judge_unnamed(order, me, known, self.hidden.ticket_for(work, order), now)

    def _answer(self, work: Work, order: Order, row: InRow) -> None:
        few: dict[bytes, Ours] = {}
        verdict = self._judged(work, order, row, few)
        match verdict:
            case Refuse(code):
                self._refuse(work, order, code)
                work.inbox.answered(order.order_id, f"refused: {code}")
            case Wait(code):
                _log.warning("order-waits", order=order.order_id.hex(), code=code)
            case Carry(events, kept):
                self.granting.carry(work, order, events, few)
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

    def _known(
        self, work: Work, order: Order, row: InRow, few: dict[bytes, Ours], child: Identifiers
    ) -> Known:
        """What we know by ourselves of an order's matter; ``few`` is given the first events, to be at hand."""
        directory, reader = self._home.directory, self._judged_as(order)
        digests: dict[bytes, bytes] = {}
        answers: dict[bytes, GrantAnswer] = {}
        for ours in self.holdings.of(work, order, child):
            digests[ours.event_id] = ours.read.digest
            answers[ours.event_id] = answer_of_policy(ours.read.event, reader, directory)
            if len(few) < _FEW:
                few[ours.event_id] = ours.to_hand_on()
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
            evidence=self.holdings.one(work, order.evidence) is not None,
        )

    def _judged_as(self, order: Order) -> Member | None:
        """Whom policy is asked about: behind a one-time key stands a front door, which gets as much as this one."""
        unnamed = one_time_key_of(order.reader) is not None
        return self._home.me if unnamed else self._home.directory.member(order.reader)

    def _is_news(self, order: Order, few: Mapping[bytes, Ours]) -> bool:
        """The evidence is the one event asked for, and it came to us within the day, by our own clock."""
        if len(order.events) != 1 or order.events[0][0] != order.evidence:
            return False
        ours = few.get(order.evidence)
        return ours is not None and to_ms(self._home.clock()) - ours.arrived_ms < _NEW_MS

    def _child_of(self, work: Work, order: Order, row: InRow) -> Identifiers:
        evidence = self.holdings.one(work, order.evidence)
        if evidence is None or row.child is None:
            return frozenset()
        links = links_in(one.document for one in self._record.links(work, row.child))
        return joined(identifiers_in(evidence.read.document), links)
