"""How long from an author's ``publish`` to the reader's opening it, at 200 events a second, beside the bare bus.

The bare bus: a durable publish, a pull, a durable publish, a pull, with the same client, at the same rate, in the same
minute. The router is a program of its own; both gateways and the two vendors' programs share this process, so that what
is measured has the two cores to itself and nothing more.
"""

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Final

from adapters.gateway.api import Gateway
from broker.bus.publisher import Outgoing, Publisher
from broker.bus.puller import Puller
from broker.bus.subjects import shard_of
from broker.bus.topology import DEFAULT_SHARDS, OUT, in_stream, router_durable, shard_subject
from schemas.wire import Lane
from tests.support.events import CUMBERLAND, a_document
from tests.support.exchange import Exchange, exchange

_RATE: Final = 200
_SECONDS: Final = 2
_LOOK_S: Final = 0.002
_LIMIT_S: Final = 60.0
_ROUTER: Final = (sys.executable, "-c", "from broker.cli import main; main()", "router", "--data")


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
    async with exchange(folder) as it:
        bare = await _bare(it)
        router = await asyncio.create_subprocess_exec(
            *_ROUTER, str(it.layout.data), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert router.stdout is not None
        try:
            await router.stdout.readline()
            async with it.gateway("health") as author, it.gateway("cumberland") as reader:
                return bare, await _whole(author, reader)
        finally:
            router.terminate()
            await router.wait()


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

        async def send(turn: int) -> None:
            key = turn.to_bytes(8, "big")
            began[key] = time.perf_counter()
            await out.publish(Outgoing(f"out.{me}.normal.0", key + bytes(3000), f"bare-{turn}"))

        await _at_the_rate(send)
        await arriving
        carrying.cancel()
    return took


async def _whole(author: Gateway, reader: Gateway) -> list[float]:
    began: dict[bytes, float] = {}
    took: list[float] = []

    async def opening() -> None:
        while len(took) < _RATE * _SECONDS:
            seen = reader.home.store.version()
            while (item := _next(reader, len(took) + 1)) is not None:
                reader.read(len(took) + 1, role="duty worker")
                took.append(time.perf_counter() - began[item])
            while reader.home.store.version() == seen:  # noqa: ASYNC110  the gateway writes over another connection
                await asyncio.sleep(_LOOK_S)

    async def send(turn: int) -> None:
        now = time.perf_counter()
        kind = "concern.raised" if turn == 0 else "appointment.missed"
        event_id = author.publish(a_document(kind, n=turn + 1, residence={"gss": CUMBERLAND}))
        began[event_id.raw] = now

    async with asyncio.timeout(_LIMIT_S), asyncio.TaskGroup() as tasks:
        tasks.create_task(opening())
        await _at_the_rate(send)
    return took


def _next(reader: Gateway, number: int) -> bytes | None:
    """The event under a number, once it is there; only events come to this reader, so they count from 1."""
    with reader.home.store.work() as work:
        row = work.inbox.get(number)
    return row.message_id if row is not None and row.state == "applied" else None


async def _at_the_rate(send: Callable[[int], Coroutine[None, None, None]]) -> None:
    began = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for turn in range(_RATE * _SECONDS):
            await asyncio.sleep(max(0.0, began + turn / _RATE - time.perf_counter()))
            tasks.create_task(send(turn))


def _at(times: list[float], share: float) -> float:
    return statistics.quantiles(times, n=1000)[round(share * 1000) - 1]


if __name__ == "__main__":
    for what, measured in run():
        print(f"{what:<60} {measured}")
