"""From one service to the next inside one area: asked, accepted or refused by named people; nothing moves between areas."""

from dataclasses import dataclass
from typing import Any

from adapters.gateway.frontdoor.actions import Person
from adapters.gateway.home import Home
from adapters.gateway.sending.drafting import draft
from broker.calendars import day_of
from schemas.codes.cases import ClockStart, DeclineReason, HandoverKind, PlanKind


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the other service does not take it on."""

    reason: DeclineReason
    because: str


def asked(home: Home, subject: dict[str, Any], by: Person, plan: PlanKind) -> dict[str, Any]:
    """The event by which one service asks another. Raises NotAFrontDoorError."""
    details = {"plan": plan.value, "kind": HandoverKind.SERVICE.value, "by": by.document()}
    return _inside(home, "transfer.requested", subject, details)


def answered(
    home: Home, subject: dict[str, Any], by: Person, plan: PlanKind, refusal: Refusal | None
) -> dict[str, Any]:
    """The event by which the other one takes it on, or does not. Raises NotAFrontDoorError."""
    if refusal is not None:
        details = {"by": by.document(), "reason": refusal.reason.value, "because": refusal.because}
        return _inside(home, "transfer.refused", subject, details)
    details = {
        "plan": plan.value,
        "by": by.document(),
        "accepted_on": day_of(home.clock()).isoformat(),
        "clock_start": ClockStart.ACCEPTED.value,
    }
    return _inside(home, "transfer.accepted", subject, details)


def _inside(home: Home, kind: str, subject: dict[str, Any], details: dict[str, Any]) -> dict[str, Any]:
    area = home.own_area
    return draft(home, kind, subject, area, details | {"from_area": area, "to_area": area}, residence=area)
