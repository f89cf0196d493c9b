"""Who must not learn where a hidden child is, and what of an event may still go to whom (P7).

The side that was left is every area that a hidden handover leads from or through, except where the child is now. A
member that serves both sides is given what concerns the child in the unit of the new area only.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from broker.crypto.keys import key_id_of
from broker.routing.readers import Concerned, Readers, Recipient
from broker.store.router.children import Children, ChildRow
from broker.store.router.hiding import Hiding, Protection
from schemas.directory import Directory
from schemas.hiding import Ticket, reader_of
from schemas.members import Member
from schemas.rules import ClockUnit

HOLD_MS: Final = 72 * 3_600_000
"""How long after a marker nothing automatic is said to the side that was left, where the policy has no such clock."""
_HOLD: Final = "hidden-hold"
_QUARTER_MS: Final = 6 * 3_600_000
"""A hold ends with a quarter of a day: to the minute it would tell how far away, and how quick, whoever flagged is."""


@dataclass(frozen=True, slots=True)
class Sides:
    """The areas that must not know, and the area where the child is."""

    left: frozenset[str]
    new: str
    through: frozenset[str] = frozenset()
    """Those of the areas left that were themselves hidden when the child came: the others may not know of them."""
    informed: frozenset[str] = frozenset()
    """Those left of which a person in the new area has said that they may know where the child has gone on to."""

    def hears(self, doer: Member, other: Member) -> bool:
        """Whether what a member of an area that was left does may be known to another such member."""
        shared = not set(doer.acting_areas).isdisjoint(other.acting_areas)
        return self.is_left(doer) and (shared or self.is_open(doer))

    def is_open(self, member: Member) -> bool:
        """Whether a member's areas were never hidden when the child came to them."""
        return self.through.isdisjoint(member.acting_areas)

    def is_left(self, member: Member) -> bool:
        """Whether a member serves an area that was left, and not the new one."""
        return not self.left.isdisjoint(member.acting_areas) and self.new not in member.acting_areas

    def is_shared(self, member: Member) -> bool:
        """Whether a member serves both."""
        return not self.left.isdisjoint(member.acting_areas) and self.new in member.acting_areas

    def knows(self, member: Member) -> bool:
        """Whether a member may be told where the child is: of the new side and of no other."""
        return self.left.isdisjoint(member.acting_areas)


