"""Routed events a second with everything on, beside the fastest relay that nats-py allows.

One in, three out, an audit entry, and the three readers' receipts with an entry each; every message is on disk before
the one that caused it is acknowledged; TLS on. Both programs find the same backlog, sealed beforehand: events of mixed
classes about children with open matters. The rate is of events, from the program's start to the moment when the last
delivery and the last audit entry lie in the readers' inboxes and in AUDIT. Either program is one process that may use
both cores; nats-server and what counts the inboxes are kept to the second, so that one core is the program's own and
one is shared. The router's second thread keeps its database; signatures and the disk are what it does beside the first.
The floor (`tests/bench/floor.py`) verifies, decides and remembers nothing. The last rows are of the router's time in a
process by itself, in steps: the processor time of its thread that takes such batches, without what the bus costs.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

from broker.bus.connection import connect
from broker.bus.publisher import Publisher
from broker.bus.streams import get_message, stream_facts
from broker.bus.topology import AUDIT, DEFAULT_SHARDS, in_stream
from schemas import canonical
from schemas.audit import AuditEntry, EntryKind
from schemas.control import unframe
from schemas.wire import PROTOCOL_VERSION, InKind
from tests.bench.floor import Sizes, planned
from tests.bench.load import Message, Scene, make_scene
from tests.bench.steps import shares

_EVENTS: Final = 3_000
_ROUNDS: Final = 3
_CHILDREN: Final = 200
_POLL_S: Final = 0.02
_LIMIT_S: Final = 60.0
_INBOXES: Final = tuple(in_stream(shard) for shard in range(DEFAULT_SHARDS))
_CORES: Final = sorted(os.sched_getaffinity(0))
_SHARED: Final = set(_CORES[1:]) or set(_CORES)
_HANDRAIL: Final = (sys.executable, "-c", "from broker.cli import main; main()")
_FLOOR: Final = (sys.executable, "-m", "tests.bench.floor")


@dataclass(frozen=True, slots=True)
class Pass:
    """One round of one program: events a second, and processor time of program and server per event, in us."""

    rate: float
    own_us: float
    server_us: float
    peak_mb: float


def run() -> list[tuple[str, str]]:
    """Three areas, then a hundred and fifty."""
    rows = [
        (
            "cores",
            f"{len(_CORES)}: one the program's own, one shared by the program, nats-server and the counting",
        )
    ]
    for areas in (3, 150):
        with tempfile.TemporaryDirectory(prefix="handrail-bench-") as folder:
            rows += asyncio.run(_compare(Path(folder), areas))
    return rows + shares()


async def _compare(folder: Path, areas: int) -> list[tuple[str, str]]:
    ours, floor = (make_scene(folder / name, areas) for name in ("ours", "floor"))
    places: dict[str, int] = {seat.id: place for place, seat in enumerate((*ours.doors, *ours.authors))}
    router = [*_HANDRAIL, "router", "--data", str(ours.layout.data)]
    routed: list[Pass] = []
    relayed: list[Pass] = []
    async with _Course(ours) as course, _Course(floor) as beside:
        await course.run(router, ours.openings(_CHILDREN) + ours.receipts())
        for _ in range(_ROUNDS):
            load = ours.traffic(_EVENTS, _CHILDREN)
            routed.append(await course.run(router, load))
            about = {
                "folder": str(floor.layout.router / "nats"),
                "url": floor.server.url,
                "readers": list(places),
                "sizes": await course.sizes(),
            }
            load = [_for_the_floor(message, places) for message in load]
            relayed.append(await beside.run(_FLOOR, load, json.dumps(about)))
    return _rows(areas, routed, relayed)


def _for_the_floor(message: Message, places: Mapping[str, int]) -> Message:
    data = planned(tuple(places[name] for name in message.to), message.audits, message.data)
    return replace(message, data=data)


def _rows(areas: int, routed: Sequence[Pass], relayed: Sequence[Pass]) -> list[tuple[str, str]]:
    """Medians of the rounds; the ratio is of the medians."""
    middle = statistics.median
    mine, its = middle(one.rate for one in routed), middle(one.rate for one in relayed)
    return [
        (f"{areas} areas: routed events a second, median of {_ROUNDS}", f"{mine:,.0f}"),
        (f"{areas} areas: relayed by the floor", f"{its:,.0f}"),
        (f"{areas} areas: ratio (goal at least 0.5)", f"{mine / its:.2f}"),
        (
            f"{areas} areas: processor time per event, router + its server",
            f"{middle(one.own_us for one in routed):,.0f} + {middle(one.server_us for one in routed):,.0f} us",
        ),
        (
            f"{areas} areas: the same of the floor",
            f"{middle(one.own_us for one in relayed):,.0f} + {middle(one.server_us for one in relayed):,.0f} us",
        ),
        (f"{areas} areas: router's peak memory", f"{max(one.peak_mb for one in routed):.0f} MB"),
    ]


class _Course:
    """One exchange's server, a backlog in it, and a clock on how soon a program has dealt with that."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    async def __aenter__(self) -> Self:
        await self._scene.start()
        _keep_to(self._scene.server.pid, _SHARED)
        _keep_to(os.getpid(), _SHARED)
        self._bus = await connect(self._scene.access("admin"))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._bus.close()
        await self._scene.server.stop()

    async def run(self, program: Sequence[str], load: Sequence[Message], about: str = "") -> Pass:
        """Fill OUT, start the program, and wait until all is where it belongs."""
        async with Publisher(self._bus) as publisher:
            await asyncio.gather(*(publisher.publish(message.outgoing()) for message in load))
        before = await self._counts()
        goal = sum(len(message.to) for message in load), sum(message.audits for message in load)
        events = sum(message.audits == 1 for message in load)
        process = await asyncio.create_subprocess_exec(
            *program,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            preexec_fn=_use_all_cores,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(about.encode() + b"\n")
            await process.stdout.readline()
            began, own, server = time.perf_counter(), worked(process.pid), worked(self._scene.server.pid)
            async with asyncio.timeout(_LIMIT_S):
                while not await self._reached(before, goal):  # noqa: ASYNC110  another process works
                    await asyncio.sleep(_POLL_S)
            took = time.perf_counter() - began
            own, server = worked(process.pid) - own, worked(self._scene.server.pid) - server
            peak = _peak(process.pid)
        finally:
            process.terminate()
            await process.wait()
        return Pass(events / took, own / events * 1e6, server / events * 1e6, peak / 2**20)

    async def _counts(self) -> tuple[int, int]:
        """Messages in all inboxes, and in AUDIT."""
        return sum([await self._held(stream) for stream in _INBOXES]), await self._held(AUDIT)

    async def _held(self, stream: str) -> int:
        facts = await stream_facts(self._bus, stream)
        return int(facts["messages"])

    async def _reached(self, before: tuple[int, int], goal: tuple[int, int]) -> bool:
        """Asked of one stream first: the asking takes the server's time."""
        if await self._held(AUDIT) - before[1] < goal[1]:
            return False
        inboxes, _ = await self._counts()
        return inboxes - before[0] >= goal[0]

    async def sizes(self) -> Sizes:
        """What the router makes, by what it made last."""
        entries: dict[EntryKind, int] = {}
        at = (await stream_facts(self._bus, AUDIT))["last_seq"]
        while not {EntryKind.TAKEN, EntryKind.RECEIPT} <= set(entries):
            stored = await get_message(self._bus, AUDIT, at)
            assert stored is not None
            entries.setdefault(AuditEntry.from_bytes(stored.data).kind, len(stored.data))
            at -= 1
        views, passed = await self._deliveries()
        return Sizes(views, entries[EntryKind.TAKEN], passed, entries[EntryKind.RECEIPT])

    async def _deliveries(self) -> tuple[int, int]:
        """Bytes of a view, and of one receipt as it is passed on."""
        found: dict[InKind, int] = {}
        for stream in _INBOXES:
            at = (await stream_facts(self._bus, stream))["last_seq"]
            while at > 0 and not {InKind.VIEW, InKind.RECEIPTS} <= set(found):
                stored = await get_message(self._bus, stream, at)
                assert stored is not None
                _, kind, body = unframe(stored.data, 3, PROTOCOL_VERSION)
                count = len(canonical.decode(body)) if kind == InKind.RECEIPTS else 1
                found.setdefault(InKind(kind), len(stored.data) // count)
                at -= 1
        return found[InKind.VIEW], found[InKind.RECEIPTS]


def _keep_to(pid: int, cores: set[int]) -> None:
    """All threads of a process on these cores."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), cores)


def _use_all_cores() -> None:
    os.sched_setaffinity(0, _CORES)


def worked(pid: int) -> float:
    """Seconds of processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak(pid: int) -> int:
    """The most memory that a process has had, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


if __name__ == "__main__":
    for what, measured in run():
        print(f"{what:<70} {measured}")
