"""All that a board has learnt, learnt anew from the mirror: by several processes, each of one part of the trail.

What a crash means at each numbered gap (``broker.faults``):

* gap 1, before the shelves are moved: nothing but shelves lies around, which the next one removes.
* gap 2, all is moved and nothing committed: what was learnt before is there, as it was.
"""

import multiprocessing
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from broker.audit.projection import BoardKeys, Projection
from broker.crypto.vault import Vault
from broker.faults import Gap, no_gap
from broker.lifecycle import settle_memory
from broker.store.audit.batch import Batch
from broker.store.audit.rows import Place
from broker.store.audit.shelves import Shelf, mirrored_between, remove, shelf_paths, sweep
from broker.store.audit.store import AuditStore
from schemas.audit import EntryKind

_WORTH_IT: Final = 100_000
"""From so many entries on another process has more to do than to start."""
_MOST_PROCESSES: Final = 4
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
    projection: Projection, store: AuditStore, *, processes: int | None = None, gap: Gap = no_gap
) -> int:
    """Throw away all that was learnt and learn it again from the mirror; gives how many entries there are.

    Raises UnavailableError: the disk took no write; what was learnt before is as it was.
    """
    if store.path is None:
        with store.work() as work:
            work.forget()
            for came in work.mirrored():
                projection.relearn(work, came)
            work.learnt_all()
            return work.count_learnt()
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
        _fill(parts)
        gap(1)
        with store.moving(shelves) as work:
            # What came meanwhile, and what wants the board's own keys.
            for came in work.unlearnt():
                projection.relearn(work, came)
            work.learnt_all()
            gap(2)
            return work.count_learnt()
    finally:
        remove(shelves)


def _fill(parts: Sequence[Part]) -> None:
    if len(parts) == 1:
        learn_part(parts[0])
        return
    # Not forked: nobody knows what other threads of this one hold just now.
    started = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(len(parts), mp_context=started, initializer=settle_memory) as pool:
        list(pool.map(learn_part, parts))


def learn_part(part: Part) -> None:
    """Put on its shelf what a part of the trail teaches."""
    projection = Projection(
        BoardKeys(part.board, {}, Vault(bytes(32)), _nobody, _nobody)  # it opens slips by the secrets alone
    )
    shelf = Shelf(part.shelf)
    for bodies in mirrored_between(part.store, part.after, part.last):
        batch = Batch()
        projection.teach(batch, bodies, part.secrets)
        shelf.put(batch)
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
