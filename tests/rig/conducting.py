"""The rounds: one kill is one round. Everything runs at once, dies one by one, and is counted when nothing is on its way."""

import asyncio
import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from broker.bus.server import EmbeddedServer
from broker.bus.streams import stream_facts
from broker.bus.topology import ACK_WAIT_S, OUT, durables
from broker.directory.apply import write_urls
from broker.directory.layout import Layout
from broker.errors import UnavailableError
from tests.rig.authors import WITH_MATTER
from tests.rig.cast import AUTHORS, READERS, Journal
from tests.rig.counting import Counts, count, handovers_of, overtakers, unsettled
from tests.rig.parts import ANY_MOMENT, SERVER, Deaths, Part, parts_of
from tests.support.exchange import Exchange, make_exchange

_TICK_S: Final = 0.05
_LOOK_S: Final = 1.0
_SERVER: Final = 0.25
"""Of the kills at any moment, so many are the server's."""
_READY_S: Final = 120.0
_REARM_S: Final = 30.0
_STUCK_S: Final = 120.0


@dataclass(slots=True)
class Rig:
    """One exchange under load, and what has happened to it so far."""

    it: Exchange
    folder: Path
    chance: random.Random
    ack_wait_s: int = ACK_WAIT_S
    rate: float = 15.0
    matters: int = WITH_MATTER
    random_s: float = 3.0
    """Seconds between two kills at any moment, in the mean."""
    say: Callable[[str], None] = print
    deaths: Deaths = field(default_factory=Deaths)
    overtaking: list[str] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    dying: bool = False

    @classmethod
    def make(cls, folder: Path, *, seed: int, **more: Any) -> Self:
        """A new exchange in ``folder``, or the one that an interrupted run left there."""
        folder.mkdir(parents=True, exist_ok=True)
        saved = folder / "rig.json"
        if saved.exists():
            found = json.loads(saved.read_text())
            layout = Layout(folder / "exchange")
            it = Exchange(layout, found["members"], EmbeddedServer(layout.configuration))
            rig = cls(it, folder, random.Random(seed), **more)
            rig.deaths.kills.update({(kind, gap, name): count for kind, gap, name, count in found["kills"]})
            rig.deaths.unordered += found["unordered"]
            rig.overtaking += found["overtaking"]
            return rig
        return cls(make_exchange(folder), folder, random.Random(seed), **more)

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def _start(self) -> None:
        await self.it.server.start()
        write_urls(self.it.layout, self.it.server.url)
        await self._hurry()
        names = (*READERS, "board")
        homes = {name: self.it.home(name) for name in names}
        (self.folder / "homes.json").write_text(json.dumps({name: str(homes[name]) for name in AUTHORS}))
        self.parts = parts_of(self.it.layout.data, homes, self.folder, self.deaths, self.rate, self.matters)
        (self.folder / "quiet").touch()
        for part in self.parts:
            part.start(armed=False, chance=self.chance)
        await self._until(
            lambda: all(part.ready for part in self.parts), _READY_S, "processes that are ready"
        )
        if not Journal.read(self.folder / "journal").accepted:
            (self.folder / "matters").touch()
            await self._until(lambda: not (self.folder / "matters").exists(), _READY_S, "matters")
            # Taken by the router, too: an event that overtakes the plan which opens the matter is routine, and forgotten (P12).
            await self._until(lambda: not self._unsettled(), _READY_S, "plans that are taken")

    async def __aexit__(self, *_: object) -> None:
        self.dying = False
        for part in reversed(self.parts):
            if part.process is not None:
                part.stop()
        await self.it.close()
        self.save()

    def save(self) -> None:
        """Write down what has happened, so that a later run goes on from here."""
        (self.folder / "rig.json").write_text(
            json.dumps(
                {
                    "members": self.it.members,
                    "kills": [[*place, count] for place, count in self.deaths.kills.items()],
                    "unordered": self.deaths.unordered,
                    "overtaking": self.overtaking,
                }
            )
        )

    def gaps(self) -> list[tuple[str, int]]:
        """Every numbered gap of the processes that run."""
        return sorted({(part.kind, number) for part in self.parts for number in part.numbers})

    def short_of(self, least: int) -> list[str]:
        """Where there were fewer kills than that: at a gap, or of the server."""
        places = [*self.gaps(), (SERVER, ANY_MOMENT)]
        return [f"{kind} {gap}" for kind, gap in places if self.deaths.at(kind, gap) < least]

    async def rounds(self, number: int, least: int = 0) -> None:
        """Kill until there were so many rounds in all, and so many at least at every gap."""
        (self.folder / "quiet").unlink(missing_ok=True)
        self.dying = True
        next_random = time.monotonic() + self.random_s
        while self.deaths.rounds < number or self.short_of(least):
            await self._tick()
            self._look_for_overtaking()
            if time.monotonic() > next_random:
                next_random = time.monotonic() + self.chance.uniform(0.5, 1.5) * self.random_s
                await self._kill_someone()
        self.dying = False
        (self.folder / "quiet").touch()
        self.save()

    async def _kill_someone(self) -> None:
        if self.chance.random() < _SERVER or not self.deaths.at(SERVER, ANY_MOMENT):
            await self.it.server.kill()
            self.deaths.kills[SERVER, ANY_MOMENT, SERVER] += 1
            await asyncio.sleep(self.chance.uniform(0, 1.0))
            await self.it.server.start()
            return
        part = self.chance.choice(self.parts)
        if part.look():
            part.kill()
        part.start(armed=self.dying, chance=self.chance)

    async def _tick(self) -> None:
        for part in self.parts:
            if not part.look():
                part.start(armed=self.dying, chance=self.chance)
            elif self.dying and part.age > _REARM_S:
                # It waits at a gap that nothing passes, or was not armed: a kill at a moment of ours, then anew.
                part.kill()
                part.start(armed=True, chance=self.chance)
        await asyncio.sleep(_TICK_S)

    def _look_for_overtaking(self) -> None:
        name = self.chance.choice(READERS)
        self.overtaking += [f"{name}: {number}" for number in overtakers(self.it.home(name))]

    async def _until(self, condition: Callable[[], bool], within: float, what: str) -> None:
        deadline = time.monotonic() + within
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {within} s: {what}")
            await self._tick()

    async def settle(self) -> list[str]:
        """Wait until nothing is on its way any more; gives what still is when nothing has moved for the limit."""
        moved = time.monotonic()
        quiet_since: float | None = None
        waiting: list[str] = []
        while time.monotonic() - moved < _STUCK_S:
            await self._tick()
            self._look_for_overtaking()
            before, waiting = waiting, await self._waiting()
            now = time.monotonic()
            moved = moved if waiting == before else now
            quiet_since = (quiet_since or now) if not waiting else None
            if quiet_since is not None and now - quiet_since > 2 * _LOOK_S:
                return []
            await asyncio.sleep(_LOOK_S / 2)
        return waiting

    async def _waiting(self) -> list[str]:
        found = self._unsettled()
        try:
            bus = await self.it.connect("admin")
            left = (await stream_facts(bus, OUT))["messages"]
            await bus.close()
        except UnavailableError as error:
            return [*found, str(error)]
        if left:
            found.append(f"{left} messages in OUT")
        return found + self._open_moves()

    def _unsettled(self) -> list[str]:
        return unsettled(self._homes(), self.it.members, self.it.layout.router, self.it.layout.log / "tiles")

    def _open_moves(self) -> list[str]:
        journal = Journal.read(self.folder / "journal")
        states = handovers_of(self.it.home("westmorland"))
        closed = sum(state == "closed" for state in states.values())
        wanted = len(
            journal.moved
            & {
                journal.planned[one]["subject"]["nhs_number"]
                for one in journal.accepted
                if one in journal.planned
            }
        )
        return [] if closed >= wanted else [f"{closed} of {wanted} handovers are closed"]

    def _homes(self) -> dict[str, Path]:
        return {name: self.it.home(name) for name in (*READERS, "board")}

    def count(self) -> Counts:
        """Count; call when it is settled."""
        out = self.it.layout.nats / "store" / "jetstream"
        files = next(out.glob(f"*/streams/{OUT}"))
        counts = count(
            self._homes(),
            self.it.members,
            Journal.read(self.folder / "journal"),
            self.it.layout.router,
            files,
        )
        counts.out_of_order += self.overtaking
        return counts

    async def _hurry(self) -> None:
        """Give what a dead reader held to the next one after ``ack_wait_s``, where that is not the real limit."""
        if self.ack_wait_s == ACK_WAIT_S:
            return
        bus = await self.it.connect("admin")
        boards = [self.it.members["board"]]
        for durable in durables(self.it.members.values(), boards):
            config = {**durable.config, "ack_wait": self.ack_wait_s * 1_000_000_000}
            body = {"stream_name": durable.stream, "config": config}
            await bus.api(f"CONSUMER.DURABLE.CREATE.{durable.stream}.{durable.name}", body)
        await bus.close()
