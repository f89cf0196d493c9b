"""Everything that the side which a hidden family has left is told: at the slots of a fixed grid, and never by name.

One-time keys of the new front door, endorsed by protection endorsers, stand in its place: the history is ordered for
the key, and the acceptance is signed with it. What is said is worked out at each slot from what is known then, so that
nothing the new area does shows before, nor more finely, than the grid.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from broker.clock import from_ms
from broker.crypto.endorsing import (
    choose_endorsements,
    read_declined,
    read_endorsement,
    read_request,
    read_unnamed,
)
from broker.crypto.errors import MalformedError, NotEndorsedError
from broker.crypto.keys import key_id_of
from broker.crypto.moves import children_of
from broker.crypto.signing import unverified_signer
from broker.handover import deadlines
from broker.handover.machine import Handover, State
from broker.routing.desk import Desk, Item
from broker.routing.kept import handover_of
from broker.routing.ordering import Ordering
from broker.routing.readers import front_doors
from broker.routing.refusals import UnknownHandoverError
from broker.routing.shield import Shield
from broker.store.router.children import Children, ChildRow
from broker.store.router.hiding import Hiding, OneTimeRow
from broker.store.router.procedures import DeadlineRow, HandoverRow, Procedures
from broker.store.router.records import Report
from schemas import canonical
from schemas.audit import EntryKind
from schemas.deadlines import Moment
from schemas.directory import Directory
from schemas.envelope import Opening
from schemas.handover import Due, HandoverView
from schemas.hiding import HIDDEN, Asked, Endorsed, Ticket, reader_of
from schemas.members import ROUTER
from schemas.reading import MalformedMessageError
from schemas.wire import InKind, OutKind

GRID_MS: Final = 15 * 60_000
"""How far apart the moments are at which the side that was left is told anything."""
WANTED: Final = "one-time-wanted"
ENDORSE: Final = "endorse"
ENDORSED: Final = "endorsed"
ACCEPTED: Final = "accepted-unnamed"
DISCLOSED: Final = "disclosed"
UNENDORSED: Final = "unendorsed"
CLAIMED: Final = "claimed"


class Relay:
    """Bound to one transaction; ``desk`` carries the moment."""

    def __init__(
        self,
        *,
        children: Children,
        procedures: Procedures,
        hiding: Hiding,
        shield: Shield,
        ordering: Ordering,
        desk: Desk,
        directory: Directory,
    ) -> None:
        self._children = children
        self._procedures = procedures
        self._hiding = hiding
        self._shield = shield
        self._ordering = ordering
        self._desk = desk
        self._directory = directory

    # What the handovers say to it.

    def begin(self, handover: Handover) -> None:
        """A handover is hidden from here on: its new front door is asked for one-time keys."""
        self._hiding.changed()
        if self._hiding.one_time(handover.handover) is None:
            self._hiding.save(OneTimeRow(handover.handover, ""))
        for door in sorted(front_doors([handover.to_area], self._directory)):
            fields = {"handover": handover.handover, "from": handover.from_area}
            self._say(door, WANTED, fields, handover.child)

    def carries(self, handover: Handover) -> bool:
        """Whether its history goes under a one-time key that the side that was left has been told of, hidden or no more."""
        row = self._hiding.one_time(handover.handover)
        return row is not None and row.ticket_told

    def released(self, handover: Handover, evidence: bytes) -> None:
        """A person of the side that was left has let the history go; it is ordered at the next slot."""
        self._change(handover.handover, released=evidence)

    def ask_now(self, handover: Handover) -> None:
        """A person of the new area does not want to wait for the end of the hold."""
        self._change(handover.handover, asked=True)

    def disclosed(self, handover: Handover) -> None:
        """A late flag: tell the protecting area what was said to the other side already, to whom, and when."""
        sides = self._shield.sides_of(handover.child)
        if sides is None:
            return
        given = [
            [event, author, reader, taken_ms]
            for event, author, reader, taken_ms in self._hiding.disclosed(handover.child, handover.opened_ms)
            if self._is_left(reader, sides.left) and not self._is_left(author, sides.left)
        ]
        told = sorted(front_doors([handover.from_area], self._directory))
        fields = {
            "handover": handover.handover,
            "since_ms": handover.opened_ms,
            "events": given,
            "told": told,
        }
        for door in sorted(front_doors([handover.to_area], self._directory)):
            self._say(door, DISCLOSED, fields, handover.child)

    def bars(self, child: ChildRow, report: Report) -> bool:
        """Somebody says that a hidden child is in an area that it is hidden from: a person where it is protected decides."""
        if not self._shield.bars(child, report.area):
            return False
        fields = {"event": report.evidence, "area": report.area, "by": report.by}
        for door in sorted(front_doors([child.safety], self._directory)):
            self._say(door, CLAIMED, fields, child.child)
        return True

    # What members say to it.

    def take(self, kind: OutKind, body: bytes, member: str) -> None:
        """Take a request for endorsement, an endorser's answer, or an unnamed acceptance.

        Raises:
            RejectedError: not by whom it must be, or for nothing that is hidden.
        """
        match kind:
            case OutKind.ONE_TIME:
                self._requested(body, member)
            case OutKind.ENDORSEMENT:
                self._endorsed(body, member)
            case OutKind.UNENDORSED:
                self._unendorsed(body, member)
            case _:
                self._accepted(body, member)

    def _requested(self, body: bytes, member: str) -> None:
        try:
            asked = Asked.from_bytes(body)
        except (canonical.NotCanonicalError, MalformedMessageError) as error:
            raise MalformedError(str(error)) from error
        ticket, key_id = read_request(asked.signed, self._directory.public_of)
        row = self._known(ticket.handover)
        held = self._procedures.handover(ticket.handover)
        self._require_own(key_id, member)
        if held is None or member not in front_doors([held.to_area], self._directory):
            raise NotEndorsedError("one-time keys are the new front door's to make")
        children_of(ticket, asked.child)
        if row.ticket != ticket.to_bytes():
            self._change(
                ticket.handover,
                owner=member,
                ticket=ticket.to_bytes(),
                child=canonical.encode(asked.child.to_value()),
                endorsements=b"",
                ticket_told=False,
                acceptance=b"",
                acceptance_told=False,
            )
        left = self._hiding.areas_left(held.child) - {held.to_area}
        for endorser, move in asked.shown:
            # Who also serves the side that was left is not asked: it would learn whose key it is.
            if endorser in self._directory.endorsers and not self._is_left(endorser, left):
                self._say(endorser, ENDORSE, {"request": asked.signed, "move": move}, None)

    def _endorsed(self, body: bytes, member: str) -> None:
        ticket, key_id = read_endorsement(body, self._directory.public_of)
        row = self._known(ticket.handover)
        self._require_own(key_id, member)
        if row.ticket != ticket.to_bytes():
            raise NotEndorsedError("an endorsement of other keys than are waited for")
        given = dict(row.given) | {member: body}
        if member in self._directory.endorsers:
            self._change(
                ticket.handover, endorsements=canonical.encode([list(one) for one in sorted(given.items())])
            )
            self._answered(ticket.handover, member, None)

    def _unendorsed(self, body: bytes, member: str) -> None:
        """An endorser does not vouch: written down, and told to whoever asked."""
        answer, key_id = read_declined(body, self._directory.public_of)
        row = self._known(answer.handover)
        self._require_own(key_id, member)
        if not row.ticket or key_id_of(Ticket.from_bytes(row.ticket).kem_public) != answer.key_id:
            raise NotEndorsedError("an answer about other keys than are waited for")
        if member in self._directory.endorsers:
            self._answered(answer.handover, member, answer.code)

    def _answered(self, handover: bytes, endorser: str, code: str | None) -> None:
        held = self._procedures.handover(handover)
        if held is None:
            return
        self._desk.audit(
            EntryKind.ENDORSING, child=held.child, handover=handover, endorser=endorser, reason=code
        )
        if code is not None:
            fields = {"handover": handover, "endorser": endorser, "reason": code}
            self._say(self._known(handover).owner, UNENDORSED, fields, held.child)

    def _accepted(self, body: bytes, member: str) -> None:
        for row in self._hiding.waiting():
            if row.owner != member or not row.ticket:
                continue
            ticket = Ticket.from_bytes(row.ticket)
            if key_id_of(ticket.sign_public) == unverified_signer(body):
                read_unnamed(body, ticket)
                self._change(row.handover, acceptance=body)
                return
        raise NotEndorsedError("no one-time key of this member's signed that")

    # What is said at a slot.

    def speak(self) -> None:
        """Tell the side that was left what there is to tell; the desk's moment is the slot's."""
        for row in self._hiding.waiting():
            held = self._procedures.handover(row.handover)
            if held is None or not self._may_speak(row, held):
                continue
            for door in sorted(front_doors([held.from_area], self._directory)):
                if held.withheld:
                    self._tell(row, held, door)
                elif self._whole(row) is not None:
                    # Released while it was hidden, to whoever has the child: so the history goes on.
                    self._order(row, held, door)

    def _may_speak(self, row: OneTimeRow, held: HandoverRow) -> bool:
        if row.told_ms is not None or row.asked:
            return True
        return self._shield.held_until(held.child) <= self._desk.now_ms

    def _tell(self, row: OneTimeRow, held: HandoverRow, door: str) -> None:
        row = self._first_word(row, held)
        endorsed = self._whole(row)
        if endorsed is not None and not row.ticket_told:
            fields = {"handover": held.handover, "endorsed": endorsed.to_bytes()}
            self._say(door, ENDORSED, fields, held.child)
            row = replace(row, ticket_told=True)
        passed = held.state in {State.ACCEPTED, State.CLOSED}
        if endorsed is not None and passed and row.acceptance and not row.acceptance_told:
            fields = {"handover": held.handover, "acceptance": row.acceptance}
            self._say(door, ACCEPTED, fields, held.child)
            row = replace(row, acceptance_told=True)
        if endorsed is not None and row.released is not None:
            self._order(row, held, door)
        # Superseded by a hidden acceptance: what is told of the one is told of the other.
        over = held.state == State.SUPERSEDED and self._acceptance_told(held.child)
        row = self._view(row, held, door, passed=(passed and row.acceptance_told) or over)
        self._hiding.save(row)

    def _acceptance_told(self, child: bytes) -> bool:
        told = {row.handover for row in self._hiding.waiting() if row.acceptance_told}
        return any(one.handover in told for one in self._procedures.all_of(child))

    def _first_word(self, row: OneTimeRow, held: HandoverRow) -> OneTimeRow:
        """From being told the side that was left owes its release, by the national rule and no area's calendar."""
        if row.told_ms is not None:
            return row
        now_ms = self._desk.now_ms
        if not held.released and held.state not in {State.SUPERSEDED, State.WITHDRAWN}:
            hidden = replace(handover_of(held), opened_ms=now_ms)
            release, _ = deadlines.when_noticed(hidden, deadlines.national())
            doors = front_doors([held.from_area], self._directory)
            self._procedures.owe(
                DeadlineRow(
                    held.handover,
                    release.kind.value,
                    held.child,
                    min(doors, default=held.from_area),
                    release.due_ms,
                    release.reason,
                )
            )
        return replace(row, told_ms=now_ms)

    def _order(self, row: OneTimeRow, held: HandoverRow, door: str) -> None:
        """All that it has and the new side has not, in the name of the one-time key: now, and at each later slot."""
        ticket = Ticket.from_bytes(row.ticket)
        if row.released is None or ticket.expires_ms <= self._desk.now_ms:
            return
        self._ordering.unnamed(
            handover_of(held),
            row.released,
            grantor=door,
            reader=row.owner,
            named=reader_of(key_id_of(ticket.kem_public)),
            asked=self._hiding.asked_in(held.handover),
        )

    def _view(self, row: OneTimeRow, held: HandoverRow, door: str, *, passed: bool) -> OneTimeRow:
        told_ms = row.told_ms or self._desk.now_ms
        before = State.RELEASED if held.released else State.NOTICED
        after = State.SUPERSEDED if held.state == State.SUPERSEDED else State.CLOSED
        state = after if passed else before
        done, asked = self._procedures.granted_of(held.handover)
        view = HandoverView(
            handover=held.handover,
            kind=held.kind,
            state=state.value,
            from_area=held.from_area,
            to_area=HIDDEN,
            holder=HIDDEN if passed else held.from_area,
            safety=HIDDEN,
            urgency=held.urgency,
            opened_ms=told_ms,
            changed_ms=told_ms,
            verified=False,
            granted=done,
            expected=asked,
            due=tuple(
                Due(one.kind, one.owner, one.due_ms, one.reason, one.met_ms or 0, one.fired_ms is not None)
                for one in self._procedures.owed(held.handover)
                if one.kind == deadlines.Owed.RELEASE
            ),
            moments=((Moment.NOTIFIED.value, told_ms),),
        )
        if row.told == view.to_bytes():
            return row
        self._desk.deliver(
            door, Item(InKind.HANDOVER, held.handover, ROUTER, view.to_bytes(), child=held.child)
        )
        return replace(row, told=view.to_bytes())

    def _whole(self, row: OneTimeRow) -> Endorsed | None:
        """The ticket with as many endorsements as it takes, or None as long as there are fewer."""
        usable = self._directory.endorser_keys(from_ms(self._desk.now_ms))
        given = [one for owner, one in row.given if owner in set(usable.values())]
        threshold = self._directory.endorser_threshold
        if not row.ticket or not threshold or len(given) < threshold:
            return None
        child = Opening.from_value(canonical.decode(row.child)) if row.child else None
        return Endorsed(row.ticket, choose_endorsements(given, threshold), child)

    def _known(self, handover: bytes) -> OneTimeRow:
        row = self._hiding.one_time(handover)
        if row is None:
            raise UnknownHandoverError
        return row

    def _change(self, handover: bytes, **changes: object) -> None:
        self._hiding.save(replace(self._known(handover), **changes))  # type: ignore[arg-type]

    def _require_own(self, key_id: str, member: str) -> None:
        key = self._directory.key(key_id)
        if key is None or key.owner != member or not key.usable(from_ms(self._desk.now_ms)):
            raise NotEndorsedError("not signed by the member that sent it")

    def _is_left(self, member_id: str, left: frozenset[str]) -> bool:
        member = self._directory.member(member_id)
        return member is not None and not left.isdisjoint(member.acting_areas)

    def _say(self, member: str, word: str, fields: Mapping[str, object], child: bytes | None) -> None:
        body = canonical.encode([word, dict(fields)])
        self._desk.later(member, Item(InKind.NOTICE, self._desk.new_id(), ROUTER, body, child=child))