class Shield:
    """Bound to one transaction."""

    def __init__(self, *, hiding: Hiding, children: Children, directory: Directory) -> None:
        self._hiding = hiding
        self._children = children
        self._directory = directory

    def sides(self, child: ChildRow) -> Sides | None:
        """Both sides of a hidden child; None where nothing is hidden."""
        hidden = self._hiding.areas_left(child.child) - {child.safety}
        if not hidden:
            return None
        informed = self._hiding.informed(child.child, child.safety)
        left = hidden - informed
        through = self._hiding.areas_reached(child.child) & left
        return Sides(left, child.safety, through, informed) if left else None

    def changed(self) -> None:
        """A handover is hidden no more."""
        self._hiding.changed()

    def was_hidden(self, handover: bytes) -> bool:
        """Whether a handover is hidden, or ever was."""
        return self._hiding.one_time(handover) is not None

    def is_relayed(self, handover: bytes) -> bool:
        """Whether its history was released to whoever has the child: it goes on under the one-time key."""
        row = self._hiding.one_time(handover)
        return row is not None and row.released is not None

    def sides_of(self, child: bytes) -> Sides | None:
        """The same by the child's id."""
        if child not in self._hiding.children():
            return None
        row = self._children.get(child)
        return None if row is None else self.sides(row)

    def bars(self, child: ChildRow, area: str) -> bool:
        """Whether an area must not learn where the child is: no report by itself brings the child there, nor its case.

        Whoever seeks a family says that it is back, or opens a plan, and waits who answers; so do old addresses.
        """
        sides = self.sides(child)
        return sides is not None and area in sides.left

    def answerable(self, child: ChildRow) -> frozenset[str]:
        """The areas whose front doors may decide about a child's record.

        One that was left may, as long as it has not been told that the case was taken on: refused before, it would know.
        """
        if self.sides(child) is None:
            return frozenset({child.holder, child.safety})
        told, untold = self._hiding.told_of_passing(child.child)
        return frozenset({child.holder, child.safety} | untold) - (told - {child.safety})

    def protect(self, origin: bytes, event: bytes, by: str, now_ms: int) -> None:
        """A marker came: withheld until a person says otherwise; held for 72 hours, to the end of a quarter of a day."""
        until_ms = -(-(now_ms + self._hold_ms()) // _QUARTER_MS) * _QUARTER_MS
        self._hiding.protect(Protection(origin, event, by, now_ms, until_ms))

    def _hold_ms(self) -> int:
        rule = self._directory.policy.clock(_HOLD)
        if rule is None or rule.amount is None or rule.unit is not ClockUnit.HOURS:
            return HOLD_MS
        return rule.amount * 3_600_000

    def lift(self, child: bytes) -> None:
        """A person of the protecting area says otherwise."""
        self._hiding.lift(child)

    def is_protected(self, child: bytes) -> bool:
        """Whether a marker counts for the child."""
        return bool(self._hiding.protections_of(child))

    def held_until(self, child: bytes) -> int:
        """Until when nothing automatic is said to the side that was left; 0 where nothing is held."""
        return max((one.hold_until_ms for one in self._hiding.protections_of(child)), default=0)

    def concerned(self, author: Member, sides: Sides | None, concerned: Concerned) -> Concerned:
        """Who must hear: of what others say, nobody of the side that was left."""
        if sides is None:
            return concerned
        unaware = sides.left
        if sides.is_left(author):
            unaware = frozenset() if sides.is_open(author) else sides.left - set(author.acting_areas)
        return Concerned(
            concerned.areas - unaware,
            frozenset(one for one in concerned.involved if self._may_hear(one, author, sides)),
        )

    def screen(
        self, author: Member, sides: Sides | None, readers: Readers, said: Iterable[str | None]
    ) -> Readers:
        """What may really go out. ``said``: the areas that the event names.

        An event of the side that was left, which names no other area, is that side's own business. Of anybody else's
        event nothing goes to that side; and whoever serves both gets it under a key of the new area's unit alone.
        """
        if sides is None:
            return readers
        own = sides.is_left(author) and {area for area in said if area is not None} <= sides.left
        given = tuple(
            kept for one in readers.given if (kept := self._kept(one, author, sides, own=own)) is not None
        )
        lost = {one.member for one in readers.given} - {one.member for one in given}
        missing = (
            tuple(one for one in readers.missing if self._may_hear(one, author, sides))
            if own
            else tuple(one for one in readers.missing if self._may_know(one, sides))
        )
        return Readers(given, tuple(sorted({*readers.withheld, *lost})), missing)

    def may_be_ordered(self, grantor: str, reader: str, child: bytes) -> bool:
        """Whether an order by name may go to a grantor: not where that would tell the side that was left who reads."""
        sides = self.sides_of(child)
        door, other = self._directory.member(grantor), self._directory.member(reader)
        if sides is None or door is None or other is None:
            return True
        # From the side that was left to itself; or from whoever knows to whoever may.
        if sides.is_left(door):
            return sides.is_left(other) and sides.hears(door, other) and sides.hears(other, door)
        return not sides.is_left(other)

    def stands_for(self, handover: bytes | None) -> str | None:
        """What an order names instead of the hidden front door: its one-time key; None where it has made none."""
        row = None if handover is None else self._hiding.one_time(handover)
        if row is None or not row.ticket:
            return None
        return reader_of(key_id_of(Ticket.from_bytes(row.ticket).kem_public))

    def alias(self, reader: str, child: bytes) -> bytes:
        """The child as a member that serves both sides meets it in the new unit: nothing leads to its older handle."""
        sides, member = self.sides_of(child), self._directory.member(reader)
        if sides is None or member is None or not sides.is_shared(member):
            return child
        return hashlib.sha256(b"handrail unit\0" + sides.new.encode() + b"\0" + child).digest()[:16]

    def tells(self, reader: str, author: str, child: bytes) -> bool:
        """Whether an author may hear that this reader has its event."""
        sides = self.sides_of(child)
        left, who = self._directory.member(author), self._directory.member(reader)
        if sides is None or left is None or who is None:
            return True
        return sides.hears(who, left) or sides.knows(left)

    def _may_hear(self, member_id: str, author: Member, sides: Sides) -> bool:
        """Whether a member may have what this author says: the new side always, one that was left as far as it knows."""
        member = self._directory.member(member_id)
        return member is None or not sides.is_left(member) or sides.hears(author, member)

    def _kept(self, one: Recipient, author: Member, sides: Sides, *, own: bool) -> Recipient | None:
        member = self._directory.member(one.member)
        if member is None or sides.is_left(member):
            return one if own and (member is None or sides.hears(author, member)) else None
        if sides.is_shared(member) and not own:
            units = {
                unit.id
                for unit in member.units
                if sides.new in unit.areas and sides.left.isdisjoint(unit.areas)
            }
            keys = frozenset(
                key_id
                for key_id in one.key_ids
                if (key := self._directory.key(key_id)) is not None and key.unit in units
            )
            return replace(one, key_ids=keys) if keys else None
        return one

    def _may_know(self, member_id: str, sides: Sides) -> bool:
        member = self._directory.member(member_id)
        return member is None or not sides.is_left(member)
