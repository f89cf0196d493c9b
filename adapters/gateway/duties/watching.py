"""What a gateway notices by itself: what others owe it and have not done, and what does not fit its own record.

The router, the bus and other front doors may be wrong or lie. Nothing here stops anything: each alarm names what is
missing, whom it rests with and since when, so that a person asks. They are worked out anew each time; none is stored.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from adapters.gateway.home import Home
from adapters.gateway.orders.hidden import Vouched, is_hidden
from adapters.gateway.record.grounds import CONFIRMED, ENDED, Record, confirmed
from adapters.gateway.record.places import Places
from adapters.gateway.record.reading import Read, Reading
from adapters.gateway.sending.mending import RECEIPT_MS
from broker.bus.subjects import OutSubject
from broker.clock import to_ms
from broker.crypto.signing import unverified_payload
from broker.errors import RejectedError
from broker.store.gateway.inbox import InRow
from broker.store.gateway.store import Work
from broker.store.notices.store import NOTICES, NoticeStore
from schemas import canonical
from schemas.handover import HandoverView
from schemas.ids import MemberId
from schemas.members import ROUTER
from schemas.orders import Order, OrderKind
from schemas.policy import GrantAnswer, NoRuleError, may_be_granted, readers_for
from schemas.wire import EventClass, InKind

MINUTE_MS: Final = 60_000
GAP_MS: Final = MINUTE_MS
"""A number that has not come by then was asked for ten times."""
GRANT_MS: Final = 10 * MINUTE_MS
"""A grant is a gateway's work, not a person's."""
ORDER_MS: Final = MINUTE_MS
"""An order follows the event that calls for it."""
RELEASED: Final = "handover.released"
_WEEK_MS: Final = 7 * 24 * 60 * MINUTE_MS
_OVER: Final = frozenset({"closed", "withdrawn", "superseded"})


@dataclass(frozen=True, slots=True)
class Alarm:
    """``code`` is stable; ``about`` names an event, order, handover or delivery; ``rests_with`` a member or the router."""

    code: str
    about: str
    rests_with: str
    since_ms: int
    says: str


class Watching:
    """Looks over one home."""

    def __init__(self, home: Home, places: Places) -> None:
        self._home = home
        self._places = places
        self._reading = Reading(home)
        self._record = Record(home, places)
        self._vouched = Vouched(home)

    def alarms(self) -> list[Alarm]:
        """Everything that is not as it should be now, oldest first."""
        with self._home.store.look() as work:
            found = [
                *self._unreceipted(work),
                *self._missing(work),
                *self._unusable(work),
                *self._ungranted(work),
                *self._unordered(work),
                *self._unvouched(work),
                *self._unfounded(work),
                *self._strange(work),
                *self._untold(work),
                *self._unproven(work),
                *self._asked_in_vain(work),
                *self._unsent(),
            ]
        return sorted(found, key=lambda alarm: (alarm.since_ms, alarm.code, alarm.about))

    @property
    def _now_ms(self) -> int:
        return to_ms(self._home.clock())

    def _unreceipted(self, work: Work) -> Iterator[Alarm]:
        """A reader's gateway says within a second that it has an event: silence may be a router that dropped it."""
        for event in work.oversight.unreceipted(self._now_ms - min(RECEIPT_MS.values())):
            late = self._now_ms - event.sent_ms > RECEIPT_MS[OutSubject.parse(event.subject).lane]
            if late or event.again:
                says = "this reader's gateway has not said that it has our event"
                yield Alarm("receipt-missing", event.event_id.hex(), event.reader, event.sent_ms, says)

    def _missing(self, work: Work) -> Iterator[Alarm]:
        """The router numbers what it gives us: a number that stays away was kept from us."""
        for number in work.inbox.gaps():
            following = work.inbox.get(number + 1)
            if following is not None and self._now_ms - following.arrived_ms > GAP_MS:
                says = "a delivery to us never came, though we asked for it"
                yield Alarm("delivery-missing", str(number), ROUTER, following.arrived_ms, says)

    def _unusable(self, work: Work) -> Iterator[Alarm]:
        for one in work.oversight.unusable():
            yield Alarm(
                "not-usable",
                str(one.number),
                one.author,
                one.arrived_ms,
                f"a delivery is unusable: {one.fault}",
            )

    def _ungranted(self, work: Work) -> Iterator[Alarm]:
        """We have a copy of each order for us, so what its grantor (or the router) keeps from us is known."""
        answered = _refused(work)
        for one in work.oversight.ungranted(self._home.member_id):
            if one.order_id in answered or self._now_ms - one.arrived_ms <= GRANT_MS:
                continue
            asked = Order.from_bytes(unverified_payload(one.body)).events
            # What has come under another order is not asked for any more.
            lacking = sum(not work.inbox.holds(event_id) for event_id, _ in asked)
            if lacking:
                says = f"{lacking} of {len(asked)} ordered events were not granted"
                yield Alarm("grants-missing", one.order_id.hex(), one.grantor, one.arrived_ms, says)

    def _unordered(self, work: Work) -> Iterator[Alarm]:
        """A release to us is signed by the old area's person, so a router that orders nothing after it is seen."""
        for row, read in self._of_class(work, EventClass.HANDOVER):
            to_us = read.document["details"].get("to_area") in self._home.me.areas
            if read.type != RELEASED or not to_us or row.author == self._home.member_id:
                continue
            if self._now_ms - row.arrived_ms > GRANT_MS and not work.oversight.ordered_for(row.message_id):
                says = "a history was released to us, and nothing of it was ordered"
                yield Alarm("history-not-ordered", row.message_id.hex(), ROUTER, row.arrived_ms, says)

    def _unvouched(self, work: Work) -> Iterator[Alarm]:
        """Orders of the router's for which nobody has signed a ground."""
        for order in work.inbox.unanswered(self._home.member_id):
            row = work.inbox.by_message(order.order_id, int(InKind.ORDER))
            if row is not None:
                says = "we are ordered to share with a reader that nobody has vouched for"
                yield Alarm("order-without-ground", order.order_id.hex(), ROUTER, row.arrived_ms, says)

    def _unfounded(self, work: Work) -> Iterator[Alarm]:
        """A handover that the router tells of must rest on an event that we hold."""
        for held in work.inbox.handovers():
            view = HandoverView.from_bytes(held.body)
            if view.state in _OVER or self._now_ms - view.opened_ms < ORDER_MS:
                continue
            if is_hidden(view):
                # Nothing here may say where; enough endorsers vouch for whoever has the child, or somebody asks.
                if not self._vouched.is_endorsed(work, view.handover):
                    says = "a destination is withheld from us, and nobody vouches for whoever has the child"
                    yield Alarm("hidden-unendorsed", view.handover.hex(), ROUTER, view.opened_ms, says)
                continue
            if not self._record.leads_to(work, held.child, view.to_area):
                says = f"no event that we hold says that the child is in {view.to_area}"
                yield Alarm("handover-without-event", view.handover.hex(), ROUTER, view.opened_ms, says)

    def _unproven(self, work: Work) -> Iterator[Alarm]:
        """Our own one-time keys, which endorsers do not vouch for, or for which we have no move to show them."""
        for row in work.hidden.own():
            told = work.inbox.handovers([row.handover])
            view = HandoverView.from_bytes(told[0].body) if told else None
            if view is None or view.state in _OVER or self._now_ms - view.opened_ms < ORDER_MS:
                continue
            for line in row.refused.splitlines():
                who, _, code = line.partition(" ")
                says = f"a protection endorser does not vouch for our one-time keys: {code}"
                yield Alarm("not-vouched-for", row.handover.hex(), who, view.opened_ms, says)
            if not row.ticket:
                says = "we hold no report of the child's move that endorsers could be shown"
                yield Alarm("no-move-to-show", row.handover.hex(), self._home.member_id, view.opened_ms, says)

    def _asked_in_vain(self, work: Work) -> Iterator[Alarm]:
        """We were asked, as a protection endorser, to vouch for keys that we do not vouch for."""
        for row in work.hidden.endorsings():
            if row.code and self._now_ms - row.at_ms < _WEEK_MS:
                says = f"we were asked to vouch for one-time keys, and do not: {row.code}"
                yield Alarm("asked-to-vouch", row.ticket.hex(), row.asker, row.at_ms, says)

    def _strange(self, work: Work) -> Iterator[Alarm]:
        """One event granted to a front door that holds nothing else about the child: the router may have led it here."""
        if not self._home.me.front_door:
            return
        for one in work.oversight.granted_alone(int(OrderKind.HANDOVER)):
            if not self._record.knows_more(work, one.child, one.event_id):
                says = "we were granted an event about a child of whom we hold nothing else"
                yield Alarm("grant-without-record", one.event_id.hex(), ROUTER, one.arrived_ms, says)

    def _untold(self, work: Work) -> Iterator[Alarm]:
        """We reckon an event's readers ourselves: whom we confirmed and its author did not name, we must be ordered to tell."""
        if not self._home.me.front_door:
            return
        children = {
            row.child
            for row, read in self._of_class(work, EventClass.INVOLVEMENT)
            if read.type == CONFIRMED and row.author == self._home.member_id and row.child is not None
        }
        for child in sorted(children):
            yield from self._untold_of(work, child)

    def _untold_of(self, work: Work, child: bytes) -> Iterator[Alarm]:
        record: list[Read] = []
        for row in work.inbox.of_child(child, int(InKind.VIEW)):
            try:
                read = self._reading.delivered(work, row)
            except RejectedError:
                continue
            for member in sorted(confirmed(record, self._home.directory)):
                if self._now_ms - row.arrived_ms > ORDER_MS and self._must_hear(work, row, read, member):
                    says = "by our own record this member must hear of it, and we were not ordered to tell it"
                    yield Alarm("reader-not-ordered", row.message_id.hex(), ROUTER, row.arrived_ms, says)
            if read.type in {CONFIRMED, ENDED}:
                record.append(read)

    def _must_hear(self, work: Work, row: InRow, read: Read, member_id: str) -> bool:
        directory = self._home.directory
        member = directory.member(member_id)
        if member is None or read.event is None or member_id == row.author:
            return False
        try:
            allowed = may_be_granted(directory.policy, read.event, member) is GrantAnswer.YES
            sealed = readers_for(
                read.event,
                directory,
                self._record.areas(read.event),
                on=self._home.clock().date(),
                author=MemberId(row.author),
            )
        except NoRuleError:
            return False
        if not allowed or member_id in {choice.member_id for choice in sealed}:
            return False
        orders = work.oversight.ordered_for(row.message_id)
        return not any(Order.from_bytes(unverified_payload(body)).reader == member_id for body in orders)

    def _unsent(self) -> Iterator[Alarm]:
        """Somebody on duty should have been told of what we owe, and the mail server or the web address did not take it."""
        path = self._home.folder / NOTICES
        if not path.exists():
            return
        with closing(NoticeStore(path)) as store:
            waiting = [one for one in store.waiting() if one.fault is not None]
        for one in waiting:
            says = f"the {one.rung.replace('_', ' ')} on duty could not be told: {one.fault}"
            yield Alarm("notice-not-sent", one.about.hex(), self._home.member_id, one.created_ms, says)

    def _of_class(self, work: Work, event_class: EventClass) -> Iterator[tuple[InRow, Read]]:
        for row in work.inbox.of_class(int(event_class)):
            try:
                yield row, self._reading.delivered(work, row)
            except RejectedError:
                continue


def _refused(work: Work) -> frozenset[bytes]:
    """The orders of which the router has told us that their grantor will not carry them out, or not wholly."""
    found = set()
    for row in work.inbox.of_kind([int(InKind.NOTICE)]):
        match canonical.decode(row.body):
            case ["order-refused", {"order": bytes(order)}]:
                found.add(order)
    return frozenset(found)
