"""What is owed in a handover, by whom, until when, and by which rule. Pure; the router stores and fires it."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from broker.clock import from_ms, to_ms
from broker.handover.calendars import due_after_working_days
from broker.handover.machine import Handover, State
from schemas.wire import Urgency


class Owed(StrEnum):
    """What somebody owes."""

    RELEASE = "release"
    GRANTS = "grants"
    ACCEPTANCE = "acceptance"
    CONFERENCE = "conference"


@dataclass(frozen=True, slots=True)
class Deadline:
    """One thing owed by the front door of ``area`` until ``due_ms``; ``reason`` names the rule to both sides."""

    kind: Owed
    area: str
    due_ms: int
    reason: str


RELEASE_UNPLANNED = timedelta(hours=24)
GRANTS_URGENT = timedelta(minutes=1)
GRANTS_NORMAL = timedelta(minutes=10)
ACCEPTANCE_WORKING_DAYS = 15


def when_noticed(handover: Handover) -> tuple[Deadline, ...]:
    """A move was noticed: the old side shares everything relevant, the new side decides."""
    opened = from_ms(handover.opened_ms)
    if handover.urgency is Urgency.U0:
        release = Deadline(
            Owed.RELEASE, handover.from_area, to_ms(opened + RELEASE_UNPLANNED), "24 hours of knowing [P-NOT]"
        )
    else:
        due = due_after_working_days(opened, 1)
        release = Deadline(
            Owed.RELEASE, handover.from_area, to_ms(due), "the next working day (policy default)"
        )
    due = due_after_working_days(opened, ACCEPTANCE_WORKING_DAYS)
    return (
        release,
        Deadline(
            Owed.ACCEPTANCE, handover.to_area, to_ms(due), "15 working days from being notified [P-NOT]"
        ),
    )


def when_released(handover: Handover) -> Deadline:
    """The old side's gateway owes the grants: machines answer in minutes, or a person is told."""
    allowed = GRANTS_URGENT if handover.urgency is Urgency.U0 else GRANTS_NORMAL
    due = to_ms(from_ms(handover.changed_ms) + allowed)
    return Deadline(Owed.GRANTS, handover.from_area, due, "the gateway answers an order in minutes (design)")


def when_accepted(handover: Handover) -> Deadline:
    """A protection plan: the transfer-in conference, counted from when the new area was notified [P-NOT][P-MK]."""
    due = due_after_working_days(from_ms(handover.opened_ms), ACCEPTANCE_WORKING_DAYS)
    return Deadline(
        Owed.CONFERENCE, handover.to_area, to_ms(due), "15 working days from being notified [P-NOT][P-MK]"
    )


def met_by(before: State, after: Handover) -> frozenset[Owed]:
    """What the step from ``before`` to ``after`` has met or made void."""
    done = {
        State.RELEASED: {Owed.RELEASE},
        State.VERIFIED: {Owed.RELEASE, Owed.GRANTS},
        State.ACCEPTED: {Owed.ACCEPTANCE},
        State.DECLINED: {Owed.ACCEPTANCE},
        State.WITHDRAWN: set(Owed),
        State.CLOSED: {Owed.ACCEPTANCE, Owed.CONFERENCE},
        State.NOTICED: set(),
    }[after.state]
    if after.verified:
        done = done | {Owed.GRANTS, Owed.RELEASE}
    return frozenset(done) if after.state is not before or after.verified else frozenset()
