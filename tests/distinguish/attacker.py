"""Somebody in the old area who keeps everything, and guesses from it where a family went: a trained guess, in own code.

The features are what can be counted, measured or timed in all that the old side holds, whether it means anything or
not: numbers, sizes, moments, kinds and orders of what came over the bus, of what the databases hold, of the audit trail
of its board, and bits of every id that came.
"""

import hashlib
import math
import random
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from broker.clock import to_ms
from broker.crypto.signing import unverified_payload
from schemas import canonical
from schemas.audit import AuditEntry
from schemas.control import Note, unframe
from schemas.wire import PROTOCOL_VERSION, InKind
from tests.distinguish.world import BEGIN, BOARD, OLD_SIDE, Mesh

_TABLES: Final = (
    "inbox",
    "outbox",
    "orders",
    "handovers",
    "hidden",
    "history",
    "part_keys",
    "receipts_out",
    "sent_to",
    "clocks",
)
_HOUR: Final = 3_600_000
Z: Final = 1.959963984540054
"""Of a two-sided interval of 95 %."""


def features(mesh: Mesh) -> dict[str, float]:
    """Everything that can be measured of one run, by name."""
    found: dict[str, float] = {}
    for name in OLD_SIDE:
        found |= _bus(mesh, name)
        found |= _database(mesh, name)
    found |= _bus(mesh, BOARD)
    found |= _trail(mesh)
    return found


def _bus(mesh: Mesh, name: str) -> dict[str, float]:
    """Each delivery: how many of each kind, how large, when it came and when its note says, from whom, in which order."""
    found: defaultdict[str, float] = defaultdict(float)
    start = to_ms(BEGIN)
    by_kind: Counter[int] = Counter()
    for place, seen in enumerate(one for one in mesh.seen if one.reader == name):
        signed, kind, body = unframe(seen.body, 3, PROTOCOL_VERSION)
        note = Note.from_bytes(unverified_payload(signed))
        by_kind[kind] += 1
        tag = f"{name} {InKind(kind).name} {by_kind[kind]}"
        found[f"{name} count {InKind(kind).name}"] += 1
        found[f"{name} bytes"] += len(seen.body)
        found[f"{tag} size"] = len(body)
        found[f"{tag} came"] = (seen.at_ms - start) / _HOUR
        found[f"{tag} lag"] = seen.at_ms - note.taken_ms
        found[f"{tag} taken"] = (note.taken_ms - start) / _HOUR
        found[f"{tag} phase"] = note.taken_ms % _HOUR / _HOUR
        found[f"{tag} place"] = place
        found[f"{tag} number"] = note.number
        found[f"{tag} previous"] = note.previous
        found[f"{tag} late"] = note.late + 2 * note.skewed
        found[f"{tag} author"] = _bits(note.author.encode())
        found[f"{tag} id"] = note.message_id[0] + note.message_id[8] / 256
        found[f"{tag} text"] = body.count(b"E0") + body.count(b"m-")
        found[f"{tag} head"] = _bits(body[:24])
    return dict(found)


def _database(mesh: Mesh, name: str) -> dict[str, float]:
    found: dict[str, float] = {}
    path = mesh.home(name) / "gateway.db"
    found[f"{name} custody size"] = (mesh.home(name) / "custody.db").stat().st_size
    found[f"{name} database size"] = path.stat().st_size
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as look:
        for table in _TABLES:
            if not look.execute("SELECT 1 FROM sqlite_master WHERE name = ?", [table]).fetchone():
                continue
            found[f"{name} rows {table}"] = look.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]  # noqa: S608
        for place, (ticket, acceptance) in enumerate(look.execute("SELECT ticket, acceptance FROM hidden")):
            found[f"{name} ticket {place} size"] = len(ticket)
            found[f"{name} ticket {place} accepted"] = len(acceptance)
            inner, endorsements, opening = canonical.decode(ticket)
            _, kem, sign, version, expires_ms, child = canonical.decode(inner)
            found[f"{name} ticket {place} child"] = _bits(child[:20])
            found[f"{name} ticket {place} opening size"] = sum(len(one) for one in opening[1:])
            found[f"{name} ticket {place} salt"] = _bits(opening[1])
            found[f"{name} ticket {place} version"] = version
            found[f"{name} ticket {place} expires"] = expires_ms / _HOUR / 1000
            found[f"{name} ticket {place} kem"], found[f"{name} ticket {place} sign"] = kem[0], sign[0]
            for which, one in enumerate(endorsements):
                found[f"{name} endorsement {which}"] = _bits(one[:20])
    return found


