"""Each party dies at each step of a handover, at each place where something durable lies behind it: it goes on, once."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import pytest

from adapters.gateway.api import Gateway
from adapters.gateway.frontdoor.actions import Person
from broker.bus.subjects import OutSubject
from schemas.audit import AuditEntry, EntryKind
from schemas.codes.cases import HandoverKind, PlanKind
from schemas.handover import HandoverView
from tests.support.events import CUMBERLAND, WESTMORLAND, a_document
from tests.support.exchange import FewPlaces
from tests.support.postroom import PostRoom

WORKER: Final = Person("Rowan Example", "team manager")
OLD, NEW = "cumberland", "westmorland"


class Died(BaseException):
    """Stands for SIGKILL: nothing after it runs."""


def say(room: PostRoom, verb: str) -> None:
    who = room[OLD if verb in {"release", "stay", "pass", "withdraw"} else NEW]
    view = who.actions.handovers()[0]
    handover = view.handover.hex()
    match verb:
        case "release":
            who.actions.release(handover, WORKER)
        case "accept":
            who.actions.accept(handover, WORKER, conference=True)
        case "decline":
            who.actions.decline(handover, WORKER, "papers_missing", "The chronology is missing.")
        case "withdraw":
            who.actions.withdraw(handover, WORKER, "They are back.")
        case "stay":
            who.asking.ask(handover, WORKER, HandoverKind.TEMPORARY, PlanKind.CHILD_PROTECTION)
        case "pass":
            who.asking.ask(handover, WORKER, HandoverKind.PERMANENT, PlanKind.CHILD_PROTECTION)
        case _:
            who.actions.conference_held(handover, WORKER, "2026-03-20", "NEG")


# The steps before the one in question, that step, the state it leads to, and under which name the trail has it.
STEPS: Final[dict[str, tuple[tuple[str, ...], str, str]]] = {
    "release": ((), "verified", "release"),
    "accept": (("release",), "accepted", "accept"),
    "decline": ((), "declined", "decline"),
    "withdraw": ((), "withdrawn", "withdraw"),
    "stay": ((), "staying", "ask"),
    "pass": (("stay",), "noticed", "ask"),
    "conference": (("release", "accept"), "closed", "conference-held"),
}


def opened_to_die(room: PostRoom, name: str, gap: int) -> Gateway:
    """The member's gateway, opened anew, which dies the first time that it passes the gap."""
    armed = [True]

    def die(number: int) -> None:
        if number == gap and armed[0]:
            armed[0] = False
            raise Died

    with suppress(KeyError):
        room.shut(name)
    fresh = Gateway.open(room.exchange.home(name), places=FewPlaces, clock=room.clock, gap=die)
    room._open[name] = fresh
    return fresh


def begin(room: PostRoom, before: tuple[str, ...]) -> None:
    here: dict[str, Any] = {"residence": {"gss": CUMBERLAND}}
    room[OLD].publish(a_document("plan.opened", n=1, **here))
    room["health"].publish(a_document("move.notified", n=2))
    room.settle()
    for verb in before:
        say(room, verb)
        room.settle()


def dies_publishing(room: PostRoom, verb: str, gap: int) -> None:
    """The person's gateway dies while it publishes; the person does not know, and does it again."""
    opened_to_die(room, OLD if verb in {"release", "stay", "pass", "withdraw"} else NEW, gap)
    with pytest.raises(Died):
        say(room, verb)
    name = OLD if verb in {"release", "stay", "pass", "withdraw"} else NEW
    room.shut(name)
    say(room, verb)
    room.settle()


def dies_receiving(room: PostRoom, verb: str, gap: int, name: str) -> None:
    """A front door dies while it takes what the router says of the step; the bus gives it once more."""
    say(room, verb)
    for one in (OLD, NEW):
        room.post(one)
    opened_to_die(room, name, gap)
    bodies = room.collect(name)
    with pytest.raises(Died):
        room[name].receiving.take(bodies)
    room.shut(name)
    room[name].receiving.take(bodies)
    room.settle()


def dies_routing(room: PostRoom, verb: str) -> None:
    """The router dies before it commits; the bus gives it the same messages once more."""
    say(room, verb)
    name = OLD if verb in {"release", "stay", "pass", "withdraw"} else NEW
    with room[name].home.store.work() as work:
        waiting = [(OutSubject.parse(row.subject), row.body) for row in work.outbox.waiting(1000)]

    def die() -> None:
        raise Died

    with pytest.raises(Died):
        room.batch.take(waiting, room.exchange.directory, room.clock(), before_commit=die)
    room.settle()


DEATHS: Final[dict[str, Callable[[PostRoom, str], None]]] = {
    "publishing, nothing promised": lambda room, verb: dies_publishing(room, verb, 4),
    "publishing, not told": lambda room, verb: dies_publishing(room, verb, 5),
    "the router, before it commits": dies_routing,
    "the old side, nothing in custody": lambda room, verb: dies_receiving(room, verb, 1, OLD),
    "the old side, in custody": lambda room, verb: dies_receiving(room, verb, 2, OLD),
    "the new side, nothing in custody": lambda room, verb: dies_receiving(room, verb, 1, NEW),
    "the new side, in custody": lambda room, verb: dies_receiving(room, verb, 2, NEW),
}


@pytest.mark.parametrize("verb", STEPS)
@pytest.mark.parametrize("death", DEATHS.values(), ids=DEATHS)
def test_whoever_dies_at_a_step_goes_on_and_nothing_is_doubled(
    room: PostRoom, verb: str, death: Callable[[PostRoom, str], None]
) -> None:
    before, state, step = STEPS[verb]
    begin(room, before)
    was = _steps(room, step)
    death(room, verb)
    views = [room[name].actions.handovers() for name in (OLD, NEW)]

    assert views[0] == views[1]
    [view] = views[0]
    assert isinstance(view, HandoverView)
    assert state == view.state
    # That it still is a stay may be said again, each time as a person's own word; nothing else is taken twice.
    said_twice = verb == "stay" and death is DEATHS["publishing, not told"]
    assert was + 1 + said_twice == _steps(room, step), "once in the trail"
    assert view.holder == (WESTMORLAND if state in {"accepted", "closed"} else CUMBERLAND)


def _steps(room: PostRoom, step: str) -> int:
    with room.store.work() as work:
        entries = [AuditEntry.from_bytes(row.body) for row in work.outgoing.waiting_audit(100_000)]
    return sum(one.kind is EntryKind.HANDOVER and one.fields.get("step") == step for one in entries)
