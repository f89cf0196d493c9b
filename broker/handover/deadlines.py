"""What is owed in a handover, by whom, until when, and by which rule. Pure; the router stores and fires it."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from broker.clock import from_ms, to_ms
from broker.handover.calendars import due_after_working_days
from broker.handover.machine import Handover, State
from schemas.control import ActionKind
from schemas.wire import Urgency


class Owed(StrEnum):
    """What somebody owes."""

    RELEASE = "release"
    GRANTS = "grants"
    ACCEPTANCE = "acceptance"
    CONFERENCE = "conference"
    RESPONSE = "response"
    """The old area answers a decline: asks again, or withdraws."""


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
RESPONSE_WORKING_DAYS = 10


def when_noticed(handover: Handover) -> tuple[Deadline, ...]:
    """A move was noticed: the old side shares everything relevant, the new side decides."""
    due = due_after_working_days(from_ms(handover.opened_ms), ACCEPTANCE_WORKING_DAYS)
    acceptance = Deadline(
        Owed.ACCEPTANCE, handover.to_area, to_ms(due), "15 working days from being notified [P-NOT]"
    )
    return (_release(handover, handover.opened_ms), acceptance)


def when_handed_on(before: State, handover: Handover) -> tuple[Deadline, ...]:
    """Another area took the case meanwhile: now that one owes the release, and a decline is answered anew."""
    release = _release(handover, handover.changed_ms)
    return (release, _answer_again(handover)) if before is State.DECLINED else (release,)


def owed_after(action: ActionKind, after: Handover) -> tuple[Deadline, ...]:
    """What an action makes somebody owe, given the handover as it is after it."""
    match action:
        case ActionKind.RELEASE if after.state is State.RELEASED and after.declines:
            return (_grants(after), _answer_again(after))
        case ActionKind.RELEASE:
            return (_grants(after),)
        case ActionKind.DECLINE:
            return (_response(after),)
        case ActionKind.ACCEPT if after.state is State.ACCEPTED:
            return (_conference(after),)
        case _:
            return ()


def met_by(action: ActionKind) -> frozenset[Owed]:
    """What an action has met or made void. Acceptance leaves the history owed: late papers are a gap with a clock."""
    match action:
        case ActionKind.RELEASE:
            return frozenset({Owed.RELEASE, Owed.RESPONSE})
        case ActionKind.VERIFY:
            return frozenset({Owed.GRANTS})
        case ActionKind.ACCEPT:
            return frozenset({Owed.ACCEPTANCE, Owed.RESPONSE})
        case ActionKind.DECLINE:
            return frozenset({Owed.ACCEPTANCE})
        case ActionKind.WITHDRAW:
            return frozenset(Owed)
        case ActionKind.CONFERENCE_HELD:
            return frozenset({Owed.CONFERENCE})
        case _:
            return frozenset()


def _release(handover: Handover, since_ms: int) -> Deadline:
    since = from_ms(since_ms)
    if handover.urgency is Urgency.U0:
        due, rule = since + RELEASE_UNPLANNED, "24 hours of knowing [P-NOT]"
    else:
        due, rule = due_after_working_days(since, 1), "the next working day (policy default)"
    return Deadline(Owed.RELEASE, handover.from_area, to_ms(due), rule)


def _grants(handover: Handover) -> Deadline:
    # The old side's gateway owes the grants: machines answer in minutes, or a person is told.
    allowed = GRANTS_URGENT if handover.urgency is Urgency.U0 else GRANTS_NORMAL
    due = to_ms(from_ms(handover.changed_ms) + allowed)
    return Deadline(Owed.GRANTS, handover.from_area, due, "the gateway answers an order in minutes (design)")


def _answer_again(handover: Handover) -> Deadline:
    due = due_after_working_days(from_ms(handover.changed_ms), ACCEPTANCE_WORKING_DAYS)
    return Deadline(
        Owed.ACCEPTANCE,
        handover.to_area,
        to_ms(due),
        "15 working days from being asked again (policy default)",
    )


def _response(handover: Handover) -> Deadline:
    due = due_after_working_days(from_ms(handover.changed_ms), RESPONSE_WORKING_DAYS)
    return Deadline(
        Owed.RESPONSE,
        handover.from_area,
        to_ms(due),
        "10 working days after a decline, then the heads of service (design)",
    )


def _conference(handover: Handover) -> Deadline:
    # Counted from when the new area was notified, not from its acceptance.
    due = due_after_working_days(from_ms(handover.opened_ms), ACCEPTANCE_WORKING_DAYS)
    return Deadline(
        Owed.CONFERENCE, handover.to_area, to_ms(due), "15 working days from being notified [P-NOT][P-MK]"
    )
