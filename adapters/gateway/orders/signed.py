"""What people have signed that an order rests on, as our own gateway reads it."""

from adapters.gateway.home import Home
from adapters.gateway.orders.judgement import Release, Review
from adapters.gateway.orders.releasing import GLASS_BROKEN, Glass, glass_in
from adapters.gateway.orders.reviews import review_in
from adapters.gateway.record.grounds import Record
from adapters.gateway.record.reading import Read, Reading
from adapters.gateway.record.sameness import Identifiers
from broker.crypto.signing import unverified_payload
from broker.errors import RejectedError
from broker.store.gateway.inbox import InRow
from broker.store.gateway.store import Work
from schemas.directory import Directory
from schemas.events.base import Event
from schemas.members import Member
from schemas.orders import Order, OrderKind
from schemas.policy import GrantAnswer, NoRuleError, may_be_granted
from schemas.wire import InKind, PartKind


class Signed:
    """Looks at the evidence of one order."""

    def __init__(self, home: Home, record: Record) -> None:
        self._home = home
        self._record = record
        self._reading = Reading(home)

    def release(self, work: Work, order: Order) -> Release | None:
        """A release by our own person, or by the policy; None where the evidence is something else."""
        evidence = work.inbox.by_message(order.evidence, int(InKind.VIEW))
        if evidence is None or evidence.author != self._home.member_id:
            return None
        read = self._read(work, evidence)
        if read is None or read.type != "handover.released":
            return None
        details = read.document["details"]
        return Release(str(details.get("handover_ref")), str(details.get("to_area")))

    def review(self, work: Work, order: Order) -> Review | None:
        """Our own person's decision to share what was refused."""
        evidence = work.inbox.by_message(order.evidence, int(InKind.VIEW))
        if order.kind is not OrderKind.SENSITIVE or evidence is None:
            return None
        read = self._read(work, evidence) if evidence.author == self._home.member_id else None
        return None if read is None else review_in(read)

    def glass(
        self, work: Work, order: Order, row: InRow, reader: Member | None, who: Identifiers
    ) -> Glass | None:
        """A broken glass, with what our own record says to it; ``who`` the child is."""
        evidence = work.inbox.by_message(order.evidence, int(InKind.VIEW))
        if order.kind is not OrderKind.HANDOVER or evidence is None or reader is None:
            return None
        read = self._read(work, evidence)
        if read is None or read.type != GLASS_BROKEN:
            return None
        vouched = self._record.vouches_for(work, row.child, reader, who)
        return glass_in(read, self._record.of(work, row.child), self._home.clock().date(), vouched=vouched)

    def _read(self, work: Work, delivery: InRow) -> Read | None:
        try:
            return self._reading.delivered(work, delivery)
        except RejectedError:
            return None


def answer_of_policy(event: Event | None, reader: Member | None, directory: Directory) -> GrantAnswer:
    """What the policy says; an event of a version that this gateway cannot check is a person's to decide."""
    if reader is None:
        return GrantAnswer.NO
    if event is None:
        return GrantAnswer.BY_PERSON
    try:
        return may_be_granted(directory.policy, event, reader)
    except NoRuleError:
        return GrantAnswer.NO


def parts_for(read: Read, reader: Member, directory: Directory) -> frozenset[PartKind]:
    """Front doors get what the grantor has; others what the policy names for their kind, at least the core."""
    if reader.front_door:
        return frozenset(PartKind)
    rules = directory.policy.rule(read.type).readers
    named = {kind for rule in rules if rule.kind is reader.kind for kind in rule.parts}
    return frozenset(named | {PartKind.CORE})


def is_used(work: Work, order: Order) -> bool:
    """Whether the evidence has served already: a long history is several orders on one release, never the same event."""
    wanted = {event_id for event_id, _ in order.events}
    for row in work.inbox.granted_on(order.evidence, int(order.kind)):
        earlier = Order.from_bytes(unverified_payload(row.body))
        if earlier.handover != order.handover or wanted & {event_id for event_id, _ in earlier.events}:
            return True
    return False
