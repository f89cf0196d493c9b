"""What is live for a child by one's own record: plans, enquiries, orders. Pure: documents in, codes out.

The words of a member whom the answer would serve count for nothing: no evidence releases anything to its author.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any, Final

from adapters.gateway.record.reading import Read
from schemas.codes.cases import LiveStatus

RECENT: Final = timedelta(days=183)
"""How long after its end a protection plan still counts [P-EOE]: six months."""
_PLANS: Final[Mapping[str, LiveStatus]] = {
    "child_protection": LiveStatus.CHILD_PROTECTION_PLAN,
    "pre_birth": LiveStatus.CHILD_PROTECTION_PLAN,
    "child_in_need": LiveStatus.CHILD_IN_NEED,
    "looked_after": LiveStatus.LOOKED_AFTER,
    "early_help": LiveStatus.EARLY_HELP,
}
_STATES: Final = frozenset(status.value for status in LiveStatus)


def live_in(record: Iterable[Read], on: date, *, not_by: str | None = None) -> frozenset[LiveStatus]:
    """What is live for a child that day; nothing that ``not_by`` alone says."""
    open_now: dict[tuple[str, str], LiveStatus] = {}
    said: set[LiveStatus] = set()
    recent = False
    for read in sorted(record, key=lambda read: str(read.document.get("recorded_at", ""))):
        if read.author == not_by:
            continue
        details = read.document.get("details", {})
        match read.type:
            case "plan.opened" | "plan.changed":
                plan = _PLANS.get(str(details.get("plan")))
                if plan is not None:
                    open_now[read.author, f"plan {details.get('plan_ref')}"] = plan
            case "plan.closed":
                ended = open_now.pop((read.author, f"plan {details.get('plan_ref')}"), None)
                protected = (
                    ended is LiveStatus.CHILD_PROTECTION_PLAN or details.get("plan") == "child_protection"
                )
                recent |= protected and _within(details.get("ended_on"), on)
            case "assessment.started":
                enquiry = details.get("assessment") in {"section_47", "section_37"}
                status = LiveStatus.SECTION_47 if enquiry else LiveStatus.ASSESSMENT
                open_now[read.author, f"assessment {details.get('assessment_ref')}"] = status
            case "assessment.completed":
                open_now.pop((read.author, f"assessment {details.get('assessment_ref')}"), None)
            case "eha.opened":
                open_now[read.author, f"eha {details.get('episode_ref')}"] = LiveStatus.EARLY_HELP
            case "eha.closed":
                open_now.pop((read.author, f"eha {details.get('episode_ref')}"), None)
            case _:
                said |= _said(details)
    found = set(open_now.values()) | said
    return frozenset(found | ({LiveStatus.RECENT_PROTECTION_PLAN} if recent else set()))


def _said(details: Mapping[str, Any]) -> set[LiveStatus]:
    """What a report of a move, or of somebody missing, says is live."""
    named = details.get("live")
    return {LiveStatus(one) for one in named if one in _STATES} if isinstance(named, list) else set()


def _within(ended: object, on: date) -> bool:
    try:
        return on - date.fromisoformat(str(ended)) <= RECENT
    except ValueError:
        return False
