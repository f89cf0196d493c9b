"""Who starts each clock that a gateway keeps with what, who owes it, and who meets it with what: a story for each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final

from adapters.gateway.frontdoor.actions import Person
from schemas.calendars import SchoolTerm
from schemas.codes.members import MemberKind
from schemas.default_policy import default_policy
from schemas.ids import GssCode
from schemas.keeping import Keeper, keeper
from tests.support.events import CHILD, CUMBERLAND, MOTHER, WESTMORLAND, a_document, event_id
from tests.support.postroom import PostRoom

POLICY: Final = default_policy()
KEPT: Final = {clock.key: clock for clock in POLICY.clocks if keeper(clock) is Keeper.GATEWAY}
BOTH: Final = (GssCode(CUMBERLAND), GssCode(WESTMORLAND))
CAST: Final = {
    "cumberland": (MemberKind.SOCIAL_CARE, BOTH[:1]),
    "westmorland": (MemberKind.SOCIAL_CARE, BOTH[1:]),
    "school": (MemberKind.SCHOOL, BOTH[:1]),
    "desk": (MemberKind.EDUCATION, BOTH[:1]),
    "health": (MemberKind.HEALTH_PROVIDER, BOTH),
    "practice": (MemberKind.GP, BOTH[:1]),
    "infants": (MemberKind.CHILD_HEALTH, BOTH[:1]),
    "youth": (MemberKind.YOUTH_JUSTICE, BOTH[:1]),
    "help": (MemberKind.EARLY_HELP, BOTH[:1]),
    "police": (MemberKind.POLICE, BOTH),
    "housing": (MemberKind.HOUSING, BOTH[:1]),
    "host": (MemberKind.HOUSING, BOTH[1:]),
}
HERE: Final[dict[str, Any]] = {"residence": {"gss": CUMBERLAND}}
THERE: Final[Mapping[str, Any]] = {"acting_area": WESTMORLAND, "residence": {"gss": WESTMORLAND}}
OWN_WORDS: Final[Mapping[str, Any]] = {
    "purpose": "protect_from_harm",
    "basis": "safeguarding_public_task",
}
WORKER: Final = Person("Rowan Example", "social worker")
TERMS: Final = tuple(
    SchoolTerm(name=f"example term {year}", first=date(year, 1, 1), last=date(year, 12, 31))
    for year in range(2025, 2029)
)


@dataclass(frozen=True, slots=True)
class Story:
    """Who starts a clock with what, who owes it, and who meets it with what."""

    by: str
    starts: str
    owner: str
    details: Mapping[str, Any] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=lambda: HERE)
    met: tuple[str, str, Mapping[str, Any]] | None = None
    """Author, type, fields. None: a reader opens it, or a person says so."""
    opened_by: str | None = None
    before: Callable[[PostRoom], None] = lambda _room: None


def a_plan(room: PostRoom) -> None:
    room["cumberland"].publish(a_document("plan.opened", n=90, **HERE))
    room.settle()


def works_with_the_child(name: str) -> Callable[[PostRoom], None]:
    def involved(room: PostRoom) -> None:
        a_plan(room)
        member = room.exchange.members[name]
        room["cumberland"].actions.involve({"nhs_number": CHILD}, member, WORKER)
        room.settle()

    return involved


def a_noticed_move(room: PostRoom) -> None:
    a_plan(room)
    room["health"].publish(a_document("move.notified", n=91))
    room.settle()


UNBORN: Final[Mapping[str, Any]] = {"unborn": {"mother_nhs_number": MOTHER, "pregnancy_ref": "preg-1"}}


def a_plan_before_birth(room: PostRoom) -> None:
    details = {"plan": "pre_birth", "plan_ref": "pb-1"}
    room["cumberland"].publish(a_document("plan.opened", n=92, subject=dict(UNBORN), details=details, **HERE))
    room.settle()


_BOOKED: Final = Story(
    "health",
    "pregnancy.booked",
    "health",
    details={"concerns": "yes"},
    met=("health", "concern.raised", HERE | {"subject": UNBORN}),
)
_BORN: Final = Story(
    "health",
    "birth.notified",
    "cumberland",
    details={"pregnancy_ref": "preg-1"},
    met=("cumberland", "conference.held", HERE),
    before=a_plan_before_birth,
)
_SEEN: Final[dict[str, Any]] = {"details": {"child_seen_at": "2026-03-02T09:33:00Z"}}
_MOVE = ("health", "move.notified")
LEFT = {"ground": "other_school"}
_BUNDLE = ("school", "handover.bundle", HERE)
_CLOSED = ("cumberland", "concern.closed", HERE)


def sends(name: str, what: str) -> tuple[str, str, Mapping[str, Any]]:
    return name, "counterpart.sent", HERE | {"details": {"what": what}}


def an_agency(name: str, what: str) -> Story:
    """It works with the child, and hears of the move by the front door's grant; somebody else reports it."""
    reporter = "police" if name == "health" else "health"
    return Story(reporter, "move.notified", name, met=sends(name, what), before=works_with_the_child(name))


