"""The rules that a sharing policy is made of, each readable on its own. ``schemas.policy`` puts them together."""

from dataclasses import dataclass
from datetime import date
from enum import IntEnum, StrEnum
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, PlainSerializer
from pydantic import Field as Of
from pydantic_core import PydanticCustomError

from schemas.base import Date, Line, Wire
from schemas.codes.cases import LiveStatus
from schemas.codes.members import MemberKind
from schemas.codes.sharing import Basis, Onward, Purpose
from schemas.ids import GssCode
from schemas.wire import EventClass, Field, PartKind, Urgency

Numbered = TypeVar("Numbered", bound=IntEnum)


def _named(kind: type[Numbered]) -> tuple[BeforeValidator, PlainSerializer]:
    """Write a numbered code by its name, so that a policy can be read: ``move``, ``U1``."""
    names: dict[str, Numbered] = {member.name.lower(): member for member in kind}

    def read(value: Any) -> Any:
        if isinstance(value, str) and value.lower() in names:
            return names[value.lower()]
        if type(value) is kind:
            return value
        raise PydanticCustomError("name", "must be one of {names}", {"names": ", ".join(names)})

    def write(value: Numbered) -> str:
        return value.name.lower()

    return BeforeValidator(read), PlainSerializer(write, return_type=str)


ClassName = Annotated[EventClass, *_named(EventClass)]
UrgencyName = Annotated[Urgency, *_named(Urgency)]
FieldName = Annotated[Field, *_named(Field)]
PartName = Annotated[PartKind, *_named(PartKind)]


class AreaRole(StrEnum):
    """What an area is to an event."""

    ACTING = "acting"
    RESIDENCE = "residence"
    FROM = "from"
    TO = "to"
    ALERT = "alert"
    """Asked to look out for a missing child."""


class BandsRule(Wire):
    """The partnerships' decision that their boards may hold bands of children's characteristics, with its record."""

    decided_on: Date
    document: Line
    """Where the decision, and the impact assessment that it rests on, is kept."""


class MoveEvidence(StrEnum):
    """How a move came to be known; decides with the plan who must release the history."""

    EXPLICIT = "explicit"
    REGISTRATION = "registration"
    """A school's or practice's register."""
    DEMOGRAPHIC = "demographic"
    """The national demographic service."""
    BIRTH = "birth"
    PLACEMENT = "placement"
    HOUSING = "housing"


class ClockUnit(StrEnum):
    """How a limit counts."""

    SECONDS = "seconds"
    HOURS = "hours"
    WORKING_DAYS = "working_days"
    SCHOOL_DAYS = "school_days"
    CALENDAR_DAYS = "calendar_days"
    CALENDAR_DAYS_INCLUSIVE = "calendar_days_inclusive"
    """``14 days beginning with D`` ends on D + 13."""
    WEEKS = "weeks"


class ReaderRule(Wire):
    """Members of one kind in certain areas who must know of a type."""

    kind: MemberKind
    areas: tuple[AreaRole, ...] = Of(min_length=1)
    parts: tuple[PartName, ...] = (PartKind.CORE,)
    when_hidden: bool = False
    """Whether it also holds for a hidden event; then only in the area moved to, for members not of the old one."""
    why: Line


class TypeRule(Wire):
    """Everything the policy says about one event type."""

    event_type: Line
    event_class: ClassName
    publishers: tuple[MemberKind, ...] = Of(min_length=1)
    readers: tuple[ReaderRule, ...] = ()
    """Who must know besides the front doors; the author's gateway seals to them."""
    admits: tuple[MemberKind, ...] = ()
    """Who may be granted it while a front door confirms that they are involved with the child."""
    addressed: tuple[MemberKind, ...] = ()
    """To whom of these an author may send it by name: one member, which the event names."""
    front_doors: tuple[AreaRole, ...] = (AreaRole.RESIDENCE, AreaRole.FROM, AreaRole.TO, AreaRole.ALERT)
    """Whose front doors the author seals to."""
    grant_by_person: bool = False
    """Whether a person at a front door decides before anyone else is granted it."""
    purpose: Purpose
    basis: Basis
    basis_when_commenced: Basis | None = None
    """Takes over from ``basis`` on the day that the policy's list of bases gives for it."""
    urgency: UrgencyName
    """The least urgent that an event of the type may be; its own rules may make it more so."""
    onward: Onward
    move_evidence: MoveEvidence | None = None
    in_force_from: Date | None = None
    """When the duty that the rule rests on came into force; None: practice, a proposal, or an older power."""
    source: tuple[Line, ...] = Of(min_length=1)
    """Keys of the list of sources; ``ours``: what the design adds."""

    @property
    def kinds(self) -> frozenset[MemberKind]:
        """Every kind of member that may ever read it."""
        own = {reader.kind for reader in self.readers} | set(self.admits)
        return frozenset(own | ({MemberKind.SOCIAL_CARE} if self.front_doors else set()))


class OpeningRule(Wire):
    """Which routing fields a reader's view opens. The first rule that fits a reader counts."""

    kinds: tuple[MemberKind, ...] = ()
    """None: every kind."""
    classes: tuple[ClassName, ...] = ()
    """None: every class."""
    fields: tuple[FieldName, ...]
    why: Line


class BasisEntry(Wire):
    """A footing in law and since when it can be used."""

    basis: Basis
    in_force_from: Date | None = None
    awaiting_commencement: bool = False
    source: tuple[Line, ...] = Of(min_length=1)

    def usable(self, on: date) -> bool:
        """Whether it may be relied on that day."""
        return not self.awaiting_commencement and (self.in_force_from is None or self.in_force_from <= on)


class ReleaseRule(Wire):
    """Who decides that a child's history goes to the new area, for what is live and how the move is known."""

    live: LiveStatus
    evidence: tuple[MoveEvidence, ...] = ()
    """None: any evidence."""
    pre_authorised: bool = False
    """True: no person in the old area need release it."""
    break_glass: bool = False
    """Whether the new area may take it, with a reason, while nobody answers."""
    source: tuple[Line, ...] = Of(min_length=1)


@dataclass(frozen=True, slots=True)
class ConcernedAreas:
    """The areas of one event, each already the one whose front door answers (upper tier, successor)."""

    acting: GssCode
    residence: GssCode | None = None
    from_area: GssCode | None = None
    to_area: GssCode | None = None
    alert: tuple[GssCode, ...] = ()
    """Areas that should look out, where the event names some."""
    host: GssCode | None = None
    """The very authority moved to: in a two-tier area the district, whose housing it is."""

    def of(self, *roles: AreaRole) -> tuple[GssCode, ...]:
        """The areas that are known in those roles, each once, in order."""
        known: dict[AreaRole, tuple[GssCode | None, ...]] = {
            AreaRole.ACTING: (self.acting,),
            AreaRole.RESIDENCE: (self.residence,),
            AreaRole.FROM: (self.from_area,),
            AreaRole.TO: (self.to_area,),
            AreaRole.ALERT: self.alert,
        }
        return tuple(sorted({area for role in roles for area in known[role] if area is not None}))


class NoRuleError(LookupError):
    """The policy has no rule for an event type, so nothing of the type may be sent or read."""

    def __init__(self, event_type: str) -> None:
        super().__init__(f"the policy has no rule for events of type {event_type!r}")
        self.event_type = event_type
