"""What happens to one verified event: whose it is, what it changes, who is told. Inside the caller's transaction."""

from typing import Final

from broker.clock import from_ms
from broker.crypto.check import Views
from broker.crypto.directories import published_kem
from broker.handover.machine import HANDOVER_ACTIONS, Kind
from broker.routing.desk import Desk, Item
from broker.routing.forgetting import forget_if_over
from broker.routing.handovers import Handovers
from broker.routing.identities import Identities
from broker.routing.lifting import Lifting
from broker.routing.ordering import DAY_MS, MINUTE_MS, Ordering
from broker.routing.readers import Concerned, Readers, Recipient, choose, front_doors, is_front_door
from broker.routing.refusals import NotYourActionError, UnknownHandoverError
from broker.routing.reviews import Reviews
from broker.routing.shield import Shield
from broker.routing.sightings import KEPT_THERE, Sightings
from broker.routing.verify import Verified, action_of
from broker.store.router.children import Children, ChildRow
from broker.store.router.outgoing import Delivered, Outgoing
from broker.store.router.procedures import Procedures
from broker.store.router.records import Report
from schemas.audit import EntryKind
from schemas.control import Action, ActionKind
from schemas.directory import Directory
from schemas.wire import EventClass, Field, InKind, Lane, MatterEffect

LATE_MS: Final = {Lane.URGENT: 60 * MINUTE_MS, Lane.NORMAL: DAY_MS, Lane.BULK: 3 * DAY_MS}
"""How old the author's claim may be before a delivery is flagged late."""
SKEW_MS: Final = 5 * MINUTE_MS
_TELLS_A_CHILD: Final = frozenset({Field.TOKENS, Field.MATTER})


