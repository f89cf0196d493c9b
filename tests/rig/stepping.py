"""One handover step, and whoever takes part in it killed with SIGKILL while it is taken; started again, the step is taken once.

Router, both front doors' gateways, audit log, board's node and server are processes of their own, as in life. So is the
person's command: killed before its word is written down, or before it is told so, it is given again.
"""

import asyncio
import os
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from broker.directory.apply import write_urls
from broker.faults import FAULT, GAPS
from schemas.audit import AuditEntry, EntryKind
from schemas.codes.cases import HandoverKind, PlanKind
from schemas.ids import EventId
from tests.rig.cast import area_of, children
from tests.rig.conducting import Rig
from tests.rig.counting import handovers_of, overtakers, reading
from tests.rig.living import forks
from tests.rig.parts import SERVER, Part, parts_of
from tests.support.events import CUMBERLAND, a_document
from tests.support.exchange import FewPlaces

OLD, NEW, PERSON = "cumberland", "westmorland", "person"
_WITHIN_S: Final = 60.0
_LAST_S: Final = 3.0
"""After all is said and done: for whoever dies when its last word is out."""
_BY_PERSON: Final = (4, 5)
_ARMINGS: Final = 3
_ARMINGS_MOST: Final = 12
"""What is still sent when all is settled (an obligation, a notice) is little: after a few starts nothing of it is left. On a
busy machine it comes late, and whoever dies of it in the last of them is armed once more.
"""


@dataclass(frozen=True, slots=True)
class Step:
    """What a person does, at which door, after which other steps, where it leads, and its name in the trail."""

    by: str
    before: tuple[str, ...]
    leads_to: str
    step: str
    again: bool = False
    """Said twice it is two words of a person's."""


STEPS: Final = {
    "release": Step(OLD, (), "verified", "release"),
    "accept": Step(NEW, ("release",), "accepted", "accept"),
    "conference": Step(NEW, ("release", "accept"), "closed", "conference-held"),
    "decline": Step(NEW, (), "declined", "decline"),
    "withdraw": Step(OLD, (), "withdrawn", "withdraw"),
    "stay": Step(OLD, (), "staying", "ask", again=True),
    "pass": Step(OLD, ("stay",), "noticed", "ask"),
}


@dataclass(frozen=True, slots=True)
class Death:
    """Who dies, and at which gap; of the person's command and the server, too."""

    who: str
    gap: int


Line: TypeAlias = Sequence[tuple[str, list[Death]]]
"""One handover: its steps, and who dies in each."""


def deaths() -> list[Death]:
    """Every party at every gap that it passes in a step."""
    gateway = [gap for gap in GAPS["gateway"] if gap not in _BY_PERSON]
    return [
        *(Death("router", gap) for gap in GAPS["router"]),
        *(Death(name, gap) for name in (OLD, NEW) for gap in gateway),
        *(Death(PERSON, gap) for gap in _BY_PERSON),
        *(Death("log", gap) for gap in GAPS["log"]),
        *(Death("board", gap) for gap in GAPS["board"]),
        Death(SERVER, 0),
    ]


def _say(home: Path, verb: str, number: str, fault: str | None) -> None:
    """Be the person's command."""
    if fault is not None:
        os.environ[FAULT] = fault
    from adapters.gateway.api import Gateway
    from adapters.gateway.frontdoor.actions import Person
    from broker.faults import gap_of

    worker = Person("Rowan Example", "team manager")
    with Gateway.open(home, places=FewPlaces, gap=gap_of("gateway")) as gateway:
        actions, asking = gateway.actions, gateway.asking
        match verb:
            case "plan" | "move":
                kind = "plan.opened" if verb == "plan" else "move.notified"
                now = gateway.home.clock()
                gateway.publish(
                    a_document(
                        kind,
                        id=str(EventId.new(now, gateway.home.entropy)),
                        subject={"nhs_number": number},
                        acting_area=area_of(OLD),
                        residence={"gss": CUMBERLAND},
                        details={"plan_ref": f"plan-{number}"} if verb == "plan" else {},
                    )
                )
            case "release":
                actions.release(number, worker)
            case "accept":
                actions.accept(number, worker, conference=True)
            case "decline":
                actions.decline(number, worker, "papers_missing", "The chronology is missing.")
            case "withdraw":
                actions.withdraw(number, worker, "They are back.")
            case "conference":
                actions.conference_held(number, worker, "2026-03-20", "NEG")
            case _:
                kind = HandoverKind.TEMPORARY if verb == "stay" else HandoverKind.PERMANENT
                asking.ask(number, worker, kind, PlanKind.CHILD_PROTECTION)


