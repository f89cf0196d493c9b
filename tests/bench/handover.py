"""How long 1,000 handovers at once take, each with a history of 50 events: from their releases until all are whole.

Server, router and the gateways are programs of their own, as they are in life, on all cores that there are. Fifty thousand
events lie at the old area; then its people release every child, one command after the other, and the clock stops when the
new area's gateway has checked each history as whole. Beside it, on one core: the cryptography of the same grants alone (as
in the bench of one history, without the people's reading), and writing what must be durable alone: each grant's bytes five
times (the old gateway's outbox, the bus twice, the new gateway's custody and its ledger), synced to the disk once for every
256, as nothing can be sooner. Another size: `make bench ARGS="handover:100x50"`.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import Progress

from adapters.gateway.api import Gateway
from adapters.gateway.frontdoor.actions import Person
from schemas.ids import EventId
from tests.bench.history import cryptography
from tests.rig.cast import children
from tests.support.events import CUMBERLAND, Document, a_document
from tests.support.exchange import exchange
from tests.support.processes import program

SIZE: Final = "HANDRAIL_BENCH_SIZE"
_USUAL: Final = "1000x50"
_LIMIT_S: Final = 3_600.0
_LOOK_S: Final = 0.2
_COPIES: Final = 5
_BATCH: Final = 256
_WORKER: Final = Person("Rowan Example", "social worker")


def run() -> list[tuple[str, str]]:
    """All of them, then their floor."""
    handovers, events = (int(one) for one in os.environ.get(SIZE, _USUAL).split("x"))
    with tempfile.TemporaryDirectory(prefix="handrail-bench-") as folder:
        took, crypto, size = asyncio.run(_measure(Path(folder), handovers, events))
        writes = _durable(Path(folder), handovers * events, size)
    return [
        ("handovers at once, and events in each history", f"{handovers:,} x {events}"),
        ("from the first release until every history is checked as whole", f"{took:.1f} s"),
        ("their cryptography alone", f"{crypto:.1f} s"),
        (f"their durable writes alone ({size:,} bytes a grant)", f"{writes:.1f} s"),
        ("ratio (goal at most 3)", f"{took / (crypto + writes):.1f}"),
    ]


async def _measure(folder: Path, handovers: int, events: int) -> tuple[float, float, int]:
    async with exchange(folder) as it:
        with ExitStack() as running:
            running.enter_context(program(folder / "router.log", "router", "--data", it.layout.data))
            for name in ("health", "cumberland", "westmorland"):
                log = folder / f"{name}.log"
                running.enter_context(program(log, "gateway", "run", "--home", it.home(name)))
            old, new, health = (
                running.enter_context(it.open(name)) for name in ("cumberland", "westmorland", "health")
            )
            _histories(old, health, children(handovers), events)
            begun = [view.handover for view in old.actions.handovers()]
            began = time.perf_counter()
            for handover in begun:
                old.actions.release(handover.hex(), _WORKER)
            until("checked as whole", handovers, lambda: whole(new))
            took = time.perf_counter() - began
            with new.home.store.look() as work:
                sizes = [len(row.body) for row in work.inbox.history()]
            crypto = cryptography(it, old, new, handovers * events, read=False)
        return took, crypto, sum(sizes) // len(sizes)


def _histories(old: Gateway, health: Gateway, numbers: list[str], events: int) -> None:
    """Every child has its history at the old area, and a handover of it is open."""
    here = {"residence": {"gss": CUMBERLAND}}
    for number, one in enumerate(numbers):
        old.publish(about(one, "plan.opened", here | {"details": {"plan_ref": f"plan-{number}"}}))
    until("plans", len(numbers), lambda: deliveries(old))
    for one in numbers:
        health.publish_many(about(one, "appointment.missed", here) for _ in range(events - 1))
    until("events at the old area", len(numbers) * events, lambda: deliveries(old))
    for one in numbers:
        health.publish(about(one, "move.notified", {}))
    until("handovers", len(numbers), lambda: counted(old, _HANDOVERS))
    until("moves at the old area", len(numbers) * (events + 1), lambda: deliveries(old))


def until(what: str, wanted: int, count: Callable[[], int]) -> None:
    """Wait until there are so many, and show how it goes."""
    deadline = time.monotonic() + _LIMIT_S
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=wanted)
        while (found := count()) < wanted:
            assert time.monotonic() < deadline, f"{found} of {wanted} {what} in {_LIMIT_S:.0f} s"
            progress.update(task, completed=found)
            time.sleep(_LOOK_S)


def about(number: str, kind: str, more: Document) -> Document:
    fresh = str(EventId.from_raw(b"\x01\x9c\xad\xe2\x11\xc0\x7a" + os.urandom(1) + b"\x80" + os.urandom(7)))
    return a_document(kind, id=fresh, subject={"nhs_number": number}, **more)


_DELIVERIES: Final = "SELECT count(*) FROM inbox WHERE kind = 1 AND child IS NOT NULL AND state = 'applied'"
"""Views of events about a child with an open matter."""
_HANDOVERS: Final = "SELECT count(*) FROM handovers"
_CHECKED: Final = "SELECT count(*) FROM handovers WHERE verify_sent"


def deliveries(gateway: Gateway) -> int:
    return counted(gateway, _DELIVERIES)


def whole(gateway: Gateway) -> int:
    return counted(gateway, _CHECKED)


def counted(gateway: Gateway, query: str) -> int:
    with gateway.home.store.look() as work:
        return int(work.connection.exec_driver_sql(query).scalar() or 0)


def _durable(folder: Path, count: int, size: int) -> float:
    """The same bytes into five files, synced as seldom as can be."""
    files = [(folder / f"floor-{number}").open("wb", buffering=0) for number in range(_COPIES)]
    body = os.urandom(size) * _BATCH
    began = time.perf_counter()
    for _ in range(0, count, _BATCH):
        for file in files:
            file.write(body)
            os.fsync(file.fileno())
    took = time.perf_counter() - began
    for file in files:
        file.close()
    return took


if __name__ == "__main__":
    for what, measured in run():
        print(f"{what:<70} {measured}")
