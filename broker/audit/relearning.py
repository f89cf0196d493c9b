"""All that a board has learnt, learnt anew from the mirror: by several processes, each of one part of the trail.

What a crash means at each numbered gap (``broker.faults``):

* gap 1, before the shelves are moved: nothing but shelves lies around, which the next one removes.
* gap 2, all is moved and nothing committed: what was learnt before is there, as it was.
"""

import multiprocessing
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from broker.audit.projection import BoardKeys, Projection
from broker.crypto.vault import Vault
from broker.faults import Gap, no_gap
from broker.lifecycle import settle_memory
from broker.progress import Progress, Tells, untold
from broker.store.audit.batch import Batch
from broker.store.audit.rows import Place
from broker.store.audit.shelves import Shelf, mirrored_between, remove, shelf_paths, sweep
from broker.store.audit.store import AuditStore
from schemas.audit import EntryKind

if TYPE_CHECKING:
    from multiprocessing.sharedctypes import Synchronized

_WORTH_IT: Final = 100_000
"""From so many entries on another process has more to do than to start."""
_MOST_PROCESSES: Final = 4
_LEARNING: Final = "Learning the trail anew"
_TELL_EVERY_S: Final = 0.5
_WORD: Final = EntryKind.SLIP_KEY.value.encode()


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the trail for one process. Its secrets open slips, and nothing else; they go through a pipe."""

    store: Path
    after: Place
    last: Place
    shelf: Path
    board: str
    secrets: Mapping[tuple[str, bytes], bytes]


def rebuild(
    projection: Projection,
    store: AuditStore,
    *,
    processes: int | None = None,
    gap: Gap = no_gap,
    tells: Tells = untold,
) -> int:
    """Throw away all that was learnt and learn it again from the mirror; gives how many entries there are.

    Raises UnavailableError: the disk took no write; what was learnt before is as it was.
    """
    if store.path is None:
        return _in_place(projection, store, tells(_LEARNING))
    sweep(store.path)
    with store.look() as work:
        newest = work.newest_mirrored()
        secrets = projection.slip_keys(work.mirrored_with(_WORD))
    size = sum(place.number for place in newest)
    if processes is None:
        processes = 1 if size < _WORTH_IT else min(os.cpu_count() or 1, _MOST_PROCESSES)
    cuts = _cuts(newest, processes)
    shelves = shelf_paths(store.path, len(cuts))
    parts = [
        Part(store.path, after, last, shelf, projection.board, secrets)
        for (after, last), shelf in zip(cuts, shelves, strict=True)
    ]
    try:
        _fill(parts, tells(_LEARNING), size)
        gap(1)
        with store.moving(shelves, tells("Putting it in order")) as work:
            # What came meanwhile, and what wants the board's own keys.
            for came in work.unlearnt():
                projection.relearn(work, came)
            work.learnt_all()
            gap(2)
            return work.count_learnt()
    finally:
        remove(shelves)


def _in_place(projection: Projection, store: AuditStore, progress: Progress) -> int:
    with store.work() as work:
        size, done = sum(place.number for place in work.newest_mirrored()), 0
        work.forget()
        for came in work.mirrored():
            projection.relearn(work, came)
            progress(done := done + len(came), size)
        work.learnt_all()
        return work.count_learnt()


def _fill(parts: Sequence[Part], progress: Progress, size: int) -> None:
    if len(parts) == 1:
        learn_part(parts[0], lambda done: progress(done, size))
        return
    # Not forked: nobody knows what other threads of this one hold just now.
    started = multiprocessing.get_context("spawn")
    done = started.Value("q", 0)
    with ProcessPoolExecutor(len(parts), started, _settle, (done,)) as pool:
        waiting = {pool.submit(_learn_one, part) for part in parts}
        while waiting:
            ended, waiting = wait(waiting, _TELL_EVERY_S, FIRST_COMPLETED)
            for one in ended:
                one.result()
            progress(done.value, size)


_done: "Synchronized[int] | None" = None
"""Of a process that learns a part: how many entries all of them have learnt so far."""


def _settle(done: "Synchronized[int]") -> None:
    global _done  # noqa: PLW0603  one process, one pool
    _done = done
    settle_memory()


def _learn_one(part: Part) -> None:
    before = 0

    def add(learnt: int) -> None:
        nonlocal before
        assert _done is not None
        with _done.get_lock():
            _done.value += learnt - before
        before = learnt

    learn_part(part, add)


def learn_part(part: Part, learnt: Callable[[int], None] = lambda _: None) -> None:
    """Put on its shelf what a part of the trail teaches; ``learnt`` is told how many entries that were so far."""
    projection = Projection(
        BoardKeys(part.board, {}, Vault(bytes(32)), _nobody, _nobody)  # it opens slips by the secrets alone
    )
    shelf, count = Shelf(part.shelf), 0
    for bodies in mirrored_between(part.store, part.after, part.last):
        batch = Batch()
        projection.teach(batch, bodies, part.secrets)
        shelf.put(batch)
        learnt(count := count + len(bodies))
    shelf.close()


def _nobody(_key_id: str) -> None:
    return None


def _cuts(newest: Sequence[Place], count: int) -> list[tuple[Place, Place]]:
    """The trail in parts that hold about as many entries each, as far as numbers without holes tell."""
    size = sum(place.number for place in newest)
    cuts: list[tuple[Place, Place]] = []
    after, passed = Place(-1, 0), 0
    for place in newest:
        while len(cuts) < count - 1 and (wanted := size * (len(cuts) + 1) // count) < passed + place.number:
            cut = Place(place.partition, max(0, wanted - passed))
            cuts.append((after, cut))
            after = cut
        passed += place.number
    last = newest[-1] if newest else after
    return [*cuts, (after, last)]
