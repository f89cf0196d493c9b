"""How long from an author's ``publish`` to the reader's opening it, at 200 events a second, beside the bare bus.

The bare bus: a durable publish, a pull, a durable publish, a pull, with the same client, at the same rate, in the same
minute. Router, author's gateway, reader's gateway and the reader's own program are programs of their own, as they are in
life; this one is the author's. Every time is counted from when the event was due to be published, so that a program that
cannot keep up is seen. What falls due while the author's disk is busy, it publishes together; the reader opens at once
whatever is there. Before it, the same at 20 a second, when nothing waits for anything. Processor time is of all that a
program does meanwhile, receipts and clocks included.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

from adapters.gateway.api import Gateway
from broker.bus.publisher import Outgoing, Publisher
from broker.bus.puller import Puller
from broker.bus.subjects import shard_of
from broker.bus.topology import DEFAULT_SHARDS, OUT, in_stream, router_durable, shard_subject
from schemas.wire import Lane
from tests.bench.relay import worked
from tests.support.events import CUMBERLAND, a_document
from tests.support.exchange import Exchange, FewPlaces, exchange

_RATE: Final = 200
_QUIET_RATE: Final = 20
_EVENTS: Final = {_QUIET_RATE: 100, _RATE: 1000}
"""How many at each rate, in that order."""
_LOOK_S: Final = 0.05
_LIMIT_S: Final = 60.0
_HANDRAIL: Final = (sys.executable, "-c", "from broker.cli import main; main()")
_OPENING: Final = (sys.executable, "-m", "tests.bench.latency")


def run() -> list[tuple[str, str]]:
    """First the bare bus, then everything."""
    with tempfile.TemporaryDirectory(prefix="handrail-bench-") as folder:
        it = asyncio.run(_measure(Path(folder)))
    rows = [(f"p50 from publish to opened at {_QUIET_RATE} a second", f"{_at(it.quiet, 0.5) * 1e3:.1f} ms")]
    for name, share, goal in (("p50", 0.5, 5), ("p99", 0.99, 10)):
        floor, ours = _at(it.bare, share), _at(it.whole, share)
        rows += [
            (f"{name} of the bare bus, twice published and pulled", f"{floor * 1e3:.1f} ms"),
            (f"{name} from publish to opened", f"{ours * 1e3:.1f} ms"),
            (f"{name} ratio (goal at most {goal})", f"{ours / floor:.1f}"),
        ]
    each = {name: seconds / len(it.whole) * 1e3 for name, seconds in it.spent.items()}
    rows += [
        (f"processor time per event at {_RATE} a second, all programs", f"{sum(each.values()):.2f} ms"),
        ("of it, in ms", ", ".join(f"{name} {spent:.2f}" for name, spent in each.items())),
    ]
    return [(f"events, at {_RATE} a second", f"{len(it.whole)}"), *rows]


@dataclass(frozen=True, slots=True)
class _Measured:
    bare: list[float]
    quiet: list[float]
    whole: list[float]
    spent: dict[str, float]
    """Processor time of each program while the events of ``whole`` went their way, in seconds."""


async def _measure(folder: Path) -> _Measured:
    async with exchange(folder) as it, AsyncExitStack() as running:

        async def start(*command: str | Path) -> _Program:
            return await running.enter_async_context(_program(*command))

        bare = await _bare(it)
        programs = {"router": await start(*_HANDRAIL, "router", "--data", it.layout.data)}
        for name in ("health", "cumberland"):
            gateway = await start(*_HANDRAIL, "gateway", "run", "--home", it.home(name))
            programs[f"{'author' if name == 'health' else 'reader'}'s gateway"] = gateway
        opening = programs["reader"] = await start(*_OPENING, it.home("cumberland"))
        pids = {"author": os.getpid(), "nats-server": it.server.pid}
        pids |= {name: program.pid for name, program in programs.items()}
        with it.open("health") as author:
            quiet = await _whole(author, opening, _QUIET_RATE, 0)
            before = {name: worked(pid) for name, pid in pids.items()}
            whole = await _whole(author, opening, _RATE, len(quiet))
            spent = {name: worked(pid) - before[name] for name, pid in pids.items()}
        return _Measured(bare, quiet, whole, spent)


@dataclass(frozen=True, slots=True)
class _Program:
    pid: int
    says: asyncio.StreamReader


@asynccontextmanager
async def _program(*command: str | Path) -> AsyncIterator[_Program]:
    """A program that has said its first line, until the block ends."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        limit=1 << 24,
    )
    assert process.stdout is not None
    try:
        await process.stdout.readline()
        yield _Program(process.pid, process.stdout)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _bare(it: Exchange) -> list[float]:
    """Author to OUT, OUT to a relay, relay to IN, IN to the reader: nothing looked at on the way."""
    began: dict[bytes, float] = {}
    took: list[float] = []
    author, relay, reader = [await it.connect(name) for name in ("health", "router", "cumberland")]
    me, you = it.members["health"], it.members["cumberland"]
    async with (
        Publisher(author) as out,
        Publisher(relay) as onward,
        Puller(relay, OUT, router_durable(Lane.NORMAL)) as middle,
        Puller(reader, in_stream(shard_of(you, DEFAULT_SHARDS)), you) as end,
        asyncio.TaskGroup() as tasks,
    ):

        async def carry() -> None:
            async for batch in middle.batches():
                for one in batch:
                    name = f"on-{one.data[:8].hex()}"
                    await onward.publish(Outgoing(shard_subject(you, DEFAULT_SHARDS), one.data, name))
                    await middle.ack(one)

        async def arrive() -> None:
            while len(took) < _EVENTS[_RATE]:
                for one in await end.next_batch():
                    took.append(time.perf_counter() - began[one.data[:8]])
                    await end.ack(one)

        carrying, arriving = tasks.create_task(carry()), tasks.create_task(arrive())

        async def send(turn: int, when: float) -> None:
            key = turn.to_bytes(8, "big")
            began[key] = when
            await out.publish(Outgoing(f"out.{me}.normal.0", key + bytes(3000), f"bare-{turn}"))

        await _at_the_rate(send, _RATE)
        await arriving
        carrying.cancel()
    return took


