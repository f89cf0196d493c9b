"""What happened before the move: several agencies' events about one fictitious child, as their systems would send them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from adapters.demo.cast import Child, Place

SOCIAL_WORKER = {"name": "Rowan Example", "role": "social worker", "agency": "children's social care"}
NEW_ADULT = {
    "adult_ref": "A-3",
    "relation": "mother's new partner",
    "statement": "Has stayed at the address since the spring.",
    "standing": "observed",
    "source": "attended for another matter",
}
PUPIL_OF_NO_CONCERN = "N909999919003"


@dataclass(frozen=True, slots=True)
class Scene:
    """One event of the history: who sends it, and in words what it is, for the screen."""

    author: str
    says: str
    document: dict[str, Any]


def before_the_link(child: Child, old: Place, now: datetime) -> Iterator[Scene]:
    """Events up to the point where the school's pupil and the health record are still two strangers."""
    by_nhs = _subject(child, nhs_number=child.nhs_number)
    by_upn = _subject(child, upn=child.upn)
    yield Scene(
        "old",
        "opens a child-in-need plan (by NHS number)",
        _event(
            "plan.opened",
            by_nhs | {"case_ref": "DEMO-0001"},
            old,
            now - timedelta(days=120),
            {
                "plan": "child_in_need",
                "plan_ref": "CIN-1",
                "manager": SOCIAL_WORKER,
                "started_on": _day(now, 120),
            },
        ),
    )
    yield Scene(
        "health",
        "records a missed appointment (by NHS number)",
        _event(
            "appointment.missed",
            by_nhs,
            old,
            now - timedelta(days=60),
            {
                "service": "health visiting",
                "kind": "was_not_brought",
                "missed_at": _moment(now, 60),
                "count": 2,
            },
        ),
    )
    yield Scene(
        "school",
        "opens an early help assessment (by UPN only)",
        _event(
            "eha.opened",
            by_upn,
            old,
            now - timedelta(days=45),
            {
                "episode_ref": "EHA-7",
                "opened_on": _day(now, 45),
                "lead": {"role": "designated safeguarding lead"},
                "why": "Often late, and tired.",
            },
        ),
    )


def after_the_link(child: Child, old: Place, now: datetime) -> Iterator[Scene]:
    """Events once a named person has decided that both are one child."""
    by_nhs = _subject(child, nhs_number=child.nhs_number)
    by_upn = _subject(child, upn=child.upn)
    yield Scene(
        "school",
        "reports attendance of 101 in 119 sessions (by UPN)",
        _event(
            "attendance.summary",
            by_upn,
            old,
            now - timedelta(days=30),
            {
                "school": {"name": "Example primary school"},
                "starts": _day(now, 120),
                "ends": _day(now, 30),
                "possible": 119,
                "attended": 101,
                "unauthorised": 9,
                "plan_in_place": "no",
            },
        ),
    )
    yield Scene(
        "police",
        "tells of a new adult in the home (by NHS number)",
        _event(
            "household.changed",
            by_nhs,
            old,
            now - timedelta(days=20),
            {"change": "joined", "adult": NEW_ADULT | {"review_by": _day(now, -60)}},
        ),
    )
    yield Scene(
        "old",
        "writes down the child's own words",
        _event(
            "voice.recorded",
            by_nhs | {"case_ref": "DEMO-0001"},
            old,
            now - timedelta(days=10),
            {
                "voice": {
                    "words": "I like it when nan is there.",
                    "setting": "home visit",
                    "on": _day(now, 10),
                }
            },
        ),
    )


def of_no_concern(old: Place, now: datetime) -> Scene:
    """Another pupil's attendance: routine, no open matter, so nothing of it may stay at the broker."""
    document = _event(
        "attendance.summary",
        {"upn": PUPIL_OF_NO_CONCERN, "given_name": "Robin", "family_name": "Nomatter"},
        old,
        now - timedelta(days=1),
        {
            "school": {"name": "Example primary school"},
            "starts": _day(now, 60),
            "ends": _day(now, 1),
            "possible": 80,
            "attended": 79,
            "unauthorised": 0,
            "plan_in_place": "no",
        },
    )
    return Scene("school", "reports a pupil whom no agency worries about", document)


def _subject(child: Child, **identifier: str) -> dict[str, Any]:
    return identifier | {
        "given_name": child.given_name,
        "family_name": child.family_name,
        "date_of_birth": child.date_of_birth,
    }


def _event(
    kind: str, subject: dict[str, Any], area: Place, at: datetime, details: dict[str, Any]
) -> dict[str, Any]:
    return {
        "type": kind,
        "occurred_at": at.isoformat(),
        "recorded_at": at.isoformat(),
        "subject": subject,
        "acting_area": area.gss,
        "residence": {"gss": area.gss},
        "details": details,
    }


def _day(now: datetime, ago: int) -> str:
    return (now - timedelta(days=ago)).date().isoformat()


def _moment(now: datetime, ago: int) -> str:
    return (now - timedelta(days=ago)).isoformat()
