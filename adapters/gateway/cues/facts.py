"""The few facts that cue rules read, taken from an event once: what kind, which day, some codes. No words of anybody's."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from broker.calendars import day_of
from schemas import canonical
from schemas.codes.cases import AssessmentKind, Mobility
from schemas.events.base import Event, Residence
from schemas.events.education import AttendanceDetails
from schemas.events.health import under_one_year
from schemas.wire import MatterEffect

Said: TypeAlias = Mapping[str, Any]
"""Codes and counts by name: text, whole numbers, yes or no, lists of text."""
Keyed: TypeAlias = Callable[[str], str]
"""A keyed hash that nobody outside this gateway can make: stands for a place or a reference."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One event as rules need it. ``names``: keyed pseudonyms of whom it is about, the strongest identifier first.

    ``taken_ms`` is when the router took it, or when it came here as part of a granted history.
    """

    event: bytes
    type: str
    author: str
    on: date
    taken_ms: int
    area: str
    """The area that it makes the case holder, by what it says: see ``record.cueing``."""
    names: tuple[bytes, ...] = ()
    child: bytes | None = None
    """The router's handle. None: the child had no open matter when it came."""
    history: bool = False
    """It came with a handover: it counts, and is no news."""
    opens: bool = False
    """It opens a matter."""
    supersedes: bytes | None = None
    said: Said = field(default_factory=dict)

    @property
    def lasts(self) -> bool:
        """Whether it is kept however old it is: plans, early help, and what says who is who."""
        return self.type.startswith(("plan.", "identity.", "eha."))

    def to_bytes(self) -> bytes:
        """All but the handle, which is kept beside it."""
        row = [self.event, self.type, self.author, self.on.isoformat(), self.taken_ms, self.area]
        row += [list(self.names), self.history, self.opens, self.supersedes, dict(self.said)]
        return canonical.encode(row)

    @classmethod
    def from_bytes(cls, data: bytes, child: bytes | None) -> "Fact":
        """Read what this gateway wrote itself."""
        event, kind, author, on, taken_ms, area, names, history, opens, before, said = canonical.decode(data)
        return cls(
            event,
            kind,
            author,
            date.fromisoformat(on),
            taken_ms,
            area,
            tuple(names),
            child,
            history,
            opens,
            before,
            said,
        )


def bears_on_cues(event_type: str) -> bool:
    """Whether some rule reads events of this type."""
    return event_type in _READ


def opens_matter(event: Event) -> bool:
    """Whether an event opens a matter."""
    return event.matter.effect is MatterEffect.OPEN


def said_in(event: Event, keyed: Keyed) -> tuple[date, Said]:
    """The day that an event is about, and its codes. The type must bear on cues."""
    on, said = _READ[event.type](event, event.details, keyed)
    if isinstance(on, datetime):
        on = day_of(on)
    return on or day_of(event.occurred_at), said


_Read: TypeAlias = Callable[[Event, Any, Keyed], tuple[date | datetime | None, Said]]


def place(residence: Residence | None, area: str | None, keyed: Keyed) -> str:
    """One spelling of where somebody lives: by postcode, else by address, else by area; empty where nothing is said.

    Another spelling of the same postcode or address is the same place [NEMS-COA].
    """
    if residence is not None and residence.postcode is not None:
        return keyed(f"postcode {residence.postcode}")
    if residence is not None and residence.address:
        return keyed("address " + re.sub(r"[\W_]+", "", " ".join(residence.address).casefold()))
    gss = area or (None if residence is None else residence.gss)
    return "" if gss is None else f"area {gss}"


def _household(_event: Event, details: Any, _keyed: Keyed) -> tuple[date | None, Said]:
    arrives = details.change in {"joined", "regular_visitor", "relationship_began"}
    return None, {"new_adult": arrives and details.adult is not None}


def _missed(_event: Event, details: Any, _keyed: Keyed) -> tuple[datetime, Said]:
    return details.missed_at, {"kind": details.kind}


def _attendance(_event: Event, details: AttendanceDetails, _keyed: Keyed) -> tuple[date, Said]:
    return details.ends, {"possible": details.possible, "attended": details.attended}


