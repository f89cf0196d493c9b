"""What happens to one verified event: whose it is, what it changes, who is told. Inside the caller's transaction."""

from typing import Final

from broker.clock import from_ms
from broker.crypto.check import view_for
from broker.handover.machine import HANDOVER_ACTIONS, Kind
from broker.routing.desk import Desk, Item
from broker.routing.handovers import DAY_MS, Handovers
from broker.routing.identities import Identities
from broker.routing.readers import Concerned, Readers, choose, front_doors
from broker.routing.refusals import NotYourActionError
from broker.routing.verify import Verified
from broker.store.router.children import Children, ChildRow
from broker.store.router.outgoing import Delivered, Outgoing
from broker.store.router.procedures import DeadlineRow
from schemas.audit import EntryKind
from schemas.control import Action, ActionKind
from schemas.directory import Directory
from schemas.orders import Order, OrderKind
from schemas.wire import EventClass, Field, InKind, Lane, MatterEffect, Urgency

MINUTE_MS: Final = 60_000
LATE_MS: Final = {Lane.URGENT: 60 * MINUTE_MS, Lane.NORMAL: DAY_MS, Lane.BULK: 3 * DAY_MS}
"""How old the author's claim may be before a delivery is flagged late."""
SKEW_MS: Final = 5 * MINUTE_MS
_TELLS_A_CHILD: Final = frozenset({Field.TOKENS, Field.MATTER})
_GRANT_LIMIT_MS: Final = {True: MINUTE_MS, False: 10 * MINUTE_MS}


