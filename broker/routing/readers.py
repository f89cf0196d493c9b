"""Who must hear of an event: decided from areas, confirmed involvement and policy. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from broker.crypto.check import Checked
from schemas.directory import Directory
from schemas.policy import admits, openings_for
from schemas.wire import EventClass, Field

SHOWS_A_MOVE: Final = frozenset({Field.TOKENS, Field.TO})
"""What the front door that a sensitive move leads to is opened of it: no other reader is opened anything."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """A member who gets a view: with which of its keys, and which openings."""

    member: str
    key_ids: frozenset[str]
    fields: frozenset[Field]


@dataclass(frozen=True, slots=True)
class Readers:
    """Who is given the event, whose view is withheld, and who must know but was not sealed to."""

    given: tuple[Recipient, ...]
    withheld: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Concerned:
    """The areas and members that a child's state makes concerned: case holder, safety duty, both handover sides."""

    areas: frozenset[str] = frozenset()
    involved: frozenset[str] = frozenset()


def choose(checked: Checked, concerned: Concerned, directory: Directory) -> Readers:
    """Compare whom the author sealed to with who must know.

    Wrong or stale readers are never a reason to refuse: an extra view is withheld, a missing reader is ordered.
    """
    header = checked.header
    sealed_to: dict[str, set[str]] = {}
    for part in checked.readers:
        for key_id in part:
            key = directory.key(key_id)
            if key is not None and directory.member(key.owner) is not None:
                sealed_to.setdefault(key.owner, set()).add(key_id)
    allowed = {member for member in sealed_to if admitted(member, header.event_class, directory)}
    wanted = required(concerned, header.event_class, directory)
    return Readers(
        given=tuple(
            Recipient(member, frozenset(sealed_to[member]), _fields(member, checked, directory))
            for member in sorted(allowed)
        ),
        withheld=tuple(sorted(set(sealed_to) - allowed)),
        missing=tuple(sorted(wanted - allowed)),
    )


def front_doors(areas: Iterable[str | None], directory: Directory) -> frozenset[str]:
    """The front doors of these areas, as far as they are members."""
    doors = (directory.front_door(area) for area in areas if area is not None)
    return frozenset(door.id for door in doors if door is not None)


def is_front_door(member_id: str, directory: Directory) -> bool:
    """Whether a member answers for an area."""
    member = directory.member(member_id)
    return member is not None and member.front_door


def required(concerned: Concerned, event_class: EventClass, directory: Directory) -> frozenset[str]:
    """Who must hear: the front doors of the areas, and confirmed members whom the policy admits."""
    involved = {member for member in concerned.involved if admitted(member, event_class, directory)}
    return front_doors(concerned.areas, directory) | involved


def admitted(member_id: str, event_class: EventClass, directory: Directory) -> bool:
    """Whether a member may be given an event of a class at all."""
    member = directory.member(member_id)
    return member is not None and (member.front_door or admits(directory.policy, event_class, member.kind))


def _fields(member_id: str, checked: Checked, directory: Directory) -> frozenset[Field]:
    member = directory.member(member_id)
    if member is None:
        return frozenset()
    header = checked.header
    is_move = header.sealed_openings and header.event_class is EventClass.MOVE
    if is_move and member_id in front_doors([checked.facts.to_area], directory):
        # With these it can show protection endorsers that the child has come to it, and not who that is.
        return SHOWS_A_MOVE
    return openings_for(directory.policy, header.event_class, member.kind, sensitive=header.sealed_openings)
