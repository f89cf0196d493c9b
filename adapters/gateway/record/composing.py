"""From an event to what is sealed: its areas, its parts, its readers, its tokens. Pure but for the look-ups passed in."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from adapters.gateway.errors import NobodyToReadError, WrongAuthorError
from adapters.gateway.record.places import Places, area_of, area_of_postcode
from broker.crypto.keys import KemPublic
from broker.crypto.seal import DraftPart
from broker.crypto.tokens import IdentifierKind, KeyedTokens
from schemas.catalogue import spec_of
from schemas.directory import Directory
from schemas.events.base import Event, Subject
from schemas.events.identity import Identity
from schemas.ids import GssCode, MemberId
from schemas.members import Algorithm, Member
from schemas.policy import ConcernedAreas, NoRuleError, ReaderChoice, kept_to_front_doors, readers_for
from schemas.wire import Kem, PartKind, Token

_KEM: Final = {Algorithm.HYBRID: Kem.MLKEM768_X25519, Algorithm.P256: Kem.P256}


@dataclass(frozen=True, slots=True)
class Composed:
    """An event ready to be sealed: who reads which part, and which boards have it in their area."""

    parts: tuple[DraftPart, ...]
    readers: tuple[str, ...]
    boards: tuple[Member, ...]


def concerned_areas(event: Event, places: Places) -> ConcernedAreas:
    """The areas that an event concerns, each the one whose front door answers."""
    movement = event.movement
    from_area = to_area = None
    if movement is not None:
        from_area = _end(movement.from_area, places) or area_of_postcode(movement.from_postcode, places)
        to_area = _end(movement.to_area, places) or area_of_postcode(movement.to_postcode, places)
    alert = tuple(places.answering(area) for area in getattr(event.details, "alert_areas", ()))
    return ConcernedAreas(
        acting=places.answering(event.acting_area),
        residence=area_of(event.residence, places),
        from_area=from_area,
        to_area=to_area,
        alert=alert,
        host=None if movement is None else movement.to_area,
    )


def check_author(event: Event, me: Member, directory: Directory) -> None:
    """Refuse early what the router would refuse. Raises WrongAuthorError."""
    try:
        publishers = directory.policy.rule(event.type).publishers
    except NoRuleError as error:
        raise WrongAuthorError(str(error)) from error
    if me.kind not in publishers:
        raise WrongAuthorError(f"a {me.kind.value} may not publish {event.type}")
    if event.acting_area not in me.acting_areas:
        raise WrongAuthorError(f"{event.acting_area} is not an area of {me.name}")


def compose(
    event: Event, areas: ConcernedAreas, me: MemberId, directory: Directory, now: datetime
) -> Composed:
    """Split an event into parts and find each part's readers.

    Raises:
        NobodyToReadError: nobody would be able to read it.
    """
    choices = readers_for(event, directory, areas, on=now.date(), author=me)
    documents = split(event)
    parts = tuple(
        DraftPart(kind, document, readers)
        for kind, document in documents.items()
        if (readers := _keys(choices, kind, directory, now, _told(event, areas)))
    )
    if not parts or parts[0].kind is not PartKind.CORE:
        raise NobodyToReadError
    hidden = kept_to_front_doors(event) and areas.from_area not in {None, areas.to_area}
    boards = {
        board.id: board
        for area in {areas.acting, areas.residence, areas.from_area, areas.to_area}
        if area is not None
        for board in directory.boards(area, on=now.date())
        # Not even a sealed slip goes to the board of an area that a hidden family has left.
        if not (hidden and areas.from_area in board.acting_areas)
    }
    return Composed(
        parts=parts,
        readers=tuple(choice.member_id for choice in choices),
        boards=tuple(boards[key] for key in sorted(boards)),
    )


def split(event: Event) -> dict[PartKind, bytes]:
    """An event's JSON by part: where somebody is, and who reported it, are kept apart from the rest."""
    document = json.loads(event.to_json())
    details = document["details"]
    place: dict[str, Any] = {}
    if (residence := document.pop("residence", None)) is not None:
        place["residence"] = residence
    moved = {name: details.pop(name) for name in spec_of(event).location_fields if name in details}
    if moved:
        place["details"] = moved
    reporter = document.pop("reporter", None)
    parts = {PartKind.CORE: _json(document)}
    if place:
        parts[PartKind.LOCATION] = _json(place)
    if reporter is not None:
        parts[PartKind.REPORTER] = _json({"reporter": reporter})
    return parts


def join(parts: dict[PartKind, bytes]) -> dict[str, Any]:
    """Undo ``split`` with whatever parts a reader was given."""
    document: dict[str, Any] = json.loads(parts[PartKind.CORE])
    if PartKind.LOCATION in parts:
        place = json.loads(parts[PartKind.LOCATION])
        if "residence" in place:
            document["residence"] = place["residence"]
        document["details"] |= place.get("details", {})
    if PartKind.REPORTER in parts:
        document |= json.loads(parts[PartKind.REPORTER])
    return document


def kind_in(core: bytes | None) -> str:
    """The type that an event's main part names; empty where it names none."""
    try:
        document = json.loads(core or b"null")
    except (ValueError, RecursionError):
        return ""
    found = document.get("type") if isinstance(document, dict) else None
    return found if isinstance(found, str) else ""


def identifiers(subject: Subject | Identity) -> list[tuple[IdentifierKind, str]]:
    """The strong identifiers of a subject, strongest first, each in its one spelling."""
    found = []
    if subject.nhs_number:
        found.append((IdentifierKind.NHS_NUMBER, str(subject.nhs_number)))
    if subject.upn:
        found.append((IdentifierKind.UPN, str(subject.upn)))
    if subject.unborn:
        found.append((IdentifierKind.UNBORN, subject.unborn.key))
    return found


def tokens_of(subject: Subject, tokens: KeyedTokens) -> tuple[Token, ...]:
    """The tokens of a subject's strong identifiers; none for an unmatched event."""
    return tuple(tokens.token_now(kind, value) for kind, value in identifiers(subject))


def _end(gss: GssCode | None, places: Places) -> GssCode | None:
    return None if gss is None else places.answering(gss)


def _told(event: Event, areas: ConcernedAreas) -> frozenset[GssCode]:
    """The areas whose units are told: of a hidden event those of the area where the child is, and no other."""
    new = areas.to_area or areas.residence
    named = (new,) if kept_to_front_doors(event) else (areas.acting, areas.residence, areas.from_area, new)
    return frozenset(area for area in (*named, *areas.alert) if area is not None)


def _keys(
    choices: tuple[ReaderChoice, ...],
    kind: PartKind,
    directory: Directory,
    now: datetime,
    told: frozenset[GssCode],
) -> tuple[KemPublic, ...]:
    """A member with units is sealed to in the units of the areas that are told; any other under its own key."""
    found: list[KemPublic] = []
    for choice in choices:
        member = directory.member(choice.member_id)
        if member is None or kind not in choice.parts:
            continue
        units = member.unit_keys(told, now)
        own = member.kem_key(now) if not units else None
        keys = units if own is None else (own,)
        found += [KemPublic.load(_KEM[key.algorithm], key.public) for key in keys]
    return tuple(found)


def kem_public(member: Member, now: datetime) -> KemPublic | None:
    """A member's key to seal to now, or None."""
    key = member.kem_key(now)
    return None if key is None else KemPublic.load(_KEM[key.algorithm], key.public)


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False, sort_keys=True).encode()