STORIES: Final[Mapping[str, Story]] = {
    "tell-of-move": Story(*_MOVE, "cumberland", met=("cumberland", "plan.changed", HERE), before=a_plan),
    "tell-plan-team": Story("", "", "cumberland", before=a_noticed_move),
    "short-stay": Story(
        "", "", "cumberland", met=("cumberland", "transfer.requested", HERE), before=a_noticed_move
    ),
    "written-follows": Story(
        "", "", "cumberland", met=("cumberland", "transfer.requested", HERE), before=a_noticed_move
    ),
    "request-after-twelve-weeks": Story(
        "", "", "cumberland", met=("cumberland", "transfer.requested", HERE), before=a_noticed_move
    ),
    "request-handled": Story(
        "cumberland",
        "transfer.requested",
        "westmorland",
        met=("westmorland", "transfer.accepted", THERE),
        before=a_noticed_move,
    ),
    "sudden-move-review": Story(
        *_MOVE,
        "cumberland",
        details={"planned": "no"},
        met=("cumberland", "conference.held", HERE),
        before=a_plan,
    ),
    "placement-notice": Story(
        "cumberland", "placement.out_of_area", "cumberland", details={"emergency": True}, before=a_plan
    ),
    "placement-area-notice": Story(
        "cumberland",
        "placement.out_of_area",
        "cumberland",
        details={"emergency": True},
        before=a_plan,
        opened_by="westmorland",
    ),
    "placement-notice-planned": Story("cumberland", "placement.out_of_area", "cumberland", before=a_plan),
    "placement-area-notice-planned": Story(
        "cumberland", "placement.out_of_area", "cumberland", before=a_plan, opened_by="westmorland"
    ),
    "health-record": an_agency("health", "health_record"),
    "child-health-record": an_agency("infants", "health_record"),
    "practice-record": an_agency("practice", "practice_record"),
    "youth-justice-record": an_agency("youth", "youth_justice_record"),
    "early-help-record": an_agency("help", "early_help_record"),
    "custody-placement-form": Story(
        "youth", "secure.entered", "youth", met=sends("youth", "placement_form"), before=a_plan
    ),
    "sent-file-receipt": Story("school", "counterpart.sent", "school", opened_by="desk"),
    "sent-record-receipt": Story(
        "health", "counterpart.sent", "health", details={"what": "health_record"}, opened_by="infants"
    ),
    "missing-trace": Story(
        "police",
        "missing.family",
        "health",
        met=("police", "missing.ended", HERE),
        before=works_with_the_child("health"),
    ),
    "unknown-whereabouts": Story(
        "cumberland",
        "whereabouts.unknown",
        "cumberland",
        met=("cumberland", "missing.child", HERE),
        before=a_plan,
    ),
    "sighting-decision": Story(
        "health",
        "missing.sighted",
        "cumberland",
        met=("cumberland", "missing.ended", HERE),
        before=a_plan,
    ),
    "complete-purpose": Story(
        "cumberland",
        "missing.child",
        "cumberland",
        met=(
            "cumberland",
            "correction",
            {**HERE, **OWN_WORDS, "supersedes": event_id(1)},
        ),
        before=a_plan,
    ),
    "pre-birth-referral": _BOOKED,
    "pre-birth-referral-late": _BOOKED,
    "after-birth-review": _BORN,
    "after-birth-review-unfit": replace(
        _BORN, details={"pregnancy_ref": "preg-1", "mother_can_attend": "no"}
    ),
    "early-help-after-absence": Story(
        "school",
        "attendance.summary",
        "school",
        details={"possible": 40, "attended": 33},
        met=("school", "eha.declined", HERE),
    ),
    "child-seen": Story(
        "school", "concern.raised", "cumberland", met=("cumberland", "assessment.started", HERE | _SEEN)
    ),
    "child-seen-after-move": Story(
        "",
        "",
        "westmorland",
        met=("westmorland", "voice.recorded", {**THERE, **_SEEN}),
        before=a_noticed_move,
    ),
    "pupil-deleted": Story("school", "school.left", "school", opened_by="desk"),
    "pupil-added": Story("school", "school.joined", "school", opened_by="desk"),
    "absence-ten-days": Story(
        "school", "cme.reported", "school", details={"last_seen_on": "2026-03-02"}, opened_by="desk"
    ),
    "whereabouts-enquiry": Story(
        "school",
        "cme.reported",
        "school",
        details={"last_seen_on": "2026-03-02"},
        met=("school", "school.left", HERE),
    ),
    "common-transfer-file": Story("school", "school.left", "school", details=LEFT, met=_BUNDLE),
    "protection-file": Story("school", "school.left", "school", details=LEFT, met=_BUNDLE),
    "protection-file-receipt": Story("school", "school.left", "school", details=LEFT),
    "adopted-registration": Story(
        "practice", "identity.changed", "practice", details={"change": "adopted", "previous": None}
    ),
    "housing-notice": Story(
        "housing",
        "temp_accommodation.placed",
        "housing",
        details={"from_area": CUMBERLAND},
        opened_by="host",
        before=a_plan,
    ),
    "encompass": Story("police", "da.incident", "police", opened_by="desk"),
    "referral-decision": Story("school", "concern.raised", "cumberland", met=_CLOSED),
    "assessment": Story("school", "concern.raised", "cumberland", met=_CLOSED),
    "initial-conference": Story(
        "school",
        "concern.raised",
        "cumberland",
        details={"strategy_discussion_on": "2026-03-02"},
        met=("cumberland", "conference.held", HERE),
    ),
}
NOT_YET: Final = {"housing-213aa"}
"""Awaits commencement: nothing starts it before its day."""
