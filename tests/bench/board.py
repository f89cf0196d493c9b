"""A board's node: taking the trail in, learning it anew, and every question of the catalogue.

`make bench ARGS="board:10000000"` for ten million entries; without a size 100,000. Each share has one receipt of delivery and
most one of opening; every fiftieth child moves. Every third share is a front door's, which tells bands of the child; every tenth
says who was told of it; members tell of what they owe: so each question has something to count. The first 100,000 entries are
taken in; of a longer trail the rest is put into the mirror, all is learnt anew, and then 50,000 more are taken in. Processor time
is of all processes together: where others use the cores too, it says more than the rate. Questions are asked as a person asks
them, about all the time that there is, and recorded on disk first (the bus, which has it before an answer leaves, is not in these
figures, nor is the wait for witnesses, which no answer waits for); p99 of 40, or of as many as fit into eight seconds. The disk's
own flush and SHA-256 stand beside, measured in the same minute as what they stand beside. Peak memory is of all that the bench does.
"""

import hashlib
import os
import resource
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

from broker.audit.projection import Projection
from broker.audit.relearning import rebuild
from broker.board.questions import CATALOGUE, Takes
from broker.crypto.tree import inclusion_proof, leaf_hash
from broker.durable import write_whole
from broker.lifecycle import settle_memory
from broker.store.audit.rows import Came
from schemas.default_policy import default_policy
from tests.bench.trail import SHARES_OF_A_CHILD, LongTrail
from tests.support.audit_trail import Trail
from tests.support.banding import with_bands
from tests.support.board import Board, a_board_of
from tests.support.exchange import make_exchange
from tests.support.own_trail import unsafe_no_bus

SIZE: Final = int(os.environ.get("HANDRAIL_BENCH_SIZE", "100000"))
TAKEN: Final = 100_000
MORE: Final = 50_000
BATCH: Final = 2_000
PUT: Final = 50_000
ASKED: Final = 40
ASKED_S: Final = 8.0
PROOFS: Final = 200


@dataclass(frozen=True, slots=True)
class Floor:
    """What the machine does in this very minute."""

    flush_s: float
    hash_s: float
    """Of 300 bytes."""

    @classmethod
    def measured(cls, folder: Path) -> "Floor":
        """Of one flush of a batch's bytes, and of one hash."""
        flush = statistics.median(
            _timed(lambda: write_whole(folder / "flush", bytes(BATCH * 300))) for _ in range(20)
        )
        hashing = _timed(lambda: [hashlib.sha256(bytes(300)).digest() for _ in range(PUT)])
        return cls(flush, hashing / PUT)

    def beside(self, spent: "Spent") -> str:
        """What an entry has taken, in both."""
        flushes = BATCH * spent.wall_s / self.flush_s
        return (
            f"{flushes:.0f} flushes a batch, {spent.wall_s / self.hash_s:.0f} x SHA-256 of as many bytes; "
            f"{spent.processor_s * 1e6:.0f} us of processor time an entry"
        )


@dataclass(frozen=True, slots=True)
class Spent:
    """On one entry."""

    wall_s: float
    processor_s: float

    @classmethod
    def on(cls, count: int, step: Callable[[], object]) -> "Spent":
        """Doing something with so many."""
        before, wall = _processor_s(), _timed(step)
        return cls(wall / count, (_processor_s() - before) / count)

    @property
    def rate(self) -> str:
        """How many a second."""
        return f"{1 / self.wall_s:,.0f} entries/s"


def run() -> list[tuple[str, str]]:
    """The rows of the table."""
    with tempfile.TemporaryDirectory() as name:
        trail = Trail()
        trail.world = trail.world.having(policy=with_bands(default_policy()))
        with unsafe_no_bus(), a_board_of(trail, make_exchange(Path(name))) as board:
            return _measured(board, trail, Path(name))