def _place(part: Part, death: Death) -> tuple[str, int, str]:
    return part.kind, death.gap, part.name


class Stepping(Rig):
    """An exchange without load, in which people take one step at a time."""

    not_passed: list[str]
    """Where nobody could be killed, since the step does not lead there."""

    async def _start(self) -> None:
        await self.it.server.start()
        write_urls(self.it.layout, self.it.server.url)
        await self._hurry()
        homes = {name: self.it.home(name) for name in (OLD, NEW, "health", "board")}
        everybody = parts_of(self.it.layout.data, homes, self.folder, self.deaths, self.rate, 0)
        self.parts = [part for part in everybody if part.name != "authors"]
        for part in self.parts:
            part.passes = 1
            part.start(armed=False, chance=self.chance)
        await self._until(lambda: all(part.ready for part in self.parts), _WITHIN_S, "ready processes")
        self.not_passed = []
        self._children = iter(children(1000))

    def _homes(self) -> dict[str, Path]:
        return {name: self.it.home(name) for name in (OLD, NEW, "health", "board")}

    async def begin(self) -> str:
        """A child with a plan whose move is reported; its handover."""
        number = next(self._children)
        known = set(handovers_of(self.it.home(NEW)))
        await self._person(OLD, "plan", number)
        await self._settled()
        await self._person("health", "move", number)
        await self._until(lambda: len(set(handovers_of(self.it.home(NEW))) - known) == 1, _WITHIN_S, "a move")
        await self._settled()
        [handover] = set(handovers_of(self.it.home(NEW))) - known
        return handover.hex()

    async def take(self, verb: str, handover: str, dying: list[Death]) -> None:
        """One step, and all of these die in it."""
        step = STEPS[verb]
        was = self.in_trail(handover, step.step)
        armed = [(self._part(one.who), one) for one in dying if one.who not in {PERSON, SERVER}]
        await self._arm(armed)
        before = Counter(self.deaths.kills)
        persons = [one.gap for one in dying if one.who == PERSON]
        for gap in persons:
            assert -signal.SIGKILL == await self._person(step.by, verb, handover, f"gateway:{gap}:1")
            self.deaths.kills["gateway", gap, PERSON] += 1
        await self._person(step.by, verb, handover)
        if any(one.who == SERVER for one in dying):
            await self.it.server.kill()
            self.deaths.kills[SERVER, 0, SERVER] += 1
            await self.it.server.start()
        await self._until(lambda: self._stands(handover, step), _WITHIN_S, f"{verb}: {step.leads_to}")
        await self._settled()
        alive = [
            (part, one)
            for part, one in armed
            if self.deaths.kills[_place(part, one)] == before[_place(part, one)]
        ]
        with suppress(AssertionError):
            await self._until(
                lambda: all(self.deaths.kills[_place(*one)] > before[_place(*one)] for one in alive),
                _LAST_S,
                "",
            )
        for part, one in alive:
            if self.deaths.kills[_place(part, one)] == before[_place(part, one)]:
                # Who is told nothing that it must answer passes no gap of sending.
                self.not_passed.append(f"{verb}: {one.who} {one.gap}")
                part.stop()
                part.start(armed=False, chance=self.chance)
        await self._settled()
        twice = step.again and 5 in persons
        assert was + 1 + twice == self.in_trail(handover, step.step), f"{verb} once in the trail"
        self._once()

    async def _arm(self, dying: Sequence[tuple[Part, Death]]) -> None:
        """Start these anew, to die at their gaps in the step to come: whoever dies of what it does on starting is armed again."""
        left = list(dying)
        for turn in range(_ARMINGS_MOST):
            if turn >= _ARMINGS and not left:
                break
            for part, one in left:
                part.stop()
                part.numbers = (one.gap,)
                part.start(armed=True, chance=self.chance)
            await self._until(lambda: all(part.ready for part in self.parts), _WITHIN_S, "ready processes")
            await self._settled()
            left = [(part, one) for part, one in dying if part.fault is None]

    def _stands(self, handover: str, step: Step) -> bool:
        key = bytes.fromhex(handover)
        return {step.leads_to} == {handovers_of(self.it.home(door)).get(key) for door in (OLD, NEW)}

    def _once(self) -> None:
        for name in (OLD, NEW, "health"):
            assert [] == overtakers(self.it.home(name))
            with reading(self.it.home(name) / "gateway.db") as ledger:
                twice = ledger.execute(
                    "SELECT message_id FROM inbox WHERE state = 'applied' AND kind IN (1, 2)"
                    " GROUP BY message_id HAVING COUNT(*) > 1"
                ).fetchall()
                failed = ledger.execute(
                    "SELECT fault FROM inbox WHERE state = 'failed' AND fault <> 'repeated'"
                ).fetchall()
            assert [] == twice == failed

    def in_trail(self, handover: str, step: str) -> int:
        """How often the board's node has a step of a handover."""
        with reading(self.it.home("board") / "audit.db") as trail:
            bodies = [row[0] for row in trail.execute("SELECT body FROM mirror")]
        entries = [AuditEntry.from_bytes(body) for body in bodies]
        return sum(
            one.kind is EntryKind.HANDOVER
            and one.fields["handover"].hex() == handover
            and one.fields["step"] == step
            for one in entries
        )

    def _part(self, name: str) -> Part:
        [part] = [part for part in self.parts if part.name == name]
        return part

    async def _settled(self) -> None:
        quiet = 0
        deadline = time.monotonic() + _WITHIN_S
        while quiet < 3:
            await self._tick()
            left = self._unsettled()
            quiet = 0 if left else quiet + 1
            assert time.monotonic() < deadline, left

    async def _person(self, name: str, verb: str, number: str, fault: str | None = None) -> int | None:
        process = forks.Process(target=_say, args=(self.it.home(name), verb, number, fault), daemon=True)
        process.start()
        while process.is_alive():
            await self._tick()
        return process.exitcode


