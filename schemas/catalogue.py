"""Every event type: its model, its class for the router, who may publish it, and its default footing.

The bases are for an information-governance officer to confirm; the policy may set others and says from when.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias

from schemas.codes.cases import Theme
from schemas.codes.members import MemberKind as Kind
from schemas.codes.sharing import Basis, Purpose
from schemas.event_reader import GenericEvent, Reader
from schemas.events import (
    demographics,
    early_help,
    education,
    family,
    handovers,
    health,
    identity,
    justice,
    moves,
    plans,
    police,
    releases,
    sharing,
    whereabouts,
)
from schemas.events.base import Event
from schemas.wire import EventClass, Urgency

EventModel: TypeAlias = type[Event]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSpec:
    """What members agree on about one type of event."""

    type: str
    model: EventModel
    event_class: EventClass
    """What the router sees instead of the type."""
    publishers: frozenset[Kind]
    default_purpose: Purpose
    default_basis: Basis
    themes: tuple[Theme, ...]
    source: str
    """Key of the source in the domain notes; ``ours`` for what the design adds."""

    @property
    def usual_urgency(self) -> Urgency:
        """The urgency before the rules of a particular event raise or lower it."""
        return self.model.details_model().usual_urgency

    @property
    def location_fields(self) -> tuple[str, ...]:
        """Fields of ``details`` that the gateway seals in the location part."""
        return self.model.details_model().location_fields

    @property
    def summary(self) -> str:
        """What happened, in one sentence."""
        return (self.model.__doc__ or self.type).split("\n\n")[0].strip()


_ANY: Final = frozenset(Kind) - {Kind.BOARD}
_CARE: Final = frozenset({Kind.SOCIAL_CARE})
_PLANNERS: Final = frozenset({Kind.SOCIAL_CARE, Kind.EARLY_HELP, Kind.YOUTH_JUSTICE, Kind.EDUCATION})
_HEALTH: Final = frozenset({Kind.HEALTH_PROVIDER, Kind.GP, Kind.CHILD_HEALTH})
_SCHOOLS: Final = frozenset({Kind.SCHOOL, Kind.EDUCATION})
_ASSESSORS: Final = _HEALTH | {Kind.SOCIAL_CARE, Kind.EARLY_HELP, Kind.SCHOOL, Kind.YOUTH_JUSTICE}
_EARLY_HELP: Final = _SCHOOLS | _HEALTH | {Kind.EARLY_HELP, Kind.SOCIAL_CARE}
_WATCH: Final = frozenset({Kind.SOCIAL_CARE, Kind.POLICE})
_PROTECTORS: Final = frozenset({Kind.SOCIAL_CARE, Kind.POLICE, Kind.IDVA})
_RISK: Final = frozenset({Kind.POLICE, Kind.PROBATION, Kind.SOCIAL_CARE})
_SECURE: Final = frozenset({Kind.YOUTH_JUSTICE, Kind.SECURE, Kind.SOCIAL_CARE})
_JUSTICE: Final = frozenset({Kind.YOUTH_JUSTICE})
_MARAC: Final = frozenset({Kind.MARAC, Kind.IDVA})

_COUNTERPARTS: Final = (
    _HEALTH | _SCHOOLS | {Kind.YOUTH_JUSTICE, Kind.HOUSING, Kind.EARLY_HELP, Kind.SOCIAL_CARE}
)

_PROTECT, _WELFARE, _CONTINUE = Purpose.PROTECT_FROM_HARM, Purpose.PROMOTE_WELFARE, Purpose.CONTINUITY_OF_CARE
_FIND, _NOTICE, _TEACH = Purpose.FIND_A_CHILD, Purpose.STATUTORY_NOTICE, Purpose.EDUCATION
_RECORDS, _LEARN = Purpose.KEEP_RECORDS_RIGHT, Purpose.LEARNING
_TASK, _POLICE, _RULE, _AGREED = (
    Basis.SAFEGUARDING_PUBLIC_TASK,
    Basis.POLICE_SAFEGUARDING,
    Basis.REGULATION,
    Basis.FAMILY_AGREEMENT,
)
_MOVE, _INVOLVED, _PLAN, _CONCERN = (
    EventClass.MOVE,
    EventClass.INVOLVEMENT,
    EventClass.PLAN,
    EventClass.CONCERN,
)
_RECORD, _SHARE, _HANDOVER = EventClass.RECORD, EventClass.SHARE, EventClass.HANDOVER
_IDENTITY, _ADMIN = EventClass.IDENTITY, EventClass.ADMIN

_Row = tuple[type[Event], EventClass, frozenset[Kind], Purpose, Basis, str, str]

_ROWS: Final[tuple[_Row, ...]] = (
    (moves.MoveNotified, _MOVE, _ANY, _PROTECT, _TASK, "ABCO", "P-DOR1"),
    (moves.DestinationWithheld, _MOVE, _PROTECTORS | _HEALTH, _PROTECT, _TASK, "BI", "ORA"),
    (moves.OutOfAreaPlacement, _MOVE, _CARE, _NOTICE, _RULE, "BCU", "SI3239"),
    (moves.TemporaryAccommodation, _MOVE, frozenset({Kind.HOUSING}), _NOTICE, _RULE, "B", "S208"),
    (handovers.TransferRequested, _HANDOVER, _CARE, _CONTINUE, _TASK, "ABE", "P-NFK2"),
    (handovers.TransferAccepted, _HANDOVER, _CARE, _CONTINUE, _TASK, "B", "P-NOT"),
    (handovers.TransferRefused, _HANDOVER, _CARE, _CONTINUE, _TASK, "B", "P-TEE2"),
    (handovers.ResponsibilityAccepted, _HANDOVER, _CARE, _CONTINUE, _TASK, "BE", "P-MK"),
    (handovers.HandoverBundle, _HANDOVER, _ANY, _CONTINUE, _TASK, "ABCDK", "P-NFK2"),
    (handovers.HandoverReleased, _HANDOVER, _CARE, _CONTINUE, _TASK, "AB", "ours"),
    (releases.GlassBroken, _HANDOVER, _CARE, _PROTECT, _TASK, "AB", "P-NOT"),
    (releases.OrderReviewed, _SHARE, _CARE, _PROTECT, _TASK, "A", "GR24"),
    (handovers.HandoverVerified, _HANDOVER, _CARE, _CONTINUE, _TASK, "AB", "ours"),
    (handovers.HandoverAccepted, _HANDOVER, _CARE, _CONTINUE, _TASK, "AB", "ours"),
    (handovers.HandoverDeclined, _HANDOVER, _CARE, _CONTINUE, _TASK, "AB", "ours"),
    (handovers.HandoverWithdrawn, _HANDOVER, _CARE, _CONTINUE, _TASK, "AB", "ours"),
    (handovers.HandoverContested, _HANDOVER, _CARE, _CONTINUE, _TASK, "AB", "ours"),
    (handovers.HandoverClosed, _HANDOVER, _CARE, _CONTINUE, _TASK, "AB", "ours"),
    (handovers.ReturnOrRetainDecided, _HANDOVER, _CARE, _RECORDS, _TASK, "AB", "ours"),
    (plans.PlanOpened, _PLAN, _PLANNERS, _WELFARE, _TASK, "DEF", "LIIA"),
    (plans.PlanChanged, _PLAN, _PLANNERS, _WELFARE, _TASK, "DEF", "SCR-P"),
    (plans.PlanClosed, _PLAN, _PLANNERS, _WELFARE, _TASK, "DEF", "LIIA"),
    (plans.JointReview, _PLAN, _PLANNERS, _WELFARE, _TASK, "E", "SCR-AC"),
    (plans.ConferenceHeld, _PLAN, _CARE, _PROTECT, _TASK, "BE", "P-MK"),
    (plans.ConcernRaised, _CONCERN, _ANY, _PROTECT, _TASK, "ADF", "LIIA"),
    (plans.ConcernClosed, _CONCERN, _ANY, _PROTECT, _TASK, "AD", "LIIA"),
    (plans.AssessmentStarted, _PLAN, _ASSESSORS, _WELFARE, _TASK, "D", "P-SWI"),
    (plans.AssessmentCompleted, _PLAN, _ASSESSORS, _WELFARE, _TASK, "DFJKLM", "LIIA"),
    (plans.Reappraisal, _PLAN, _ANY, _WELFARE, _TASK, "DKO", "SCR-GEO"),
    (family.VoiceRecorded, _RECORD, _ANY, _WELFARE, _TASK, "FRK", "SCR-R"),
    (family.HouseholdChanged, _RECORD, _ANY, _PROTECT, _TASK, "NO", "SCR-GEO"),
    (family.EngagementChanged, _RECORD, _ANY, _PROTECT, _TASK, "P", "SCR-BF"),
    (
        family.SubstanceConcern,
        _CONCERN,
        _HEALTH | _SCHOOLS | {Kind.YOUTH_JUSTICE, Kind.SOCIAL_CARE},
        _PROTECT,
        _TASK,
        "GV",
        "LIIA",
    ),
    (early_help.EhaOpened, _PLAN, _EARLY_HELP, _WELFARE, _AGREED, "SQP", "SCR-N"),
    (early_help.EhaDeclined, _PLAN, _EARLY_HELP, _WELFARE, _AGREED, "SQP", "SCR-N"),
    (early_help.EhaStuck, _PLAN, _EARLY_HELP, _WELFARE, _AGREED, "SQP", "SCR-N"),
    (early_help.EhaClosed, _PLAN, _EARLY_HELP, _WELFARE, _AGREED, "SQP", "SCR-N"),
    (education.SchoolJoined, _RECORD, _SCHOOLS, _NOTICE, _RULE, "ABR", "CME-FB"),
    (education.SchoolLeft, _RECORD, _SCHOOLS, _NOTICE, _RULE, "ABR", "CME-FB"),
    (education.AttendanceSummary, _RECORD, _SCHOOLS, _TEACH, _TASK, "HQT", "SCR-R"),
    (education.AttendancePlanReviewed, _RECORD, _SCHOOLS, _TEACH, _TASK, "Q", "SCR-R"),
    (education.ExclusionRecorded, _RECORD, _SCHOOLS, _TEACH, _TASK, "HG", "SCR-AC"),
    (education.MissingEducation, _CONCERN, _SCHOOLS, _FIND, _RULE, "HB", "CME-FB"),
    (education.TransitionPlan, _RECORD, _SCHOOLS, _TEACH, _TASK, "R", "SCR-R"),
    (health.AppointmentMissed, _RECORD, _ANY, _PROTECT, _TASK, "OPJ", "P-DON"),
    (health.HealthPresentation, _CONCERN, _HEALTH, _PROTECT, _TASK, "DFJ", "SCR-N"),
    (health.PregnancyBooked, _RECORD, _HEALTH, _WELFARE, _TASK, "LMN", "PB-DON"),
    (health.BirthNotified, _RECORD, _HEALTH, _WELFARE, _TASK, "LMN", "NEMS-EV"),
    (health.DisabilityNeedChanged, _RECORD, _HEALTH | _SCHOOLS, _WELFARE, _TASK, "JB", "LIIA"),
    (demographics.GpChanged, _RECORD, _HEALTH, _CONTINUE, _TASK, "AB", "NEMS-EV"),
    (demographics.DeathNotified, _RECORD, _HEALTH | _WATCH, _NOTICE, _TASK, "A", "NEMS-EV"),
    (demographics.RecordChanged, _RECORD, _HEALTH, _RECORDS, _TASK, "A", "NEMS-EV"),
    (demographics.ProfessionalContactsChanged, _INVOLVED, _HEALTH, _CONTINUE, _TASK, "AC", "NEMS-EV"),
    (police.AdultRiskDisclosed, _CONCERN, _RISK, _PROTECT, _POLICE, "N", "DPA8"),
    (police.DomesticAbuseIncident, _CONCERN, frozenset({Kind.POLICE}), _PROTECT, _POLICE, "I", "OE-GOV"),
    (police.MaracListed, _CONCERN, _MARAC, _PROTECT, _TASK, "IB", "MARAC-F"),
    (police.MaracTransferred, _MOVE, _MARAC, _PROTECT, _TASK, "IB", "MARAC"),
    (police.MissingChild, _CONCERN, _WATCH, _FIND, _TASK, "BH", "P-CUM"),
    (police.MissingFamily, _CONCERN, _WATCH, _FIND, _TASK, "BH", "P-CUM"),
    (police.MissingSighted, _CONCERN, _ANY, _FIND, _TASK, "BH", "ours"),
    (whereabouts.MissingFound, _CONCERN, _CARE, _FIND, _TASK, "BH", "ours"),
    (whereabouts.WhereaboutsRecorded, _RECORD, _CARE, _PROTECT, _TASK, "B", "P-DOR1"),
    (whereabouts.WhereaboutsUnknown, _CONCERN, _CARE, _FIND, _TASK, "B", "P-DOR1"),
    (
        whereabouts.EncompassPassedOn,
        _CONCERN,
        frozenset({Kind.EDUCATION}),
        _PROTECT,
        _TASK,
        "I",
        "OE-GOV",
    ),
    (whereabouts.CounterpartSent, _RECORD, _COUNTERPARTS, _CONTINUE, _RULE, "ABC", "KCSIE-BR"),
    (police.MissingEnded, _CONCERN, _WATCH, _FIND, _TASK, "BH", "ours"),
    (justice.YouthDisposal, _PLAN, _JUSTICE, Purpose.PREVENT_CRIME, _TASK, "GUE", "SCR-AC"),
    (justice.YouthLicence, _PLAN, _JUSTICE, Purpose.PREVENT_CRIME, _TASK, "GUE", "SCR-AC"),
    (justice.SecureEntered, _MOVE, _SECURE, _CONTINUE, _TASK, "UBE", "PIF"),
    (justice.SecureLeaving, _MOVE, _SECURE, _CONTINUE, _TASK, "UBE", "SEC-BU"),
    (sharing.InvolvementDeclared, _INVOLVED, _ANY, _CONTINUE, _TASK, "AC", "CP-TE"),
    (sharing.InvolvementConfirmed, _INVOLVED, _ANY, _CONTINUE, _TASK, "AC", "ours"),
    (sharing.InvolvementEnded, _INVOLVED, _ANY, _CONTINUE, _TASK, "AC", "ours"),
    (sharing.ShareDeclined, _SHARE, _ANY, _PROTECT, _TASK, "A", "DEV-GR"),
    (sharing.Correction, _RECORD, _ANY, _RECORDS, _TASK, "D", "DPA3"),
    (sharing.ObligationRecorded, _ADMIN, frozenset(Kind), _NOTICE, _TASK, "A", "ours"),
    (sharing.LearningPublished, _ADMIN, frozenset({Kind.BOARD}), _LEARN, _TASK, "W", "CUM-QA"),
    (identity.IdentityLinked, _IDENTITY, _CARE, _RECORDS, _TASK, "A", "ours"),
    (identity.IdentityUnlinked, _IDENTITY, _CARE, _RECORDS, _TASK, "A", "ours"),
    (identity.IdentityChanged, _IDENTITY, _CARE | _HEALTH, _RECORDS, _TASK, "A", "PDS-GET"),
    (
        identity.SensitivitySet,
        _IDENTITY,
        frozenset({Kind.SOCIAL_CARE, Kind.POLICE, Kind.GP}),
        _PROTECT,
        _TASK,
        "IB",
        "SFLAG",
    ),
)


def _specs(rows: tuple[_Row, ...]) -> Mapping[str, EventSpec]:
    specs: dict[str, EventSpec] = {}
    for model, event_class, publishers, purpose, basis, themes, source in rows:
        spec = EventSpec(
            type=model.type_name(),
            model=model,
            event_class=event_class,
            publishers=publishers,
            default_purpose=purpose,
            default_basis=basis,
            themes=tuple(Theme(letter) for letter in themes),
            source=source,
        )
        specs[spec.type] = spec
    return MappingProxyType(specs)


CATALOGUE: Final = _specs(_ROWS)
"""Every type by its name."""

_READER: Final = Reader({spec.type: spec.model for spec in CATALOGUE.values()})


def parse_event(data: bytes | Mapping[str, object]) -> Event:
    """Read an event as an author must have written it: known type, known version, nothing unknown.

    Cheap on hostile input: the size is checked before anything is read, and repeated keys are refused.

    Raises:
        EventRefusedError: with a reason code and every fault found, each with its place and what to do.
    """
    return _READER.strictly(data)


def read_event(data: bytes) -> Event | GenericEvent:
    """Read an event as a reader may find it: a later version, an unknown type or unknown fields are kept and shown.

    Raises:
        EventRefusedError: not an event at all, invalid in a field that this version knows, or marked as not to be
            read without a field that this version does not know.
    """
    return _READER.leniently(data)


def spec_of(event: Event) -> EventSpec:
    """The catalogue's entry for an event."""
    return CATALOGUE[event.type]
