"""A valid example of every event type; a test overrides what matters to it. All people are fictitious."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from schemas.catalogue import CATALOGUE, parse_event
from schemas.events.base import Event
from schemas.ids import EventId

NOW: Final = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
CUMBERLAND: Final = "E06000063"
WESTMORLAND: Final = "E06000064"
CHILD: Final = "9990000018"
SIBLING: Final = "9990000026"
MOTHER: Final = "9990000034"
PUPIL: Final = "E909999923001"

Document = dict[str, Any]

_WORKER: Final[Document] = {"name": "Rowan Example", "role": "social worker", "agency": "Example Council"}
_ADULT: Final[Document] = {
    "adult_ref": "adult-7",
    "relation": "mother's partner",
    "statement": "Moved in at the start of the year.",
    "standing": "childs_words",
    "source": "home visit",
    "review_by": "2026-06-01",
}
_WORDS: Final[Document] = {"words": "I like it when nan is there.", "setting": "school", "on": "2026-02-27"}
_VOICE: Final[Document] = {"words": _WORDS}
_SCHOOL: Final[Document] = {"urn": "112345", "name": "Example Primary"}
_BETWEEN: Final[Document] = {"from_area": CUMBERLAND, "to_area": WESTMORLAND}
_PLAN: Final[Document] = {
    "plan": "child_protection",
    "plan_ref": "plan-1",
    "initial_category": "NEG",
    "latest_category": "EMO",
    "manager": _WORKER,
}
_BECAUSE: Final = "Because of what was seen on the visit."
_AT: Final = "2026-03-01T08:00:00Z"
_LINK: Final[Document] = {
    "identities": [{"nhs_number": CHILD}, {"upn": PUPIL}],
    "decided_by": _WORKER,
    "decided_at": _AT,
    "why": "Birth certificate and school roll compared.",
}

DETAILS: Final[Mapping[str, Document]] = {
    "move.notified": _BETWEEN
    | {"kind": "permanent", "reason": "housing", "known_at": _AT, "moved_on": "2026-02-28"},
    "move.destination_withheld": _BETWEEN | {"known_at": _AT, "authority": "service manager"},
    "placement.out_of_area": _BETWEEN | {"legal_status": "C2", "placement": "U6", "starts": "2026-03-01"},
    "temp_accommodation.placed": {
        "from_area": "E07000119",
        "to_area": WESTMORLAND,
        "function": "interim duty to accommodate",
        "available_from": "2026-03-01",
        "others_in_household": 2,
    },
    "transfer.requested": _BETWEEN | {"plan": "child_protection", "missing_from_pack": ["chronology"]},
    "transfer.accepted": _BETWEEN
    | {"plan": "child_protection", "by": _WORKER, "accepted_on": "2026-03-01", "clock_start": "notified"},
    "transfer.refused": _BETWEEN | {"by": _WORKER, "reason": "temporary_stay", "because": _BECAUSE},
    "responsibility.accepted": _BETWEEN
    | {"effective_at": _AT, "handing_over": _WORKER, "taking_on": _WORKER},
    "handover.bundle": _BETWEEN
    | {
        "agency": "school",
        "chronology": [
            {"on": "2025-11-03", "what": "Came to school without a coat.", "source": "class teacher"}
        ],
        "adults_in_contact": {"listed": [_ADULT]},
        "voice": _VOICE,
    },
    "handover.released": _BETWEEN | {"by": _WORKER},
    "handover.glass_broken": _BETWEEN
    | {"by": _WORKER, "live": "section_47", "reason": "old_area_silent", "because": _BECAUSE},
    "order.reviewed": {
        "order_ref": "00" * 16,
        "reader": "m-abcdefgh27",
        "decision": "uphold",
        "because": _BECAUSE,
        "by": _WORKER,
    },
    "handover.verified": _BETWEEN | {"events": 5, "verified_at": _AT},
    "handover.accepted": _BETWEEN | {"by": _WORKER, "effective_at": _AT},
    "handover.declined": _BETWEEN | {"by": _WORKER, "reason": "papers_missing", "because": _BECAUSE},
    "handover.withdrawn": _BETWEEN | {"by": _WORKER, "because": _BECAUSE},
    "handover.contested": _BETWEEN | {"by": _WORKER, "because": _BECAUSE},
    "handover.closed": _BETWEEN | {"by": _WORKER, "closed_on": "2026-03-01", "closure_reason": "RC5"},
    "return_or_retain.decided": _BETWEEN | {"decision": "return", "because": _BECAUSE, "by": _WORKER},
    "plan.opened": _PLAN | {"started_on": "2026-03-01"},
    "plan.changed": _PLAN
    | {"changed_on": "2026-03-01", "what": "Category changed.", "category_risk_closed": "no"},
    "plan.closed": _PLAN | {"ended_on": "2026-03-01", "reason": "RC5"},
    "plan.joint_review_recorded": {
        "plans": ["child_protection", "youth_justice"],
        "held_on": "2026-03-01",
        "present": [_WORKER],
        "agreed_risks": "Exploitation.",
    },
    "conference.held": {"kind": "transfer_in", "held_on": "2026-03-01", "on_plan": True, "category": "NEG"},
    "concern.raised": {"concern_ref": "ref-9", "source": "2A", "received_on": "2026-03-01", "what": _BECAUSE},
    "concern.closed": {"concern_ref": "ref-9", "closed_on": "2026-03-01", "reason": "RC8"},
    "assessment.started": {"assessment": "single", "assessment_ref": "ass-3", "started_on": "2026-03-01"},
    "assessment.completed": {
        "assessment": "single",
        "assessment_ref": "ass-3",
        "completed_on": "2026-03-01",
        "factors": [{"factor": "16A"}, {"factor": "1B", "standing": "opinion"}],
        "history_considered": "yes",
        "family_tree": "no",
        "outcome": "child_in_need_plan",
    },
    "reappraisal.recorded": {"decision": "dismissed", "why": _BECAUSE, "by": _WORKER},
    "voice.recorded": {"voice": _WORDS},
    "household.changed": {"change": "joined", "adult": _ADULT},
    "engagement.changed": {"level": "avoiding", "service": "health visiting", "evidence": _BECAUSE},
    "substance.concern": {"factor": "2B", "adult": _ADULT},
    "eha.opened": {"episode_ref": "eha-4", "opened_on": "2026-03-01", "lead": _WORKER},
    "eha.declined": {
        "declined_on": "2026-03-01",
        "declined_by": "parent",
        "reason": "Does not want a meeting.",
    },
    "eha.stuck": {"episode_ref": "eha-4", "since": "2026-01-01", "why": "Nobody leads it."},
    "eha.closed": {"episode_ref": "eha-4", "closed_on": "2026-03-01", "outcome": "needs met"},
    "school.joined": {"school": _SCHOOL, "joined_on": "2026-03-01"},
    "school.left": {"school": _SCHOOL, "left_on": "2026-03-01", "ground": "other_school"},
    "attendance.summary": {
        "school": _SCHOOL,
        "starts": "2026-01-05",
        "ends": "2026-02-27",
        "possible": 80,
        "attended": 70,
        "unauthorised": 4,
        "plan_in_place": "no",
    },
    "attendance_plan.reviewed": {"school": _SCHOOL, "due": "2026-03-01", "why_not_held": "Nobody came."},
    "exclusion.recorded": {"school": _SCHOOL, "kind": "suspension", "starts": "2026-03-01", "sessions": 4},
    "cme.reported": {"last_school": _SCHOOL, "enquiries": ["called the last known number"]},
    "transition_plan.published": {
        "from_school": _SCHOOL,
        "to_school": {"dfe_number": "9094000"},
        "success_criteria": ["Arrives on time."],
        "review_dates": ["2026-10-01"],
        "voice": _VOICE,
    },
    "appointment.missed": {"service": "paediatrics", "kind": "was_not_brought", "missed_at": _AT, "count": 2},
    "health.presentation": {"place": "emergency department", "injury": True, "what": "Bruise on the arm."},
    "pregnancy.booked": {
        "expected_on": "2026-08-01",
        "booked_on": "2026-03-01",
        "mother_care_leaver": "yes",
        "mother_own_history": "unknown",
    },
    "birth.notified": {"mother_nhs_number": MOTHER, "born_at": _AT, "birth_weight_grams": 3100},
    "disability_need.changed": {"disabilities": ["AUT"], "what": "Needs a quiet room."},
    "gp.changed": {"practice": "A82001", "previous_practice": "A82002"},
    "death.notified": {"died_on": "2026-03-01", "status": "formal"},
    "record.changed": {"change": "name", "fields": ["family_name"]},
    "professional_contacts.changed": {
        "contacts": [{"service": "Health visiting service", "organisation": "A83627"}]
    },
    "adult_risk.disclosed": {"adult": _ADULT, "nature": "violence", "disclosure_decided_by": _WORKER},
    "da.incident": {
        "police_ref": "CP-0001",
        "incident_at": _AT,
        "children_present": "yes",
        "circumstances": "Shouting heard by neighbours.",
        "dash_score": 9,
    },
    "marac.listed": {"marac_ref": "M-12", "score": 15},
    "marac.transferred": _BETWEEN | {"marac_ref": "M-12"},
    "missing.child": {"report_ref": "mis-5", "last_seen_at": _AT, "risk": "medium"},
    "missing.family": {"report_ref": "mis-6", "pregnant": "yes", "alert_areas": [WESTMORLAND]},
    "missing.sighted": {"seen_at": _AT, "safe_and_well": "yes"},
    "missing.ended": {"report_ref": "mis-5", "ended_at": _AT, "outcome": "found", "safe_and_well": "yes"},
    "missing.found": {"safe_and_well": "yes", "because": _BECAUSE, "by": _WORKER},
    "whereabouts.recorded": {
        "outcome": "usual_place",
        "area": WESTMORLAND,
        "rule": "contact_elsewhere",
        "because": _BECAUSE,
        "by": _WORKER,
    },
    "whereabouts.unknown": {
        "since": "2026-03-01",
        "tried": ["visited twice"],
        "next_step": "ask the school",
        "owner": _WORKER,
    },
    "encompass.passed_on": {
        "to_member": "m-abcdefgh27",
        "rests_on": "0198f2a0-5c00-7a4b-8c1d-2e3f4a5b6c7d",
        "incident_on": "2026-03-01",
        "children_present": "yes",
        "circumstances": "Shouting heard by neighbours.",
    },
    "counterpart.sent": {
        "to_member": "m-abcdefgh27",
        "what": "protection_file",
        "items": [{"title": "Child protection file"}],
        "contact": _WORKER,
    },
    "yj.disposal": {
        "order": "referral order",
        "starts": "2026-03-01",
        "supervised_by": _WORKER,
        "home_area": CUMBERLAND,
    },
    "yj.licence": {
        "order": "licence",
        "starts": "2026-03-01",
        "supervised_by": _WORKER,
        "home_area": CUMBERLAND,
    },
    "secure.entered": {
        "establishment": "Example House",
        "entered_on": "2026-03-01",
        "footing": "remand",
        "home_area": CUMBERLAND,
        "host_area": "E06000047",
    },
    "secure.leaving": {
        "establishment": "Example House",
        "leaves_on": "2026-04-01",
        "release_area": CUMBERLAND,
    },
    "involvement.declared": {"agency": "school", "since": "2025-09-01", "contact": _WORKER},
    "involvement.confirmed": {"member": "m-abcdefgh27", "agency": "school", "by": _WORKER},
    "involvement.ended": {"agency": "school", "until": "2026-03-01"},
    "share.declined": {
        "what": "old medical notes",
        "from_whom": "school",
        "reason": "Not needed for the school's part.",
        "decided_by": _WORKER,
        "review_on": "2026-06-01",
    },
    "correction": {"what": "The wrong school was named.", "changed_fields": ["details.school"]},
    "obligation.recorded": {
        "kind": "transfer-in conference",
        "obligation_ref": "ob-1",
        "opened_at": _AT,
        "due_at": "2026-03-22T17:00:00Z",
    },
    "learning.published": {
        "themes": ["B", "R"],
        "title": "When families move",
        "learning": "Ask where the child is.",
    },
    "identity.linked": _LINK | {"evidence": ["official_document"]},
    "identity.unlinked": _LINK | {"link": "0198f2a0-5c00-7a4b-8c1d-2e3f4a5b6c7d"},
    "identity.changed": {"change": "superseded", "previous": {"nhs_number": SIBLING}},
    "sensitivity.set": {"scope": ["address"], "starts_at": _AT, "authority": _WORKER},
}
"""Details of a valid event, by type."""

_SPECIAL: Final[Mapping[str, Document]] = {
    "move.destination_withheld": {"sensitivity": "sensitive"},
    "pregnancy.booked": {"subject": {"unborn": {"mother_nhs_number": MOTHER, "pregnancy_ref": "preg-1"}}},
    "correction": {"supersedes": "0198f2a0-5c00-7a4b-8c1d-2e3f4a5b6c7d"},
    "learning.published": {"subject": {"nobody": True}},
}


def event_id(n: int = 1, at: datetime = NOW) -> EventId:
    """The n-th of a repeatable series of ids."""
    return EventId.new(at, random.Random(n).randbytes)


def a_document(
    kind: str, *, n: int = 1, details: Mapping[str, Any] | None = None, **override: Any
) -> Document:
    """An event of this type as its author would send it, with these fields instead; None leaves a field out.

    ``details`` is laid over the example's own, field by field.
    """
    document = {
        "version": "1",
        "type": kind,
        "id": str(event_id(n)),
        "occurred_at": NOW.isoformat(),
        "recorded_at": NOW.isoformat(),
        "subject": {"nhs_number": CHILD},
        "acting_area": CUMBERLAND,
    }
    document |= _SPECIAL.get(kind, {}) | override
    document["details"] = _present({**DETAILS[kind], **(details or {})})
    return _present(document)


def an_event(
    kind: str = "move.notified", *, n: int = 1, details: Mapping[str, Any] | None = None, **override: Any
) -> Event:
    """A valid event of this type; see ``a_document``."""
    return parse_event(a_document(kind, n=n, details=details, **override))


def every_type() -> list[str]:
    """The names of all types in the catalogue."""
    return sorted(CATALOGUE)


def _present(document: Mapping[str, Any]) -> Document:
    return {field: value for field, value in document.items() if value is not None}
