"""How long 1,000 handovers at once take, each with a history of 50 events: from their releases until all are whole.

Server, router and both front doors' gateways are at work, all but the server in one process. Fifty thousand events lie at
the old area; then its people release every child at the same time, and the clock stops when the new area's gateway has
checked each history as whole. Beside it, in the same process: the cryptography of the same grants alone (as in the bench
of one history, without the people's reading), and writing what must be durable alone: each grant's bytes five times (the old gateway's outbox, the bus twice, the new
gateway's custody and its ledger), synced to the disk once for every 256, as nothing can be sooner. Another size:
`make bench ARGS="handover:100x50"`.
"""

import asyncio
import os
import tempfile
import time
from pathlib import Path
from typing import Final

from adapters.gateway.api import Gateway
from adapters.gateway.frontdoor.actions import Person
from schemas.ids import EventId
from tests.bench.history import cryptography
from tests.rig.cast import children
from tests.support.events import CUMBERLAND, Document, a_document
from tests.support.exchange import exchange, settled

SIZE: Final = "HANDRAIL_BENCH_SIZE"
_USUAL: Final = "1000x50"
_LIMIT_S: Final = 3_600.0
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
    async with (
        exchange(folder) as it,
        it.router(),
        it.gateway("health") as health,
        it.gateway("cumberland") as old,
        it.gateway("westmorland") as new,
    ):
        numbers = children(handovers)
        await _histories(old, health, numbers, events)
        for one in numbers:
            health.publish(_about(one, "move.notified", {}))
        await settled(lambda: len(old.actions.handovers()) == handovers, within=_LIMIT_S)
        await settled(lambda: _deliveries(old) == handovers * (events + 1), within=_LIMIT_S)
        begun = [view.handover for view in old.actions.handovers()]
        began = time.perf_counter()
        for handover in begun:
            old.actions.release(handover.hex(), _WORKER)
        await settled(lambda: _whole(new) == handovers, within=_LIMIT_S)
        took = time.perf_counter() - began
        with new.home.store.look() as work:
            sizes = [len(row.body) for row in work.inbox.history()]
        return took, cryptography(it, old, new, handovers * events, read=False), sum(sizes) // len(sizes)


async def _histories(old: Gateway, health: Gateway, numbers: list[str], events: int) -> None:
    here = {"residence": {"gss": CUMBERLAND}}
    for number, one in enumerate(numbers):
        old.publish(_about(one, "plan.opened", here | {"details": {"plan_ref": f"plan-{number}"}}))
    await settled(lambda: _deliveries(old) == len(numbers), within=_LIMIT_S)
    for one in numbers:
        health.publish_many(_about(one, "appointment.missed", here) for _ in range(events - 1))
    await settled(lambda: _deliveries(old) == len(numbers) * events, within=_LIMIT_S)


def _about(number: str, kind: str, more: Document) -> Document:
    fresh = str(EventId.from_raw(b"\x01\x9c\xad\xe2\x11\xc0\x7a" + os.urandom(1) + b"\x80" + os.urandom(7)))
    return a_document(kind, id=fresh, subject={"nhs_number": number}, **more)


_DELIVERIES: Final = "SELECT count(*) FROM inbox WHERE kind = 1 AND child IS NOT NULL AND state = 'applied'"
"""Views of events about a child with an open matter."""
_CHECKED: Final = "SELECT count(*) FROM handovers WHERE verify_sent"


def _deliveries(gateway: Gateway) -> int:
    return _counted(gateway, _DELIVERIES)


def _whole(gateway: Gateway) -> int:
    return _counted(gateway, _CHECKED)


def _counted(gateway: Gateway, query: str) -> int:
    """Cheap: it is asked all the while."""
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
