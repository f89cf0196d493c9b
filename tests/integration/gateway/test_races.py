"""Two people act at once, each in a process of its own, through a real bus and router: one wins, the other is told why."""

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest

from adapters.gateway.api import Gateway
from tests.rig.cast import children
from tests.support.events import CUMBERLAND, a_document, event_id
from tests.support.exchange import Exchange, exchange, settled

TIMES: Final = 50
MILLISECOND_NS: Final = 1_000_000
_APART_S: Final = 0.1
_PERSON: Final = """
import json, sys, time
from adapters.gateway.frontdoor.actions import Person
from adapters.gateway.api import Gateway
from tests.support.exchange import FewPlaces

home, verb, name, begin, apart, handovers = sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]), *map(json.loads, sys.argv[5:])
did = []
with Gateway.open(home, places=FewPlaces) as gateway:
    for number, handover in enumerate(handovers):
        at = begin + number * apart
        time.sleep(max(0.0, at - time.monotonic() - 0.01))
        while time.monotonic() < at:
            pass
        started = time.monotonic_ns()
        by = Person(name, "team manager")
        if verb == "accept":
            event = gateway.actions.accept(handover, by)
        else:
            event = gateway.actions.withdraw(handover, by, "They are back.")
        did.append([str(event), started])
print(json.dumps(did))
"""


@pytest.fixture
async def it(tmp_path: Path) -> AsyncIterator[Exchange]:
    async with exchange(tmp_path) as made, made.router():
        yield made


async def _noticed(cumberland: Gateway, health: Gateway, westmorland: Gateway) -> list[str]:
    """Fifty children on plans in Cumberland, each reported by a health provider to be in Westmorland."""
    numbers = children(TIMES)
    here: dict[str, Any] = {"residence": {"gss": CUMBERLAND}}
    cumberland.publish_many(
        a_document(
            "plan.opened",
            id=str(event_id(n)),
            subject={"nhs_number": one},
            details={"plan_ref": f"plan-{n}"},
            **here,
        )
        for n, one in enumerate(numbers, 1)
    )
    await settled(lambda: len(cumberland.inbox()) >= TIMES, within=60.0)
    health.publish_many(
        a_document("move.notified", id=str(event_id(1000 + n)), subject={"nhs_number": one})
        for n, one in enumerate(numbers)
    )
    both = (cumberland, westmorland)
    await settled(lambda: all(len(door.actions.handovers()) == TIMES for door in both), within=60.0)
    return [view.handover.hex() for view in westmorland.actions.handovers()]


def _lost(door: Gateway) -> dict[str, str]:
    """What came back to a front door, and why."""
    return {str(one.event_id): one.returned for one in door.outbox() if one.returned}


async def _both(people: list[tuple[Path, str, str]], handovers: list[str]) -> list[list[list[Any]]]:
    """Two people, each in a process of its own, at the same moments; what each published, and when."""
    begin = time.monotonic() + 8.0
    running = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            _PERSON,
            *map(str, (home, verb, name, begin, _APART_S, json.dumps(handovers))),
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[3],
        )
        for home, verb, name in people
    ]
    said = [await one.communicate() for one in running]
    assert [0, 0] == [one.returncode for one in running]
    return [json.loads(out) for out, _ in said]


@pytest.mark.timeout(300)  # a hundred acts on a busy machine
async def test_of_two_people_who_accept_at_once_one_wins_and_the_other_is_told(it: Exchange) -> None:
    async with (
        it.gateway("cumberland") as cumberland,
        it.gateway("health") as health,
        it.gateway("westmorland") as westmorland,
    ):
        handovers = await _noticed(cumberland, health, westmorland)
        home = it.home("westmorland")
        first, second = await _both(
            [(home, "accept", "Rowan Example"), (home, "accept", "Robin Example")], handovers
        )
        pairs = list(zip(first, second, strict=True))
        await settled(lambda: len(_lost(westmorland)) == TIMES, within=60.0)
        returned = _lost(westmorland)
        await settled(
            lambda: all(view.state == "closed" for view in cumberland.actions.handovers()), within=60.0
        )

    lost = [{one for one, _ in pair} & set(returned) for pair in pairs]
    apart = sorted(abs(one[1] - two[1]) for one, two in pairs)
    assert [1] * TIMES == [len(one) for one in lost], "one of each two"
    assert all("nothing more can be done in it" in why for why in returned.values())
    assert apart[0] < MILLISECOND_NS, "some of them really were at once"


@pytest.mark.timeout(300)
async def test_of_an_acceptance_and_a_withdrawal_at_once_the_router_takes_one(it: Exchange) -> None:
    """Two front doors: whoever the router heard first has decided, and both see the same end."""
    async with (
        it.gateway("cumberland") as cumberland,
        it.gateway("health") as health,
        it.gateway("westmorland") as westmorland,
    ):
        handovers = await _noticed(cumberland, health, westmorland)
        people = [
            (it.home("westmorland"), "accept", "Rowan Example"),
            (it.home("cumberland"), "withdraw", "Robin Example"),
        ]
        accepted, withdrawn = await _both(people, handovers)
        both = (cumberland, westmorland)
        ended = {"closed", "withdrawn"}
        await settled(
            lambda: all(view.state in ended for door in both for view in door.actions.handovers()),
            within=60.0,
        )
        await settled(lambda: sum(len(_lost(door)) for door in both) == TIMES, within=60.0)
        over = {view.handover.hex(): view for view in cumberland.actions.handovers()}
        lost = {*_lost(cumberland), *_lost(westmorland)}
        there = {view.handover.hex(): view for view in westmorland.actions.handovers()}

    assert over == there
    for handover, (accept, _), (withdraw, _) in zip(handovers, accepted, withdrawn, strict=True):
        won = accept if over[handover].state == "closed" else withdraw
        assert {accept, withdraw} - {won} == {accept, withdraw} & lost
    holders = Counter(view.holder for view in over.values())
    assert TIMES == sum(holders.values())
    assert all((view.holder == CUMBERLAND) is (view.state == "withdrawn") for view in over.values())
