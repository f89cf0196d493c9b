"""How much memory a long history of one child takes, and whether it grows with the history.

Server, router and both front doors' gateways are programs of their own. One child's history lies at the old area; then a
person releases it, and the clock stops when the new area's gateway has checked it as whole. Of each program the most
memory that it has held since the release is shown (`VmHWM`, set back before it), and how much of that came with it. The
largest message is that of all that any of the gateways was ever given. Other sizes: `make bench ARGS="memory:1000,5000"`.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adapters.gateway.api import Gateway
from adapters.gateway.frontdoor.actions import Person
from schemas.wire import MAX_MESSAGE_BYTES
from tests.bench.handover import about, counted, deliveries, until, whole
from tests.rig.cast import children
from tests.support.events import CUMBERLAND
from tests.support.exchange import exchange
from tests.support.processes import Running, program

SIZE: Final = "HANDRAIL_BENCH_SIZE"
_USUAL: Final = "1000,5000,20000"
_WORKER: Final = Person("Rowan Example", "social worker")
_AT_ONCE: Final = 1_000
_NAMES: Final = {"router": "router", "cumberland": "old front door", "westmorland": "new front door"}
_LARGEST: Final = "SELECT coalesce(max(length(body)), 0) FROM inbox"


@dataclass(frozen=True, slots=True)
class _Peak:
    """Of one program, in MiB: before the release, and at most since."""

    before: float
    most: float


def run() -> list[tuple[str, str]]:
    """Each size in an exchange of its own."""
    rows = [
        (
            "events in the history",
            "from the release until it is whole; most MiB held (since the release); bytes",
        )
    ]
    for events in (int(one) for one in os.environ.get(SIZE, _USUAL).split(",")):
        with tempfile.TemporaryDirectory(prefix="handrail-bench-") as folder:
            took, peaks, largest = asyncio.run(_measure(Path(folder), events))
        assert largest <= MAX_MESSAGE_BYTES, largest
        shown = "; ".join(
            f"{said} {peaks[name].most:.0f} (+{peaks[name].most - peaks[name].before:.0f})"
            for name, said in _NAMES.items()
        )
        rows.append((f"{events:,}", f"{took:.0f} s; {shown}; largest message {largest:,}"))
        print(*rows[-1], file=sys.stderr, flush=True)
    return rows


async def _measure(folder: Path, events: int) -> tuple[float, Mapping[str, _Peak], int]:
    async with exchange(folder) as it:
        with ExitStack() as running:
            programs = {
                "router": running.enter_context(
                    program(folder / "router.log", "router", "--data", it.layout.data)
                )
            }
            for name in ("health", "cumberland", "westmorland"):
                log = folder / f"{name}.log"
                programs[name] = running.enter_context(
                    program(log, "gateway", "run", "--home", it.home(name))
                )
            old, new, health = (
                running.enter_context(it.open(name)) for name in ("cumberland", "westmorland", "health")
            )
            handover = _a_history(old, health, events)
            before = {name: _memory(programs[name]) for name in _NAMES}
            began = time.perf_counter()
            old.actions.release(handover, _WORKER)
            until("granted", events, lambda: counted(new, "SELECT count(*) FROM history"))
            until("checked as whole", 1, lambda: whole(new))
            took = time.perf_counter() - began
            peaks = {name: _Peak(before[name], _most(programs[name])) for name in _NAMES}
        return took, peaks, max(counted(one, _LARGEST) for one in (old, new))


def _a_history(old: Gateway, health: Gateway, events: int) -> str:
    """One child's, at the old area, and an open handover of it."""
    [child] = children(1)
    here = {"residence": {"gss": CUMBERLAND}}
    old.publish(about(child, "plan.opened", here))
    until("plan", 1, lambda: deliveries(old))
    for start in range(1, events, _AT_ONCE):
        some = min(_AT_ONCE, events - start)
        health.publish_many(about(child, "appointment.missed", here) for _ in range(some))
    until("events at the old area", events, lambda: deliveries(old))
    health.publish(about(child, "move.notified", {}))
    until("the move at the old area", events + 1, lambda: deliveries(old))
    until("the handover", 1, lambda: len(old.actions.handovers()))
    return str(old.actions.handovers()[0].handover.hex())


def _memory(running: Running) -> float:
    """MiB held now; the most held counts from here on."""
    Path(f"/proc/{running.process.pid}/clear_refs").write_text("5", "ascii")
    return _status(running, "VmRSS")


def _most(running: Running) -> float:
    return _status(running, "VmHWM")


def _status(running: Running, name: str) -> float:
    lines = Path(f"/proc/{running.process.pid}/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))


if __name__ == "__main__":
    for what, measured in run():
        print(f"{what:<30} {measured}")