class Events:
    """Bound to one transaction and one moment."""

    def __init__(
        self,
        *,
        children: Children,
        outgoing: Outgoing,
        procedures: Procedures,
        handovers: Handovers,
        identities: Identities,
        reviews: Reviews,
        ordering: Ordering,
        desk: Desk,
        directory: Directory,
        shield: Shield,
    ) -> None:
        self._children = children
        self._outgoing = outgoing
        self._procedures = procedures
        self._handovers = handovers
        self._identities = identities
        self._reviews = reviews
        self._lifting = Lifting(children, procedures, handovers, shield, desk, directory)
        self._sightings = Sightings(children=children, desk=desk, directory=directory)
        self._ordering = ordering
        self._desk = desk
        self._directory = directory
        self._shield = shield

    def take(self, event: Verified) -> bool:
        """Take one event. Gives False where it was routine, so that nothing of it may stay (P12).

        Raises:
            RejectedError: its action is not this author's, or does not fit; then nothing was changed.
        """
        action = action_of(event)
        if action is not None and action.kind in KEPT_THERE:
            return self._kept_there(event, action)
        child = self._act(event, action) if action else None
        if child is None:
            child = self._child_of(event)
        if child is None:
            return self._without_child(event)
        origin = self._origin(event, child)
        child = self._moved(event, child, origin)
        self._matter(event, child, origin)
        sides = self._shield.sides(child)
        concerned = self._shield.concerned(event.member, sides, self._concerned(child))
        chosen = choose(event.checked, concerned, self._directory)
        said = (event.facts.to_area, event.facts.residence)
        readers = self._shield.screen(event.member, sides, chosen, said)
        numbers = self._deliver(event, child, origin, readers)
        self._record(event, child, origin, concerned, readers, numbers)
        self._order_missing(event, child, origin, readers)
        self._desk.flush()
        if action is not None or event.facts.matter[0] is MatterEffect.CLOSE:
            for over in {child.child, *self._identities.parted}:
                forget_if_over(self._children, self._procedures, over, self._desk.now_ms)
        return True

    def _kept_there(self, event: Verified, action: Action) -> bool:
        """A missing child was seen: its author's readers have it, and nobody who looks for the child learns of it so."""
        self._sightings.hear(event, action)
        readers = choose(event.checked, Concerned(), self._directory)
        self._record(event, None, None, Concerned(), readers, self._hand_out(event, readers))
        self._desk.flush()
        return True

    def _act(self, event: Verified, action: Action) -> ChildRow | None:
        header = event.checked.header
        tokens = tuple(token.value for token in event.facts.tokens)
        match action.kind:
            case kind if kind in HANDOVER_ACTIONS:
                handover = self._handovers.require(action, header.author)
                if any(row.child != handover.child for row in self._children.by_tokens(tokens)):
                    raise UnknownHandoverError("the handover is about another child than the event")
                self._handovers.act(handover, action, header.event_id)
                return self._children.get(handover.child)
            case ActionKind.LINK:
                return self._identities.link(tokens, header.author, header.event_id, header.urgency)
            case ActionKind.PROTECT | ActionKind.UNPROTECT:
                return self._protect(event, action)
            case ActionKind.UNLINK:
                return self._identities.unlink(tokens, header.author, header.event_id, header.urgency)
            case ActionKind.REVIEW:
                return self._children.get(self._reviews.take(action, header.author, header.event_id).child)
            case _:
                return self._involve(event, action)

    def _protect(self, event: Verified, action: Action) -> ChildRow | None:
        """A marker of domestic abuse, or a person's word that the child need not be hidden any more.

        A marker comes from whoever meets the danger. Only the front door of the area that protects the child lifts it.
        """
        child, header = self._child_of(event), event.checked.header
        if child is None:
            return None
        if action.kind is ActionKind.PROTECT:
            # Said again with a first matter, of a marker that came when there was none: it begins no second hold.
            if event.facts.matter[0] is MatterEffect.OPEN and self._shield.is_protected(child.child):
                return child
            origin = self._origin(event, child)
            self._shield.protect(origin, header.event_id, header.author, self._desk.now_ms)
            if child.safety != child.holder:
                self._handovers.hide(self._handovers.open_of(child.child))
        elif event.member.id not in front_doors([child.safety], self._directory):
            raise NotYourActionError
        else:
            self._lifting.lift(child, action.handover)
        return child

    def _involve(self, event: Verified, action: Action) -> ChildRow:
        """A front door confirms that a member is involved, or one that is confirmed does. Its own word grants nothing."""
        child = self._child_of(event)
        if child is None or action.member is None or self._directory.member(action.member) is None:
            raise NotYourActionError("no child with an open matter, or no such member")
        doors = front_doors(self._shield.answerable(child), self._directory)
        if action.kind is ActionKind.INVOLVE:
            doors |= self._children.involved(child.child) - {action.member}
        if event.member.id not in doors:
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
        header = event.checked.header
        report = Report(safety, header.event_id, header.author, header.sealed_openings)
        made = self._children.create(child, first, holder, report, self._desk.now_ms)
        self._desk.audit(EntryKind.CHILD_TOKEN, child=child, tokens=[first], areas=sorted({holder, safety}))
        return made

    def _moved(self, event: Verified, child: ChildRow, origin: bytes) -> ChildRow:
        """A credible report of a move: the safety duty goes where the child is, at once (P5).

        Where the author says that the move went is what counts, not where it says it came from: a change of address
        inside an area that knows nothing of the child is news to that area all the same. A hidden move is told to
        the new area only (P7).
        """
        header, to_area = event.checked.header, event.facts.to_area
        if header.event_class is not EventClass.MOVE or to_area is None:
            return child
        hidden = header.sealed_openings or self._is_hidden(child)
        report = Report(to_area, header.event_id, header.author, hidden)
        if self._handovers.bars(child, report):
            return child
        self._children.records.report(origin, report)
        if to_area != child.safety:
            self._handovers.arrives(child.child, to_area, hidden=hidden)
        moved = ChildRow(child.child, child.holder, to_area)
        if to_area != child.holder:
            self._handovers.corroborate(child.child, report)
            moved = self._children.get(child.child) or moved
        if to_area != moved.holder:
            self._handovers.notice(moved, origin, report, Kind.MOVE, header.urgency)
        return moved

    def _origin(self, event: Verified, child: ChildRow) -> bytes:
        """The record that this event came under, so that an unlink can take it back."""
        for token in event.facts.tokens:
            origin = self._children.origin_of(token.value)
            rows = self._children.by_tokens([token.value])
            if origin is not None and [child.child] == [row.child for row in rows]:
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
                self._conflict(event, child, origin)
        elif effect is MatterEffect.CLOSE and self._children.close_matter(child.child, header.author, key):
            self._desk.audit(
                EntryKind.MATTER_CLOSED, child=child.child, event=header.event_id, by=header.author
            )

    def _conflict(self, event: Verified, child: ChildRow, origin: bytes) -> None:
        """A second area's front door opens a matter: that moves nothing, but people must decide who holds it."""
        area, header = event.facts.acting_area, event.checked.header
        if event.member.front_door and area != child.holder:
            report = Report(area, header.event_id, header.author, self._is_hidden(child))
            self._handovers.notice(child, origin, report, Kind.CONFLICT, header.urgency)

    def _is_hidden(self, child: ChildRow) -> bool:
        """Whether wherever the child goes is to be hidden: a marker counts, or it has been hidden before."""
        return self._shield.is_protected(child.child) or self._shield.sides(child) is not None

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
        views = Views(event.checked)
        numbers = []
        for recipient in readers.given:
            number = self._desk.deliver(recipient.member, self._item(event, views, recipient, child.child))
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

    def _item(self, event: Verified, views: Views, reader: Recipient, child: bytes | None) -> Item:
        header = event.checked.header
        age = self._desk.now_ms - header.created_ms
        # A view waits on the bus for weeks: of a child without a matter it opens nothing that tells one from another.
        opened = reader.fields - _TELLS_A_CHILD if child is None else reader.fields
        # What a sensitive event opens at all is for its reader alone: the bus sees none of it.
        key = self._directory.key(min(reader.key_ids)) if header.sealed_openings and opened else None
        sealed_to = None if key is None else published_kem(key)
        return Item(
            InKind.VIEW,
            header.event_id,
            header.author,
            views.cut(reader.key_ids, opened, sealed_to),
            child=child,
            late=age > LATE_MS[Lane.of(header.urgency)],
            skewed=age < -SKEW_MS,
        )

    def _without_child(self, event: Verified) -> bool:
        """No child with an open matter: the views go out.

        Of a routine event a count per member and day stays, nothing else (P12). One that opens a matter but names
        nobody by a strong identifier is not routine: that it was shared is written down, and a person must link it.
        """
        readers = choose(event.checked, Concerned(), self._directory)
        numbers = self._hand_out(event, readers)
        if event.facts.matter[0] is MatterEffect.OPEN:
            self._record(event, None, None, Concerned(), readers, numbers)
            return True
        day = from_ms(self._desk.now_ms).date().isoformat()
        self._outgoing.count_routine(event.member.id, day)
        return False

    def _hand_out(self, event: Verified, readers: Readers) -> list[tuple[str, int]]:
        views = Views(event.checked)
        return [
            (one.member, self._desk.deliver(one.member, self._item(event, views, one, None)))
            for one in readers.given
        ]

    def _record(
        self,
        event: Verified,
        child: ChildRow | None,
        origin: bytes | None,
        concerned: Concerned,
        readers: Readers,
        numbers: list[tuple[str, int]],
    ) -> None:
        header, facts = event.checked.header, event.facts
        about = child.child if child else None
        for key in self._desk.slip_keys(header.author, event.checked.envelope.slips, about):
            self._desk.audit(EntryKind.SLIP_KEY, author=key.author, board=key.board, setup=key.setup)
        self._desk.audit(
            EntryKind.TAKEN,
            child=about,
            origin=origin,
            event=header.event_id,
            manifest=event.checked.manifest_hash,
            author=header.author,
            **{"class": int(header.event_class)},  # type: ignore[arg-type]
            urgency=int(header.urgency),
            acting=facts.acting_area,
            holder=child.holder if child else None,
            safety=child.safety if child else None,
            areas=sorted(concerned.areas),
            involved=sorted(concerned.involved),
            readers=[[member, number] for member, number in numbers],
            slips=[[board, slip] for board, slip in event.checked.envelope.slips],
            directory=header.directory_version,
            version=self._directory.version,
            claimed_ms=header.created_ms,
            lane=facts.chain.lane.value,
            sequence=facts.chain.sequence,
            effect=int(facts.matter[0]),
            said_to=None if header.sealed_openings else facts.to_area,
            sealed=header.sealed_openings or None,
        )
        if readers.withheld:
            self._desk.audit(
                EntryKind.WITHHELD, child=about, event=header.event_id, readers=list(readers.withheld)
            )

    def _order_missing(self, event: Verified, child: ChildRow, origin: bytes, readers: Readers) -> None:
        """Somebody must know whom the author did not seal to: a front door that has the event grants it.

        The case holder's is asked first: it is the custodian of the child's record.
        """
        given = {recipient.member for recipient in readers.given}
        preferred = front_doors([child.holder], self._directory)
        doors = sorted(
            (member for member in given if is_front_door(member, self._directory)),
            key=lambda member: (member not in preferred, member),
        )
        missing = sorted(readers.missing)
        header = event.checked.header
        if missing and not doors:
            # No front door can read it, so none can grant it. Not silently: the board and the operator see it.
            self._desk.audit(EntryKind.UNREACHED, child=child.child, event=header.event_id, readers=missing)
            return
        for reader in missing:
            self._ordering.one(
                (child.child, origin),
                doors[0],
                reader,
                (header.event_id, event.checked.manifest_hash),
                header.urgency,
            )
