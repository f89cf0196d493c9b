"""The tamper-evident log: append, prove, export, verify.

Batches of 1,000 entries of about 300 bytes; each is on disk and under a signed head before the next. The floor of
appending is one flushed write of the same bytes for each batch; the floor of proving is SHA-256 over as many nodes.
`make bench ARGS="log:10000000"` lets the log grow to ten million entries before it is appended to, asked and started again;
without a size, to one million.
"""

import hashlib
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from adapters.verify.checking import check
from adapters.verify.keys import read_keys
from broker.audit.gaps import Numbers
from broker.audit.log import open_log
from broker.board.exporting import Asking, export
from broker.board.mirror import Mirror
from broker.crypto.keys import SigningKey
from broker.crypto.notes import Head, NoteKey, cosign
from broker.crypto.tree import Subtree, inclusion_proof, leaf_hash, pair_up
from broker.durable import write_whole
from broker.progress import say_progress
from broker.store.audit.rows import EntryRow, Found, Place, SlipState
from schemas.audit import AuditEntry, EntryKind

ENTRIES: Final = 100_000
GROWN: Final = int(os.environ.get("HANDRAIL_BENCH_SIZE", "1000000"))
"""How many entries the log holds in the end."""
BATCH: Final = 1_000
PROOFS: Final = 300
SINGLES: Final = 50
KEY: Final = SigningKey(bytes([1]) * 32)
WITNESSES: Final = {f"m-witness{number}": SigningKey(bytes([number]) * 32) for number in (2, 3)}


