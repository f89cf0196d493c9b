"""A board's node: taking the trail in, learning it anew, and every question of the catalogue.

`BOARD_ENTRIES=10000000 make bench ARGS="board"` for ten million entries; without it 100,000. Each share has one receipt of
delivery and most one of opening; every fiftieth child moves. Questions are asked as a person asks them, recorded on disk
first (the bus, which has it before an answer leaves, is not in these figures); the disk's own flush stands beside. All of it in one process.
"""

import hashlib
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

from broker.audit.relearning import rebuild
from broker.board.questions import CATALOGUE, Takes
from broker.crypto.tree import inclusion_proof, leaf_hash
from broker.durable import write_whole
from broker.store.audit.rows import Came
from schemas.audit import EntryKind
from schemas.wire import EventClass, ReceiptKind
from tests.support.audit_trail import Trail, an_id
from tests.support.board import Board, a_board_of
from tests.support.directory import CUMBERLAND, WESTMORLAND
from tests.support.exchange import make_exchange
from tests.support.own_trail import unsafe_no_bus

ENTRIES: Final = int(os.environ.get("BOARD_ENTRIES", "100000"))
BATCH: Final = 2_000
ASKED: Final = 40
PROOFS: Final = 200
SHARES_OF_A_CHILD: Final = 12
_KINDS: Final = (
    *("attendance.summary", "health.presentation", "plan.changed", "appointment.missed") * 24,
    *("concern.raised", "concern.closed", "plan.opened", "plan.closed", "da.incident", "share.declined"),
)
"""What is shared, in turn: most of it is no beginning and no end."""


def run() -> list[tuple[str, str]]:
    """The rows of the table."""
    with tempfile.TemporaryDirectory() as name:
        trail = Trail()
        with unsafe_no_bus(), a_board_of(trail, make_exchange(Path(name))) as board:
            return _measured(board, trail, Path(name))


def _measured(board: Board, trail: Trail, folder: Path) -> list[tuple[str, str]]:
    projection = trail.projection()
    taking, count, size = 0.0, 0, 0
    source = _entries(trail)
    while batch := list(islice(source, BATCH)):
        began = time.perf_counter()
        with board.store.work() as work:
            projection.take_all(work, [Came(data, count + at) for at, data in enumerate(batch)])
            work.add_leaves((count + at, leaf_hash(data)) for at, data in enumerate(batch))
        taking += time.perf_counter() - began
        count += len(batch)
        size += sum(map(len, batch))
    flush = statistics.median(
        _timed(lambda: write_whole(folder / "flush", bytes(BATCH * 300))) for _ in range(20)
    )
    hashing = _timed(lambda: [hashlib.sha256(bytes(size // count)).digest() for _ in range(count)])
    rebuilding = _timed(lambda: rebuild(projection, board.store))
    with board.store.work() as work:
        proofs = [
            _timed(partial(inclusion_proof, work.subtree, at * 7919 % count, count)) for at in range(PROOFS)
        ]
    rows = [
        (f"taking in {count:,} entries, {BATCH:,} at a time, durable", f"{count / taking:,.0f} entries/s"),
        ("one flush of such a batch by itself, median", f"{flush * 1000:.1f} ms"),
        ("taking in, against SHA-256 over the same bytes", f"{taking / hashing:.0f} x"),
        ("learning all of it anew", f"{count / rebuilding:,.0f} entries/s"),
        ("inclusion proof from what is kept, median", f"{statistics.median(proofs) * 1000:.2f} ms"),
    ]
    cases = [f"CC-{child}" for child in range(0, count // (SHARES_OF_A_CHILD * 3), 7)][:ASKED]
    one_child = [_timed(partial(board.ask, "Q1", case=case)) for case in cases]
    rows.append(("one child by case reference, recorded first, median", f"{_ms(one_child)}"))
    return rows + [_question(board, key) for key in CATALOGUE if Takes.CHILD not in CATALOGUE[key].needs]


def _question(board: Board, key: str) -> tuple[str, str]:
    given: dict[str, Any] = {"since": "2026-01-01"} if Takes.PERIOD in CATALOGUE[key].takes else {}
    times = sorted(_timed(partial(board.ask, key, **given)) for _ in range(ASKED))
    return f"{key} {CATALOGUE[key].title.lower()}, p99", f"{times[ASKED * 99 // 100] * 1000:,.1f} ms"


def _entries(trail: Trail) -> Iterator[bytes]:
    key, setup = trail.key()
    trail.add(EntryKind.SLIP_KEY, **setup)
    share = 0
    while trail.number < ENTRIES:
        child, area = share // SHARES_OF_A_CHILD, CUMBERLAND if share % 2 else WESTMORLAND
        event = f"e{share}"
        kind = _KINDS[share % len(_KINDS)]
        moves = child % 50 == 0 and share % SHARES_OF_A_CHILD == 0
        trail.taken(
            event,
            child=f"c{child}",
            area=area,
            slip=(key, kind, f"CC-{child}"),
            event_class=EventClass.MOVE if moves else EventClass.CONCERN,
        )
        trail.receipt(event, "cumberland", ReceiptKind.DELIVERED)
        if share % 20:
            trail.receipt(event, "cumberland", ReceiptKind.OPENED)
        if moves:
            _move(trail, child, event)
        yield from trail.entries
        trail.entries.clear()
        share += 1


def _move(trail: Trail, child: int, event: str) -> None:
    common: dict[str, Any] = {
        "child": an_id(f"c{child}"),
        "handover": an_id(f"h{child}"),
        "evidence": an_id(event),
    }
    for step, state in (("noticed", "noticed"), ("release", "released"), ("accept", "accepted")):
        trail.add(
            EntryKind.HANDOVER, step=step, state=state, from_area=CUMBERLAND, to_area=WESTMORLAND, **common
        )


def _ms(times: list[float]) -> str:
    return f"{statistics.median(times) * 1000:.1f} ms, worst of {len(times)} {max(times) * 1000:.1f} ms"


def _timed(step: Callable[[], object]) -> float:
    began = time.perf_counter()
    step()
    return time.perf_counter() - began
