"""Facts as cue rules read them, each with a life of its own: a test says what matters."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final

from adapters.gateway.cues.facts import Fact
from adapters.gateway.cues.findings import Finding
from adapters.gateway.cues.rules import findings
from broker.calendars import end_of_day
from broker.clock import to_ms
from schemas.cues import CueRule
from schemas.default_policy import default_policy

DAY: Final = date(2026, 3, 2)
"""A Monday."""
CUES: Final = default_policy().cues
assert CUES is not None
RULES: Final = CUES.rules
BY_KEY: Final = {rule.key: rule for rule in RULES}
CHILD: Final = b"child handle 001"
NAME: Final = b"token of a child"
_SAID: Final[dict[str, dict[str, Any]]] = {
    "household.changed": {"new_adult": True},
    "appointment.missed": {"kind": "was_not_brought"},
    "attendance.summary": {"possible": 100, "attended": 80},
    "health.presentation": {
        "injury": True,
        "still": True,
        "known_still": True,
        "provider": "",
        "under_one": True,
    },
    "plan.opened": {"plan": "child_protection", "ref": "plan-1"},
    "plan.changed": {"plan": "child_protection", "ref": "plan-1"},
    "plan.closed": {"plan": "child_protection", "ref": "plan-1", "reason": "RC7"},
    "assessment.started": {"enquiry": True},
    "assessment.completed": {"history": "yes", "tree": "yes", "sources": 2},
    "move.notified": {"from": "", "to": "place-b", "reason": "housing"},
    "temp_accommodation.placed": {"from": "", "to": "place-t", "reason": ""},
    "engagement.changed": {"level": "engaged"},
    "eha.opened": {"ref": "eha-1"},
    "eha.declined": {"ref": "eha-1"},
    "eha.closed": {"ref": "eha-1"},
}


def a_fact(kind: str, day: int = 0, name: str = "", /, *, author: str = "m-health", **said: Any) -> Fact:
    """One of this type, so many days after ``DAY``; ``name`` tells two of one day apart. ``over``: fields of the fact."""
    over: dict[str, Any] = said.pop("over", {})
    on = DAY + timedelta(days=day)
    values: dict[str, Any] = {
        "event": f"{kind} {day} {name}".encode().ljust(16)[-24:],
        "type": kind,
        "author": author,
        "on": on,
        "taken_ms": to_ms(end_of_day(on)) - 12 * 3_600_000,
        "area": "E06000063",
        "names": (NAME,),
        "child": CHILD,
        "said": _SAID.get(kind, {"ref": f"ref {day} {name}"} if kind == "da.incident" else {}) | said,
    }
    return Fact(**(values | over))


def find(key: str, facts: Sequence[Fact], day: int = 0, **numbers: Any) -> list[Finding]:
    """What one rule finds, with its default numbers or these, so many days after ``DAY``."""
    rule: CueRule = BY_KEY[key].model_copy(update=numbers)
    return findings(facts, [rule], DAY + timedelta(days=day))


def fires(key: str, facts: Sequence[Fact], day: int = 0, **numbers: Any) -> bool:
    """Whether it finds anything."""
    return bool(find(key, facts, day, **numbers))