class Events:
    """Bound to one transaction and one moment."""

    def __init__(
        self,
        *,
        children: Children,
        outgoing: Outgoing,
        handovers: Handovers,
        identities: Identities,
        desk: Desk,
        directory: Directory,
    ) -> None:
        self._children = children
        self._outgoing = outgoing
        self._handovers = handovers
        self._identities = identities
        self._desk = desk
        self._directory = directory

    def take(self, event: Verified) -> bool:
        """Take one event. Gives False where it was routine, so that nothing of it may stay (P12).

        Raises:
            RejectedError: its action is not this author's, or does not fit; then nothing was changed.
        """
        action = Action.from_value(event.facts.action)
        child = self._act(event, action) if action else None
        if child is None:
            child = self._child_of(event)
        if child is None:
            self._routine(event)
            return False
        child = self._moved(event, child)
        origin = self._origin(event, child)
        self._matter(event, child, origin)
        concerned = self._concerned(child)
        readers = choose(event.checked, concerned, self._directory)
        numbers = self._deliver(event, child, origin, readers)
        self._record(event, child, origin, concerned, readers, numbers)
        self._order_missing(event, child, readers)
        self._handovers.flush()
        self._forget_if_over(event, child)
        return True

    def _act(self, event: Verified, action: Action) -> ChildRow | None:
        header = event.checked.header
        tokens = tuple(token.value for token in event.facts.tokens)
        match action.kind:
            case kind if kind in HANDOVER_ACTIONS:
                handover = self._handovers.require(action, header.author)
                self._handovers.act(handover, action, header.event_id)
                return self._children.get(handover.child)
            case ActionKind.LINK:
                return self._identities.link(tokens, header.author, header.event_id)
            case ActionKind.UNLINK:
                return self._identities.unlink(tokens, header.author, header.event_id)
            case _:
                return self._involve(event, action)

    def _involve(self, event: Verified, action: Action) -> ChildRow:
        """A front door confirms that a member is involved. Self-declared involvement grants nothing."""
        child = self._child_of(event)
        if child is None or action.member is None or self._directory.member(action.member) is None:
            raise NotYourActionError("no child with an open matter, or no such member")
        if event.member.id not in front_doors([child.holder, child.safety], self._directory):
            raise NotYourActionError
        if action.kind is ActionKind.INVOLVE:
            self._children.involve(child.child, action.member, self._desk.now_ms)
        else:
            self._children.uninvolve(child.child, action.member)
        self._desk.audit(
            EntryKind.INVOLVED,
            child=child.child,
            event=event.checked.header.event_id,
            member=action.member,
            step=action.kind.value,
            by=event.member.id,
        )
        return child

    def _child_of(self, event: Verified) -> ChildRow | None:
        """The child that the first known token leads to; a new one if this event opens its first matter.

        Two tokens that lead to two children are not joined: only a person's decision links (P10).
        """
        facts = event.facts
        rows = self._children.by_tokens([token.value for token in facts.tokens])
        if rows:
            return rows[0]
        effect, _ = facts.matter
        if effect is not MatterEffect.OPEN or not facts.tokens:
            return None
        holder = facts.acting_area if event.member.front_door else facts.residence or facts.acting_area
        safety = facts.residence or holder
        child = self._desk.new_id()
        first = facts.tokens[0].value
        self._children.create(child, [first], holder, safety, self._desk.now_ms)
        self._desk.audit(EntryKind.CHILD_TOKEN, child=child, tokens=[first], areas=sorted({holder, safety}))
        return ChildRow(child, holder, safety)

    def _moved(self, event: Verified, child: ChildRow) -> ChildRow:
        """A credible report of a move: the safety duty goes where the child is, at once (P5)."""
        facts, header = event.facts, event.checked.header
        to_area = facts.to_area
        if header.event_class is not EventClass.MOVE or to_area is None:
            return child
        if to_area != child.safety:
            self._children.set_safety(child.child, to_area, self._desk.now_ms)
        moved = ChildRow(child.child, child.holder, to_area)
        if to_area != child.holder:
            self._handovers.notice(moved, to_area, Kind.MOVE, header.event_id, header.urgency)
        return moved

    def _origin(self, event: Verified, child: ChildRow) -> bytes:
        """The record that this event came under, so that an unlink can take it back."""
        for token in event.facts.tokens:
            origin = self._children.origin_of(token.value)
            if origin is not None:
                return origin
        return child.child

    def _matter(self, event: Verified, child: ChildRow, origin: bytes) -> None:
        effect, ref = event.facts.matter
        header = event.checked.header
        key = ref or header.event_id
        if effect is MatterEffect.OPEN:
            opened = self._children.open_matter(
                child.child, origin, header.author, key, event.facts.acting_area, self._desk.now_ms
            )
            if opened:
                self._desk.audit(
                    EntryKind.MATTER_OPENED,
                    child=child.child,
                    event=header.event_id,
                    area=event.facts.acting_area,
                    by=header.author,
                )
                self._conflict(event, child)
        elif effect is MatterEffect.CLOSE and self._children.close_matter(header.author, key):
            self._desk.audit(
                EntryKind.MATTER_CLOSED, child=child.child, event=header.event_id, by=header.author
            )

    def _conflict(self, event: Verified, child: ChildRow) -> None:
        """A second area's front door opens a matter: that moves nothing, but people must decide who holds it."""
        area = event.facts.acting_area
        if event.member.front_door and area != child.holder:
            header = event.checked.header
            self._handovers.notice(child, area, Kind.CONFLICT, header.event_id, header.urgency)

    def _concerned(self, child: ChildRow) -> Concerned:
        sides = {
            area for one in self._handovers.open_of(child.child) for area in (one.from_area, one.to_area)
        }
        return Concerned(
            frozenset({child.holder, child.safety} | sides), self._children.involved(child.child)
        )

    def _deliver(
        self, event: Verified, child: ChildRow, origin: bytes, readers: Readers
    ) -> list[tuple[str, int]]:
        header = event.checked.header
        numbers = []
        for recipient in readers.given:
            number = self._desk.deliver(
                recipient.member, self._item(event, recipient.key_ids, recipient.fields, child.child)
            )
            self._outgoing.record(
                Delivered(
                    recipient.member,
                    number,
                    header.event_id,
                    event.checked.manifest_hash,
                    header.author,
                    self._desk.now_ms,
                ),
                child.child,
                origin,
            )
            numbers.append((recipient.member, number))
        return numbers

    def _item(
        self, event: Verified, key_ids: frozenset[str], fields: frozenset[Field], child: bytes | None
    ) -> Item:
        header = event.checked.header
        age = self._desk.now_ms - header.created_ms
        return Item(
            InKind.VIEW,
            header.event_id,
            header.author,
            view_for(event.checked, key_ids, fields).to_bytes(),
            child=child,
            late=age > LATE_MS[Lane.of(header.urgency)],
            skewed=age < -SKEW_MS,
        )

    def _routine(self, event: Verified) -> None:
        """No open matter: the views go out, a count per member and day stays, nothing else (P12)."""
        readers = choose(event.checked, Concerned(), self._directory)
        for recipient in readers.given:
            # A view waits on the bus for weeks: what could tell one child from another is not opened in it.
            fields = recipient.fields - _TELLS_A_CHILD
            self._desk.deliver(recipient.member, self._item(event, recipient.key_ids, fields, None))
        day = from_ms(self._desk.now_ms).date().isoformat()
        self._outgoing.count_routine(event.member.id, day)

    def _record(
        self,
        event: Verified,
        child: ChildRow,
        origin: bytes,
        concerned: Concerned,
        readers: Readers,
        numbers: list[tuple[str, int]],
    ) -> None:
        header, facts = event.checked.header, event.facts
        self._desk.audit(
            EntryKind.TAKEN,
            child=child.child,
            origin=origin,
            event=header.event_id,
            manifest=event.checked.manifest_hash,
            author=header.author,
            **{"class": int(header.event_class)},
            urgency=int(header.urgency),
            acting=facts.acting_area,
            holder=child.holder,
            safety=child.safety,
            areas=sorted(concerned.areas),
            involved=sorted(concerned.involved),
            readers=[[member, number] for member, number in numbers],
            slips=[[board, slip] for board, slip in event.checked.envelope.slips],
            directory=header.directory_version,
            claimed_ms=header.created_ms,
        )
        if readers.withheld:
            self._desk.audit(
                EntryKind.WITHHELD, child=child.child, event=header.event_id, readers=list(readers.withheld)
            )

    def _order_missing(self, event: Verified, child: ChildRow, readers: Readers) -> None:
        """Somebody must know whom the author did not seal to: a front door that has the event grants it."""
        given = {recipient.member for recipient in readers.given}
        doors = sorted(member for member in given if _is_front_door(member, self._directory))
        if not doors:
            return
        header = event.checked.header
        for reader in readers.missing:
            order = Order(
                order_id=self._desk.new_id(),
                kind=OrderKind.COMPLETE_READERS,
                grantor=doors[0],
                reader=reader,
                child=self._desk.handle(doors[0], child.child),
                handover=None,
                evidence=header.event_id,
                events=((header.event_id, event.checked.manifest_hash),),
                issued_ms=self._desk.now_ms,
                expires_ms=self._desk.now_ms + DAY_MS,
            )
            self._handovers.issue(order, child.child)
            limit = _GRANT_LIMIT_MS[header.urgency is Urgency.U0]
            self._handovers.owe_order(
                DeadlineRow(
                    order.order_id,
                    "grants",
                    child.child,
                    doors[0],
                    self._desk.now_ms + limit,
                    "the gateway answers an order in minutes (design)",
                )
            )

    def _forget_if_over(self, event: Verified, child: ChildRow) -> None:
        effect, _ = event.facts.matter
        if effect is not MatterEffect.CLOSE or self._children.matter_areas(child.child):
            return
        if not self._handovers.open_of(child.child):
            self._children.forget(child.child)


def _is_front_door(member_id: str, directory: Directory) -> bool:
    member = directory.member(member_id)
    return member is not None and member.front_door
