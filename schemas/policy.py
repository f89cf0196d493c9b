"""The sharing policy: who may publish and read what, why, on what footing, how soon; as data that people can read.

Rules are per event type; author and reader gateways hold them. What the router may hold, per class, is derived
from the same rules. Functions here are pure; where the default comes from is ``schemas.default_policy``.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Self

from pydantic import Field as Of
from pydantic import SerializerFunctionWrapHandler, model_serializer, model_validator
from pydantic_core import PydanticCustomError

from schemas.base import Date, Line, Wire
from schemas.codes.cases import HandoverKind, LiveStatus, PlanKind
from schemas.codes.members import MemberKind
from schemas.codes.sharing import Basis, Onward, Sensitivity
from schemas.cues import CuePolicy
from schemas.deadlines import FACTS, ClockRule, LadderRule, overlap
from schemas.ids import GssCode, MemberId
from schemas.keeping import Keeper, keeper
from schemas.kinds import KindRule
from schemas.rules import (
    AreaRole,
    BandsRule,
    BasisEntry,
    ClockUnit,
    ConcernedAreas,
    MoveEvidence,
    NoRuleError,
    OpeningRule,
    ReaderRule,
    ReleaseRule,
    TypeRule,
)
from schemas.wire import EventClass, Field, PartKind, Urgency

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schemas.directory import Directory, Member
    from schemas.events.base import Event

__all__ = [
    "AreaRole",
    "BasisEntry",
    "ClockRule",
    "ClockUnit",
    "ConcernedAreas",
    "GrantAnswer",
    "LadderRule",
    "MoveEvidence",
    "NoRuleError",
    "OpeningRule",
    "Policy",
    "ReaderChoice",
    "ReaderRule",
    "ReleaseRule",
    "TypeRule",
    "admits",
    "kept_to_front_doors",
    "may_be_granted",
    "may_publish",
    "openings_for",
    "prefill",
    "readers_for",
    "urgency_of",
]


_LATER: Final = frozenset({"kinds", "cues", "board_bands"})


class Policy(Wire):
    """The whole sharing policy of one version of the directory."""

    name: Line
    adopted_on: Date
    document: Line
    """Where the policy in words is kept."""
    bases: tuple[BasisEntry, ...]
    openings: tuple[OpeningRule, ...]
    releases: tuple[ReleaseRule, ...]
    clocks: tuple[ClockRule, ...]
    ladders: tuple[LadderRule, ...] = Of(min_length=1)
    rules: tuple[TypeRule, ...] = Of(min_length=1)
    kinds: tuple[KindRule, ...] = ()
    """Kinds of handover. None: a directory from before there were any."""
    cues: CuePolicy | None = None
    board_bands: BandsRule | None = None
    """The decision that boards may hold bands of children's characteristics; None, by default: they may not."""

    @model_serializer(mode="wrap")
    def _as_it_was_written(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without kinds, cues and bands where it has none: a directory that was signed before them stays what it is."""
        document: dict[str, Any] = handler(self)
        return {name: value for name, value in document.items() if value or name not in _LATER}

    @model_validator(mode="after")
    def _says_each_thing_once(self) -> Self:
        for what, names in (
            ("rule", [rule.event_type for rule in self.rules]),
            ("basis", [entry.basis.value for entry in self.bases]),
            ("ladder", [ladder.name for ladder in self.ladders]),
            ("kind", [rule.kind.value for rule in self.kinds]),
        ):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise PydanticCustomError(
                    "twice", "says {what} {names} twice", {"what": what, "names": ", ".join(twice)}
                )
        return self

    @model_validator(mode="after")
    def _clocks_can_run(self) -> Self:
        types, ladders = {rule.event_type for rule in self.rules}, {ladder.name for ladder in self.ladders}
        for clock in self.clocks:
            unknown = sorted({*clock.starts, *clock.met_by, *clock.over_by, *clock.unless} - types - FACTS)
            if unknown or clock.ladder not in ladders:
                what = ", ".join(unknown) or clock.ladder
                raise PydanticCustomError(
                    "clock", "has a clock {key} that names {what}", {"key": clock.key, "what": what}
                )
        for key in sorted({clock.key for clock in self.clocks}):
            if overlap([clock for clock in self.clocks if clock.key == key]):
                raise PydanticCustomError("twice", "says clock {key} twice for the same days", {"key": key})
        return self

    @cached_property
    def _by_type(self) -> dict[str, TypeRule]:
        return {rule.event_type: rule for rule in self.rules}

    @cached_property
    def _publishers(self) -> dict[EventClass, frozenset[MemberKind]]:
        return _per_class((rule.event_class, rule.publishers) for rule in self.rules)

    @cached_property
    def _readers(self) -> dict[EventClass, frozenset[MemberKind]]:
        return _per_class((rule.event_class, rule.kinds | frozenset(rule.addressed)) for rule in self.rules)

    def rule(self, event_type: str) -> TypeRule:
        """The rule of a type.

        Raises:
            NoRuleError: the policy has none, so the type may not be sent.
        """
        rule = self._by_type.get(event_type)
        if rule is None:
            raise NoRuleError(event_type)
        return rule

    def basis_on(self, rule: TypeRule, on: date) -> Basis:
        """The footing that a rule stands on that day: the later one once it is in force."""
        later = next((entry for entry in self.bases if entry.basis is rule.basis_when_commenced), None)
        return later.basis if later is not None and later.usable(on) else rule.basis

    def release(self, live: LiveStatus, evidence: MoveEvidence) -> ReleaseRule:
        """Who decides on the history. Where the policy says nothing, a person does."""
        fits = (
            rule
            for rule in self.releases
            if rule.live is live and (not rule.evidence or evidence in rule.evidence)
        )
        return next(fits, ReleaseRule(live=live, source=("ours",)))

    @cached_property
    def _kept_by_gateways(self) -> dict[str, dict[str, tuple[ClockRule, ...]]]:
        kept = [clock for clock in self.clocks if keeper(clock) is Keeper.GATEWAY]
        return {
            name: _per_word((word, clock) for clock in kept for word in getattr(clock, name))
            for name in ("starts", "met_by", "over_by", "unless")
        }

    @cached_property
    def plans_of_clocks(self) -> frozenset[PlanKind]:
        """The kinds of plan that a clock asks for."""
        return frozenset(clock.on_plan for clock in self.clocks if clock.on_plan is not None)

    def clocks_started_by(self, word: str) -> tuple[ClockRule, ...]:
        """The clocks kept by gateways that a type of event or a moment starts, in force or not."""
        return self._kept_by_gateways["starts"].get(word, ())

    def clocks_met_by(self, event_type: str) -> tuple[ClockRule, ...]:
        """The clocks kept by gateways that an event of this type meets."""
        return self._kept_by_gateways["met_by"].get(event_type, ())

    def clocks_whose(self, field: str, event_type: str) -> tuple[ClockRule, ...]:
        """The clocks kept by gateways that name this type in that field: ``over_by``, ``unless`` ..."""
        return self._kept_by_gateways[field].get(event_type, ())

    def bears_on_clocks(self, event_type: str) -> bool:
        """Whether an event of this type starts, meets or ends a clock kept by gateways, or stands in the way of one."""
        return any(event_type in words for words in self._kept_by_gateways.values())

    def clock(self, key: str, on: date | None = None) -> ClockRule | None:
        """A limit by its key, as it is in force that day; without a day, whichever the policy has; or None."""
        versions = (clock for clock in self.clocks if clock.key == key)
        return next((clock for clock in versions if on is None or clock.in_force(on)), None)

    def kind(self, kind: HandoverKind) -> KindRule | None:
        """What the policy says of a kind of handover."""
        return next((rule for rule in self.kinds if rule.kind is kind), None)

    def ladder(self, name: str) -> LadderRule:
        """A ladder by its name. Raises KeyError; the policy's own clocks name only ladders that it has."""
        for ladder in self.ladders:
            if ladder.name == name:
                return ladder
        raise KeyError(name)


def _per_word(pairs: "Iterable[tuple[str, ClockRule]]") -> dict[str, tuple[ClockRule, ...]]:
    found: dict[str, tuple[ClockRule, ...]] = {}
    for word, clock in pairs:
        found[word] = (*found.get(word, ()), clock)
    return found


def _per_class(
    pairs: "Iterable[tuple[EventClass, Iterable[MemberKind]]]",
) -> dict[EventClass, frozenset[MemberKind]]:
    found: dict[EventClass, set[MemberKind]] = {event_class: set() for event_class in EventClass}
    for event_class, kinds in pairs:
        found[event_class].update(kinds)
    return {event_class: frozenset(kinds) for event_class, kinds in found.items()}


def admits(policy: Policy, event_class: EventClass, kind: MemberKind) -> bool:
    """Whether some type of the class may be read by that kind of member: all that the router can hold."""
    return kind in policy._readers[event_class]  # noqa: SLF001 - derived tables of the policy itself


def may_publish(policy: Policy, event_class: EventClass, kind: MemberKind) -> bool:
    """Whether some type of the class may be published by that kind of member."""
    return kind in policy._publishers[event_class]  # noqa: SLF001


def openings_for(
    policy: Policy, event_class: EventClass, kind: MemberKind, *, sensitive: bool = False
) -> frozenset[Field]:
    """The routing fields that a reader's view may open; none at all where the event is sensitive (P7)."""
    if sensitive:
        return frozenset()
    for rule in policy.openings:
        if (not rule.kinds or kind in rule.kinds) and (not rule.classes or event_class in rule.classes):
            return frozenset(rule.fields)
    return frozenset()


@dataclass(frozen=True, slots=True)
class ReaderChoice:
    """A member that the author seals to, and the kinds of part that it gets."""

    member_id: MemberId
    parts: frozenset[PartKind]


def kept_to_front_doors(event: "Event") -> bool:
    """Whether nobody but front doors may read it: sensitive, destination withheld, or a sensitive service (P7)."""
    movement = event.movement
    return (
        event.sensitivity is Sensitivity.SENSITIVE
        or (movement is not None and movement.withheld)
        or bool(getattr(event.details, "sensitive_service", False))
    )


_ALL_PARTS: Final = frozenset(PartKind)
_NO_LOCATION: Final = _ALL_PARTS - {PartKind.LOCATION}


def readers_for(
    event: "Event",
    directory: "Directory",
    areas: ConcernedAreas,
    *,
    on: date,
    author: MemberId | None = None,
) -> tuple[ReaderChoice, ...]:
    """Whom the author's gateway seals to: the front doors that the type's rule names, and its fixed readers.

    Where none of those front doors exists, the acting area's reads it, so that somebody does. A front door
    reads its own events too: the history that it hands over must be whole. Any other ``author`` is left out.
    A hidden event (``kept_to_front_doors``) goes to the new side; to the author's own front door without the
    location; to nobody else (P7).

    Raises:
        NoRuleError: the policy has no rule for the type.
    """
    rule = directory.policy.rule(event.type)
    hidden = kept_to_front_doors(event)
    chosen: dict[MemberId, frozenset[PartKind]] = {}
    if rule.front_doors:
        chosen |= _front_doors(rule, directory, areas, hidden=hidden, on=on)
    for reader in rule.readers:
        for member in _fixed(reader, directory, areas, hidden=hidden, on=on):
            if member.id != author or member.front_door:
                chosen[member.id] = chosen.get(member.id, frozenset()) | frozenset(reader.parts)
    named = directory.member(event.details.addressed_to() or "")
    if named is not None and named.active(on) and named.kind in rule.addressed and not hidden:
        chosen[named.id] = chosen.get(named.id, frozenset()) | {PartKind.CORE}
    return tuple(ReaderChoice(member_id, parts) for member_id, parts in sorted(chosen.items()))


def _front_doors(
    rule: TypeRule, directory: "Directory", areas: ConcernedAreas, *, hidden: bool, on: date
) -> dict[MemberId, frozenset[PartKind]]:
    named = areas.of(*rule.front_doors)
    parts = dict.fromkeys(named, _ALL_PARTS) if not hidden else _hidden_parts(named, areas)
    found = {
        door.id: share
        for area, share in parts.items()
        if (door := directory.front_door(area, on=on)) is not None
    }
    if not found and (door := directory.front_door(areas.acting, on=on)) is not None:
        found[door.id] = _NO_LOCATION if hidden else _ALL_PARTS
    return found


def _hidden_parts(named: tuple[GssCode, ...], areas: ConcernedAreas) -> dict[GssCode, frozenset[PartKind]]:
    """What each area's front door gets of a hidden event: the new side all, the author's own side no location."""
    residence = areas.residence if areas.residence != areas.from_area else None
    new = areas.to_area or residence
    parts: dict[GssCode, frozenset[PartKind]] = {}
    for area in named:
        if area == new:
            parts[area] = _ALL_PARTS
        elif area == areas.acting or area in areas.alert:
            parts[area] = _NO_LOCATION if new in named or area == areas.from_area else _ALL_PARTS
    return parts


def _fixed(
    reader: ReaderRule, directory: "Directory", areas: ConcernedAreas, *, hidden: bool, on: date
) -> "Iterator[Member]":
    roles = [role for role in reader.areas if not hidden or (reader.when_hidden and role is AreaRole.TO)]
    host = areas.host if reader.kind is MemberKind.HOUSING and AreaRole.TO in roles else None
    for area in {*areas.of(*roles), *([] if host is None else [host])}:
        for member in directory.members_serving(area, reader.kind, on=on):
            if not (hidden and areas.from_area in member.acting_areas):
                yield member


class GrantAnswer(StrEnum):
    """What the policy says to a grant before a front door makes it."""

    YES = "yes"
    BY_PERSON = "by-person"
    """A person decides."""
    ASK_AUTHOR = "ask-author"
    """The author's mark is *ask me*: a person decides, once the author has agreed."""
    NO = "no"


def may_be_granted(policy: Policy, event: "Event", reader: "Member") -> GrantAnswer:
    """Whether a front door may hand the event to a reader, by its type's rule and the author's mark on it.

    Says nothing about whether the reader is involved with the child: that is the order's evidence.

    Raises:
        NoRuleError: the policy has no rule for the type.
    """
    rule = policy.rule(event.type)
    onward = event.onward or rule.onward
    hidden = kept_to_front_doors(event)
    if onward is Onward.NEVER or reader.kind not in rule.kinds or (hidden and not reader.front_door):
        return GrantAnswer.NO
    if onward is Onward.ASK_ME:
        return GrantAnswer.ASK_AUTHOR
    if hidden or rule.grant_by_person:
        return GrantAnswer.BY_PERSON
    return GrantAnswer.YES


def prefill(policy: Policy, event: "Event", *, on: date) -> "Event":
    """The event with the policy's purpose, basis and onward mark where the author gave none (P9).

    Raises:
        NoRuleError: the policy has no rule for the type.
    """
    rule = policy.rule(event.type)
    return event.model_copy(
        update={
            "purpose": event.purpose or rule.purpose,
            "basis": event.basis or policy.basis_on(rule, on),
            "onward": event.onward or rule.onward,
        }
    )


def urgency_of(policy: Policy, event: "Event") -> Urgency:
    """How soon a person must look: the event's own urgency, or the policy's floor where that is sooner.

    Raises:
        NoRuleError: the policy has no rule for the type.
    """
    return min(event.urgency, policy.rule(event.type).urgency)