def run() -> list[tuple[str, str]]:
    """The rows of the table."""
    bodies = [_entry(number) for number in range(1, ENTRIES + 1)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        floor = _rate(lambda batch: write_whole(folder / "floor", b"".join(batch)), bodies)
        with open_log(folder / "log", "log.example", KEY) as log:
            append = _rate(log.append, bodies)
            note, head = log.note, log.head
            singles = [
                _timed(partial(log.append, [_entry(ENTRIES + 1 + number)])) for number in range(SINGLES)
            ]
            subtree = log._tiles.subtree
            prove = [
                _timed(partial(inclusion_proof, subtree, at * 331 % ENTRIES, ENTRIES)) for at in range(PROOFS)
            ]
        grown = [*_grown(folder, append), *_started(folder / "log")]
    assert note is not None
    seen = note.with_signatures(cosign(note, one, key, 1) for one, key in WITNESSES.items())
    mirror = Mirror(
        Head.from_text(seen.text), seen, tuple(WITNESSES), _subtrees([leaf_hash(one) for one in bodies])
    )
    data, exporting = _export(bodies, mirror)
    keys = read_keys(
        key.to_text()
        for key in (
            NoteKey("log.example", KEY.public),
            *(NoteKey(one, key.public, witness=True) for one, key in WITNESSES.items()),
        )
    )
    verifying = _timed(lambda: _require(not check(data, keys).faults))
    hashes = _timed(lambda: [hashlib.sha256(b"\x01" * 65).digest() for _ in range(ENTRIES * 3)])
    return [
        (f"append, durable and under a signed head, {BATCH} at a time", f"{append:,.0f} entries/s"),
        (
            "the same bytes, one flushed file a batch",
            f"{floor:,.0f} entries/s; log at {append / floor:.2f} of it",
        ),
        ("append of one entry, durable and signed, median", f"{statistics.median(singles) * 1000:.1f} ms"),
        (
            f"inclusion proof from tiles, of {head.size:,} entries, median",
            f"{statistics.median(prove) * 1000:.2f} ms",
        ),
        *grown,
        (f"export of {ENTRIES:,} entries with proofs", f"{exporting:.1f} s, {len(data) / 1e6:.0f} MB"),
        (f"offline check of that export, {os.cpu_count()} cores", f"{verifying:.1f} s"),
        (
            "SHA-256 over three nodes an entry, floor of that check",
            f"{hashes:.2f} s; check at {verifying / hashes:.0f} x",
        ),
    ]


def _grown(folder: Path, before: float) -> list[tuple[str, str]]:
    """Appended to and asked when it is long; ``before``: entries a second when it was short."""
    progress = say_progress("The log grows")
    with open_log(folder / "log", "log.example", KEY) as log:
        while (size := log.head.size) < GROWN - ENTRIES:
            last = min(GROWN - ENTRIES, size + 50_000)
            log.append([_entry(number + 1) for number in range(size, last)])
            progress(last, GROWN - ENTRIES)
        bodies = [_entry(number + 1) for number in range(log.head.size, GROWN)]
        floor = _rate(lambda batch: write_whole(folder / "floor", b"".join(batch)), bodies)
        after = _rate(log.append, bodies)
        size = log.head.size
        tiles = log._tiles.subtree
        prove = [_timed(partial(inclusion_proof, tiles, at * 7919 % size, size)) for at in range(PROOFS)]
    prove.sort()
    return [
        (
            f"append, the same way, to the {size:,}th entry",
            f"{after:,.0f} entries/s; log at {after / floor:.2f} of its floor",
        ),
        (f"time of an entry then, against one of the first {ENTRIES:,}", f"{before / after:.2f} x"),
        (
            f"inclusion proof from tiles, of {size:,} entries, median",
            f"{statistics.median(prove) * 1000:.2f} ms, worst of {PROOFS} {prove[-1] * 1000:.2f} ms",
        ),
    ]


def _started(folder: Path) -> list[tuple[str, str]]:
    """A start as it is, and what it was when it read every entry: to hash it, and again for its number."""
    with open_log(folder, "log.example", KEY) as log:
        size, numbers = log.head.size, Numbers()
        looking = _timed(lambda: [log.look_over(number) for number in range(log.bundles)])  # type: ignore[func-returns-value]
        counting = _timed(lambda: numbers.take(log.entries(0, size), 0.0))
        log.keep_aside(numbers.to_bytes())
    opening = _timed(lambda: open_log(folder, "log.example", KEY).__enter__())
    with open_log(folder, "log.example", KEY) as log:
        kept: list[tuple[int, bytes] | None] = []
        finding = _timed(lambda: kept.append(log.kept_aside()))
    _require(kept == [(size, numbers.to_bytes())])
    return [
        (f"start: every hash held against the head, {size:,} entries", f"{opening:.2f} s"),
        ("and the count of numbers found again", f"{finding * 1000:.1f} ms"),
        (
            "before: every entry hashed, and read again for its number, besides",
            f"{looking + counting:.1f} s; {(opening + looking + counting) / (opening + finding):.0f} x",
        ),
    ]


def _entry(number: int) -> bytes:
    salt = number.to_bytes(16, "big")
    fields = {"child": bytes(16), "event": salt, "areas": ["E06000063"], "slips": [["m-board", bytes(180)]]}
    return AuditEntry(salt, 0, number, 1_700_000_000_000 + number, EntryKind.TAKEN, fields).to_bytes()


def _export(bodies: list[bytes], mirror: Mirror) -> tuple[bytes, float]:
    found = [
        Found(EntryRow(Place(0, number + 1), 0, "taken", None, None, None, body), None, SlipState.NONE, None)
        for number, body in enumerate(bodies)
    ]
    places = {one.row.place: index for index, one in enumerate(found)}
    made: list[bytes] = []
    name, key = next(iter(WITNESSES.items()))
    asking = Asking(name, "bench", "bench", "everything", 0)
    took = _timed(lambda: made.append(export(found, lambda _: places, mirror, asking, key)))
    return made[0], took


def _subtrees(leaves: list[bytes]) -> Subtree:
    """All perfect subtrees over these leaves."""
    levels = [leaves]
    while len(levels[-1]) > 1:
        levels.append(pair_up(levels[-1][: len(levels[-1]) & ~1]))
    return lambda level, index: levels[level][index]


def _rate(write: Callable[[list[bytes]], object], bodies: list[bytes]) -> float:
    took = _timed(lambda: [write(bodies[at : at + BATCH]) for at in range(0, len(bodies), BATCH)])
    return len(bodies) / took


def _timed(step: Callable[[], object]) -> float:
    started = time.perf_counter()
    step()
    return time.perf_counter() - started


def _require(held: bool) -> None:
    if not held:
        raise AssertionError("what was just made does not hold")