@dataclass(frozen=True, slots=True)
class Walked:
    """Kills by kind of process, gap and name; and the gaps that a step does not pass."""

    kills: Counter[tuple[str, int, str]]
    not_passed: list[str]


async def walk(folder: Path, plan: Sequence[Line]) -> "Walked":
    """One handover for each line: its steps, and who dies in each. Gives what was done."""
    rig = await asyncio.to_thread(Stepping.make, folder, seed=1, ack_wait_s=1)
    async with rig:
        for line in plan:
            handover = await rig.begin()
            for verb, dying in line:
                await rig.take(verb, handover, dying)
        assert [] == rig.deaths.unordered
    return Walked(rig.deaths.kills, rig.not_passed)


def every() -> list[Line]:
    """Each step with each death, one at a time."""
    return [
        [*((before, list[Death]()) for before in step.before), (verb, [death])]
        for verb, step in STEPS.items()
        for death in deaths()
    ]


def main() -> None:
    """Every party at every gap in every step, each in a handover of its own."""
    with tempfile.TemporaryDirectory(prefix="handrail-steps-") as folder:
        done = asyncio.run(walk(Path(folder), every()))
    for place, count in sorted(done.kills.items()):
        print(f"{count:>4}  {' '.join(str(one) for one in place)}")
    print("not passed:", *done.not_passed, sep="\n")


if __name__ == "__main__":
    main()