def _presentation(event: Event, details: Any, keyed: Keyed) -> tuple[None, Said]:
    born = event.subject.date_of_birth
    still = details.mobility in {Mobility.NOT_MOBILE, Mobility.UNKNOWN}
    said: dict[str, Any] = {"injury": details.injury, "still": still}
    said["known_still"] = details.mobility is Mobility.NOT_MOBILE
    said["provider"] = "" if details.provider is None else keyed(f"provider {details.provider}")
    if born is not None:
        said["under_one"] = under_one_year(born, event.occurred_at)
        said["born"] = born.isoformat()
    elif details.under_one is not None:
        said["under_one"] = details.under_one
    return None, said


def _plan(_event: Event, details: Any, keyed: Keyed) -> tuple[date | None, Said]:
    said: dict[str, Any] = {"plan": details.plan.value, "ref": keyed(f"plan {details.plan_ref}")}
    for name in ("initial_category", "latest_category", "category_risk_closed", "reason"):
        value = getattr(details, name, None)
        if value is not None:
            said[name] = value.value
    if (before := getattr(details, "previous_protection_plans", None)) is not None:
        said["before"] = before
    days = (getattr(details, name, None) for name in ("started_on", "changed_on", "ended_on"))
    return next((day for day in days if day is not None), None), said


def _assessment_started(_event: Event, details: Any, _keyed: Keyed) -> tuple[date, Said]:
    enquiry = details.assessment in {AssessmentKind.SECTION_47, AssessmentKind.SECTION_37}
    return details.started_on, {"enquiry": enquiry}


def _assessed(_event: Event, details: Any, _keyed: Keyed) -> tuple[date, Said]:
    said = {"history": details.history_considered.value, "tree": details.family_tree.value}
    return details.completed_on, said | {"sources": len(set(details.sources))}


def _move(event: Event, details: Any, keyed: Keyed) -> tuple[date | None, Said]:
    movement = event.movement
    from_area = None if movement is None else movement.from_area
    to_area = None if movement is None else movement.to_area
    said = {
        "from": place(getattr(details, "from_place", None), from_area, keyed),
        "to": place(getattr(details, "to_place", None), to_area, keyed),
        "reason": getattr(getattr(details, "reason", None), "value", ""),
    }
    days = (getattr(details, name, None) for name in ("moved_on", "available_from"))
    return next((day for day in days if day is not None), None), said


def _incident(_event: Event, details: Any, keyed: Keyed) -> tuple[datetime, Said]:
    return details.incident_at, {"ref": keyed(f"police {details.police_ref}")}


def _engagement(_event: Event, details: Any, _keyed: Keyed) -> tuple[None, Said]:
    return None, {"level": details.level.value}


def _eha(_event: Event, details: Any, keyed: Keyed) -> tuple[date | None, Said]:
    days = (getattr(details, name, None) for name in ("opened_on", "declined_on", "closed_on"))
    ref = getattr(details, "episode_ref", None)
    return next((day for day in days if day is not None), None), {"ref": keyed(f"episode {ref}")}


def _starts(_event: Event, details: Any, _keyed: Keyed) -> tuple[date, Said]:
    return details.starts, {}


def _voice(_event: Event, details: Any, _keyed: Keyed) -> tuple[date | None, Said]:
    return getattr(details.voice, "on", None), {}


def _received(_event: Event, details: Any, _keyed: Keyed) -> tuple[date, Said]:
    return details.received_on, {}


def _unlinked(_event: Event, details: Any, _keyed: Keyed) -> tuple[None, Said]:
    return None, {"link": details.link.raw.hex()}


def _plain(_event: Event, _details: Any, _keyed: Keyed) -> tuple[None, Said]:
    return None, {}


_READ: Final[Mapping[str, _Read]] = MappingProxyType(
    {
        "household.changed": _household,
        "appointment.missed": _missed,
        "attendance.summary": _attendance,
        "health.presentation": _presentation,
        "plan.opened": _plan,
        "plan.changed": _plan,
        "plan.closed": _plan,
        "assessment.started": _assessment_started,
        "assessment.completed": _assessed,
        "concern.raised": _received,
        "move.notified": _move,
        "move.destination_withheld": _move,
        "temp_accommodation.placed": _move,
        "da.incident": _incident,
        "engagement.changed": _engagement,
        "eha.opened": _eha,
        "eha.declined": _eha,
        "eha.closed": _eha,
        "substance.concern": _plain,
        "exclusion.recorded": _starts,
        "yj.disposal": _starts,
        "voice.recorded": _voice,
        "correction": _plain,
        "identity.linked": _plain,
        "identity.unlinked": _unlinked,
        "reappraisal.recorded": _plain,
    }
)