def _trail(mesh: Mesh) -> dict[str, float]:
    """The audit trail as the old side's board has it: every entry's kind, size, time and place."""
    found: defaultdict[str, float] = defaultdict(float)
    start = to_ms(BEGIN)
    seen: Counter[str] = Counter()
    for place, row in enumerate(mesh.log):
        entry = AuditEntry.from_bytes(row.body)
        kind = entry.kind.value
        seen[kind] += 1
        found[f"trail count {kind}"] += 1
        found["trail bytes"] += len(row.body)
        if seen[kind] > 8:
            continue
        found[f"trail {kind} {seen[kind]} size"] = len(row.body)
        found[f"trail {kind} {seen[kind]} at"] = (entry.at_ms - start) / _HOUR
        found[f"trail {kind} {seen[kind]} place"] = place
        found[f"trail {kind} {seen[kind]} fields"] = len(entry.fields)
    return dict(found)


def _bits(data: bytes) -> float:
    return hashlib.sha256(data).digest()[0] / 255


@dataclass(frozen=True, slots=True)
class Guesser:
    """A logistic regression over features that were made comparable by what it was trained on."""

    names: tuple[str, ...]
    middle: tuple[float, ...]
    spread: tuple[float, ...]
    weights: tuple[float, ...]
    lean: float

    def guess(self, run: dict[str, float]) -> bool:
        """Which of the two areas."""
        return self._score(run) > 0

    def _score(self, run: dict[str, float]) -> float:
        return self.lean + sum(
            weight * _scaled(run.get(name, -1.0), middle, spread)
            for name, middle, spread, weight in zip(
                self.names, self.middle, self.spread, self.weights, strict=True
            )
        )


def train(
    runs: Sequence[tuple[dict[str, float], bool]], *, seed: int, rounds: int = 60, decay: float = 0.02
) -> Guesser:
    """Fit by stochastic gradient descent. Only what varies among the training runs is looked at, all of it."""
    names = tuple(sorted({name for run, _ in runs for name in run}))
    columns = {name: [run.get(name, -1.0) for run, _ in runs] for name in names}
    names = tuple(name for name in names if min(columns[name]) != max(columns[name]))
    middle = tuple(sum(columns[name]) / len(runs) for name in names)
    spread = tuple(
        math.sqrt(sum((value - mean) ** 2 for value in columns[name]) / len(runs)) or 1.0
        for name, mean in zip(names, middle, strict=True)
    )
    rows = [
        (
            [
                _scaled(run.get(name, -1.0), mean, width)
                for name, mean, width in zip(names, middle, spread, strict=True)
            ],
            label,
        )
        for run, label in runs
    ]
    weights, lean, chance = [0.0] * len(names), 0.0, random.Random(seed)
    for turn in range(rounds):
        rate = 0.5 / (len(names) or 1) / (1 + turn / 10)
        chance.shuffle(rows)
        for row, label in rows:
            score = lean + sum(weight * value for weight, value in zip(weights, row, strict=True))
            error = (1.0 if label else 0.0) - 1 / (1 + math.exp(-max(-30.0, min(30.0, score))))
            lean += rate * error
            weights = [
                weight + rate * (error * value - decay * weight / 10)
                for weight, value in zip(weights, row, strict=True)
            ]
    return Guesser(names, middle, spread, tuple(weights), lean)


def best_single(runs: Sequence[tuple[dict[str, float], bool]]) -> tuple[str, float, bool]:
    """The one feature and threshold that tells the training runs apart best: name, threshold, and which side is True."""
    best = ("", 0.0, True)
    most = -1
    for name in sorted({name for run, _ in runs for name in run}):
        ranked = sorted((run.get(name, -1.0), label) for run, label in runs)
        total, below = sum(label for _, label in ranked), 0
        for place, (value, label) in enumerate(ranked, start=1):
            below += label
            if place < len(ranked) and ranked[place][0] == value:
                continue
            right = (place - below) + (total - below)
            for hits, side in ((right, True), (len(ranked) - right, False)):
                if hits > most:
                    most, best = hits, (name, value, side)
    return best


def right_of_single(rule: tuple[str, float, bool], runs: Iterable[tuple[dict[str, float], bool]]) -> int:
    """How many runs that one feature tells rightly."""
    name, threshold, above = rule
    return sum(((run.get(name, -1.0) > threshold) == above) == label for run, label in runs)


def upper_bound(right: int, runs: int) -> float:
    """The upper end of Wilson's interval of 95 % for a share of right guesses."""
    share, square = right / runs, Z * Z / runs
    middle = share + square / 2
    wide = Z * math.sqrt(share * (1 - share) / runs + square / (4 * runs))
    return (middle + wide) / (1 + square)


def _scaled(value: float, middle: float, spread: float) -> float:
    return max(-4.0, min(4.0, (value - middle) / spread))