async def _whole(author: Gateway, opening: _Program, rate: int, before: int) -> list[float]:
    """``before``: how many events there have been. The first of all opens the child's matter."""
    due: dict[str, float] = {}
    waiting: list[tuple[float, dict[str, Any]]] = []
    publishing = asyncio.Lock()

    async def send(turn: int, when: float) -> None:
        number = before + turn + 1
        kind = "concern.raised" if number == 1 else "appointment.missed"
        waiting.append((when, a_document(kind, n=number, residence={"gss": CUMBERLAND})))
        async with publishing:
            taken, waiting[:] = waiting[:], []
            if not taken:
                return  # it went with those before it
            event_ids = await asyncio.to_thread(author.publish_many, [document for _, document in taken])
            due.update(
                zip([event_id.raw.hex() for event_id in event_ids], [when for when, _ in taken], strict=True)
            )

    async with asyncio.timeout(_LIMIT_S):
        await _at_the_rate(send, rate)
        opened: dict[str, float] = json.loads(await opening.says.readline())
    return [opened[event_id] - when for event_id, when in due.items()]


def opens(home: Path) -> None:
    """The reader's program: open what comes, at once; after the last of each rate say when each event was open."""
    opened: dict[str, float] = {}
    with Gateway.open(home, places=FewPlaces) as reader, reader.home.store.bell() as bell:
        print("ready", flush=True)
        for enough in accumulate(_EVENTS.values()):
            while len(opened) < enough:
                seen = reader.home.store.version()
                while there := _there(reader, len(opened)):
                    numbers = range(len(opened) + 1, len(opened) + 1 + len(there))
                    reader.read_many(numbers, role="duty worker")
                    opened |= dict.fromkeys(there, time.perf_counter())
                while len(opened) < enough and reader.home.store.version() == seen:
                    bell.wait(_LOOK_S)
            print(json.dumps(opened), flush=True)


def _there(reader: Gateway, after: int) -> list[str]:
    """The events that came after so many; only events come to this reader, so they count from 1."""
    found: list[str] = []
    with reader.home.store.look() as work:
        while (row := work.inbox.get(after + len(found) + 1)) is not None and row.state == "applied":
            found.append(row.message_id.hex())
    return found


async def _at_the_rate(send: Callable[[int, float], Coroutine[None, None, None]], rate: int) -> None:
    began = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for turn in range(_EVENTS[rate]):
            due = began + turn / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            tasks.create_task(send(turn, due))


def _at(times: list[float], share: float) -> float:
    return statistics.quantiles(times, n=1000)[round(share * 1000) - 1]


if __name__ == "__main__":
    opens(Path(sys.argv[1]))