def _measured(board: Board, trail: Trail, folder: Path) -> list[tuple[str, str]]:
    settle_memory()  # as a running node does
    projection, source = trail.projection(), LongTrail(trail).entries()
    first, floor = _take(board, projection, source, 0, min(SIZE, TAKEN)), Floor.measured(folder)
    rows = [
        (f"taking in {TAKEN:,} entries, {BATCH:,} at a time, durable", first.rate),
        ("the same, against this disk and this processor", floor.beside(first)),
        ("one flush of such a batch by itself, median", f"{floor.flush_s * 1000:.1f} ms"),
    ]
    count = min(SIZE, TAKEN)
    if count < SIZE:
        _put(board, source, count, SIZE)
        count = SIZE
    floor = Floor.measured(folder)
    anew = Spent.on(count, lambda: rebuild(projection, board.store))
    rows += [
        (f"learning all {count:,} anew", anew.rate),
        ("the same, against this disk and this processor", floor.beside(anew)),
    ]
    _say_all(rows)
    if TAKEN < SIZE:
        later, floor = _take(board, projection, source, count, MORE), Floor.measured(folder)
        count += MORE
        rows += [
            (f"taking in {MORE:,} more", later.rate),
            ("the same, against this disk and this processor", floor.beside(later)),
            (
                "an entry taken in, against one of the first 100,000",
                f"{later.wall_s / first.wall_s:.2f} x the time, {later.processor_s / first.processor_s:.2f} x the "
                "processor time",
            ),
        ]
        _say_all(rows[-3:])
    rows += _proofs(board, count)
    cases = [f"CC-{child}" for child in range(0, count // (SHARES_OF_A_CHILD * 3), 7)][:ASKED]
    one_child = [_timed(partial(board.ask, "Q1", case=case)) for case in cases]
    rows.append(("one child by case reference, recorded first, median", f"{_ms(one_child)}"))
    _say_all(rows[-2:])
    for key in CATALOGUE:
        if Takes.CHILD not in CATALOGUE[key].needs:
            rows.append(_question(board, key))
            _say_all(rows[-1:])
    used = [
        resource.getrusage(who).ru_maxrss // 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    size = sum(path.stat().st_size for path in board.home.folder.glob("audit.db*"))
    rows += [
        ("peak memory, and of the largest process that helped to learn", f"{used[0]} MB, {used[1]} MB"),
        ("the store on disk", f"{size / 1e9:.2f} GB, {size / count:,.0f} bytes an entry"),
    ]
    _say_all(rows[-2:])
    return rows


def _take(board: Board, projection: Projection, source: Iterator[bytes], count: int, most: int) -> Spent:
    """Take entries in."""
    taking, processor, until = 0.0, 0.0, count + most
    while batch := list(islice(source, min(BATCH, until - count))):
        began, before = time.perf_counter(), _processor_s()
        with board.store.work() as work:
            projection.take_all(work, [Came(data, count + at) for at, data in enumerate(batch)])
            work.add_leaves((count + at, leaf_hash(data)) for at, data in enumerate(batch))
        taking += time.perf_counter() - began
        processor += _processor_s() - before
        count += len(batch)
    return Spent(taking / most, processor / most)


def _put(board: Board, source: Iterator[bytes], count: int, until: int) -> None:
    """Into the mirror and the tree, of which nothing is learnt yet."""
    began = time.perf_counter()
    with closing(sqlite3.connect(board.home.folder / "audit.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        while batch := list(islice(source, min(PUT, until - count))):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "INSERT INTO mirror (partition, number, leaf, body) VALUES (0, ?, ?, ?)",
                ((count + at + 1, count + at, data) for at, data in enumerate(batch)),
            )
            connection.execute("COMMIT")
            with board.store.work() as work:
                work.add_leaves((count + at, leaf_hash(data)) for at, data in enumerate(batch))
            count += len(batch)
            if count % (20 * PUT) == 0:
                _say(f"{count:,} of {until:,} entries lie in the mirror, {time.perf_counter() - began:.0f} s")


def _proofs(board: Board, count: int) -> list[tuple[str, str]]:
    with board.store.look() as work:
        every = [
            _timed(partial(inclusion_proof, work.subtree, at * 7919 % count, count)) for at in range(PROOFS)
        ]
    return [
        (
            "inclusion proof from what is kept, median",
            f"{statistics.median(every) * 1000:.2f} ms, worst of {PROOFS} {max(every) * 1000:.2f} ms",
        )
    ]


def _question(board: Board, key: str) -> tuple[str, str]:
    given: dict[str, Any] = {"since": "2026-01-01"} if Takes.PERIOD in CATALOGUE[key].takes else {}
    times: list[float] = []
    before = _processor_s()
    while len(times) < ASKED and sum(times) < ASKED_S:
        times.append(_timed(partial(board.ask, key, **given)))
    processor = (_processor_s() - before) / len(times) * 1000
    times.sort()
    few = f"; mean processor time {processor:,.1f} ms"
    few += "" if len(times) == ASKED else f" (of {len(times)})"
    return (
        f"{key} {CATALOGUE[key].title.lower()}, p99",
        f"{times[len(times) * 99 // 100] * 1000:,.1f} ms{few}",
    )


def _say_all(rows: list[tuple[str, str]]) -> None:
    for row in rows:
        _say(": ".join(row))


def _processor_s() -> float:
    """What this process, and those of its own that have ended, have used so far."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _say(what: str) -> None:
    print(f"  {what}", file=sys.stderr, flush=True)


def _ms(times: list[float]) -> str:
    return f"{statistics.median(times) * 1000:.1f} ms, worst of {len(times)} {max(times) * 1000:.1f} ms"


def _timed(step: Callable[[], object]) -> float:
    began = time.perf_counter()
    step()
    return time.perf_counter() - began
