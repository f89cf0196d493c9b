"""How long from an author's ``publish`` to the reader's opening it, at 200 events a second, beside the bare bus.

The bare bus: a durable publish, a pull, a durable publish, a pull, with the same client, at the same rate, in the same
minute. Router, author's gateway, reader's gateway and the reader's own program are programs of their own, as they are in
life; this one is the author's. Every time is counted from when the event was due to be published, so that a program that
cannot keep up is seen.
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
from pathlib import Path
from typing import Final

from adapters.gateway.api import Gateway
from broker.bus.publisher import Outgoing, Publisher
from broker.bus.puller import Puller
from broker.bus.subjects import shard_of
from broker.bus.topology import DEFAULT_SHARDS, OUT, in_stream, router_durable, shard_subject
from schemas.wire import Lane
from tests.support.events import CUMBERLAND, a_document
from tests.support.exchange import Exchange, FewPlaces, exchange

_RATE: Final = 200
_SECONDS: Final = 5
_LOOK_S: Final = 0.05
_LIMIT_S: Final = 60.0
_HANDRAIL: Final = (sys.executable, "-c", "from broker.cli import main; main()")
_OPENING: Final = (sys.executable, "-m", "tests.bench.latency")


def run() -> list[tuple[str, str]]:
    """First the bare bus, then everything."""
    with tempfile.TemporaryDirectory(prefix="handrail-bench-") as folder:
        bare, whole = asyncio.run(_measure(Path(folder)))
    rows = []
    for name, share, goal in (("p50", 0.5, 5), ("p99", 0.99, 10)):
        floor, ours = _at(bare, share), _at(whole, share)
        rows += [
            (f"{name} of the bare bus, twice published and pulled", f"{floor * 1e3:.1f} ms"),
            (f"{name} from publish to opened", f"{ours * 1e3:.1f} ms"),
            (f"{name} ratio (goal at most {goal})", f"{ours / floor:.1f}"),
        ]
    return [(f"events, at {_RATE} a second", f"{len(whole)}"), *rows]


async def _measure(folder: Path) -> tuple[list[float], list[float]]:
    async with exchange(folder) as it, AsyncExitStack() as running:
        bare = await _bare(it)
        await running.enter_async_context(_program(*_HANDRAIL, "router", "--data", it.layout.data))
        for name in ("health", "cumberland"):
            await running.enter_async_context(_program(*_HANDRAIL, "gateway", "run", "--home", it.home(name)))
        opening = await running.enter_async_context(_program(*_OPENING, it.home("cumberland")))
        with it.open("health") as author:
            return bare, await _whole(author, opening)


@asynccontextmanager
async def _program(*command: str | Path) -> AsyncIterator[asyncio.StreamReader]:
    """A program that has said its first line, until the block ends; gives the rest of what it says."""
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
        yield process.stdout
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
            while len(took) < _RATE * _SECONDS:
                for one in await end.next_batch():
                    took.append(time.perf_counter() - began[one.data[:8]])
                    await end.ack(one)

        carrying, arriving = tasks.create_task(carry()), tasks.create_task(arrive())

        async def send(turn: int, when: float) -> None:
            key = turn.to_bytes(8, "big")
            began[key] = when
            await out.publish(Outgoing(f"out.{me}.normal.0", key + bytes(3000), f"bare-{turn}"))

        await _at_the_rate(send)
        await arriving
        carrying.cancel()
    return took


async def _whole(author: Gateway, opening: asyncio.StreamReader) -> list[float]:
    due: dict[str, float] = {}

    async def send(turn: int, when: float) -> None:
        kind = "concern.raised" if turn == 0 else "appointment.missed"
        document = a_document(kind, n=turn + 1, residence={"gss": CUMBERLAND})
        event_id = await asyncio.to_thread(author.publish, document)
        due[event_id.raw.hex()] = when

    async with asyncio.timeout(_LIMIT_S):
        await _at_the_rate(send)
        opened: dict[str, float] = json.loads(await opening.readline())
    return [opened[event_id] - when for event_id, when in due.items()]


def opens(home: Path) -> None:
    """The reader's program: open what comes, at once; then say when each event was open."""
    opened: dict[str, float] = {}
    with Gateway.open(home, places=FewPlaces) as reader, reader.home.store.bell() as bell:
        print("ready", flush=True)
        while len(opened) < _RATE * _SECONDS:
            seen = reader.home.store.version()
            while there := _there(reader, len(opened)):
                numbers = range(len(opened) + 1, len(opened) + 1 + len(there))
                reader.read_many(numbers, role="duty worker")
                now = time.perf_counter()
                opened |= dict.fromkeys(there, now)
            while reader.home.store.version() == seen:
                bell.wait(_LOOK_S)
    print(json.dumps(opened), flush=True)


def _there(reader: Gateway, after: int) -> list[str]:
    """The events that came after so many; only events come to this reader, so they count from 1."""
    found: list[str] = []
    with reader.home.store.look() as work:
        while (row := work.inbox.get(after + len(found) + 1)) is not None and row.state == "applied":
            found.append(row.message_id.hex())
    return found


async def _at_the_rate(send: Callable[[int, float], Coroutine[None, None, None]]) -> None:
    began = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for turn in range(_RATE * _SECONDS):
            due = began + turn / _RATE
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            tasks.create_task(send(turn, due))


def _at(times: list[float], share: float) -> float:
    return statistics.quantiles(times, n=1000)[round(share * 1000) - 1]


if __name__ == "__main__":
    opens(Path(sys.argv[1]))
