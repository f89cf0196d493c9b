"""What there is at the end, counted from the parties' own records: authors' journals, readers' ledgers, the board's store.

The router is asked for two things only: what it still has to say, and how many numbers it gave.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from schemas.handover import HandoverView
from schemas.ids import EventId
from schemas.wire import InKind, OutKind
from tests.rig.cast import Journal

_VIEW: Final = int(InKind.VIEW)
_OVERTAKING: Final = """
    SELECT a.number FROM inbox a LEFT JOIN inbox b ON b.number = a.previous
    WHERE a.state = 'applied' AND a.previous <> 0 AND (b.number IS NULL OR b.state = 'held')
"""
_TWICE: Final = "SELECT message_id FROM inbox WHERE kind = ? AND state = 'applied' GROUP BY message_id HAVING COUNT(*) > 1"
_CHILDREN: Final = (
    "SELECT child, number, previous, taken_ms FROM inbox WHERE child IS NOT NULL ORDER BY number"
)


@dataclass(slots=True)
class Counts:
    """One count. Every list is empty where the promises held."""

    accepted: int = 0
    deliveries: int = 0
    audit_entries: int = 0
    moves_closed: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    not_in_audit: list[str] = field(default_factory=list)
    audit_gaps: list[str] = field(default_factory=list)
    routine_left: list[str] = field(default_factory=list)
    returned: list[str] = field(default_factory=list)
    moves_open: list[str] = field(default_factory=list)
    repeats_dropped: int = 0

    def faults(self) -> dict[str, list[str]]:
        """Whatever should not be there."""
        return {name: value for name, value in asdict(self).items() if isinstance(value, list) and value}


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """One program's database, looked at by another; nothing is locked."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as connection:
        yield connection


def overtakers(home: Path) -> list[int]:
    """Deliveries that are applied although what goes before them is not: there is no moment at which there may be one."""
    with reading(home / "gateway.db") as ledger:
        return [row[0] for row in ledger.execute(_OVERTAKING)]


def logged(tiles: Path) -> int:
    """How many entries the last signed head of the log covers."""
    head = tiles / "checkpoint"
    return int(head.read_text().splitlines()[1]) if head.exists() else 0


def unsettled(homes: Mapping[str, Path], ids: Mapping[str, str], router: Path, tiles: Path) -> list[str]:
    """What is still on its way, in words; empty when all is said and done."""
    found = []
    with reading(router / "router.db") as state:
        given = dict(state.execute("SELECT name, value FROM counters"))
        found += [
            f"router: {count} in {table}"
            for table in ("inbox_outgoing", "audit_outgoing")
            if (count := _one(state, f"SELECT COUNT(*) FROM {table}"))  # noqa: S608
        ]
    for name, home in homes.items():
        if name == "board":
            continue
        with reading(home / "gateway.db") as ledger:
            if count := _one(ledger, "SELECT COUNT(*) FROM outbox WHERE sent_ms IS NULL"):
                found.append(f"{name}: {count} to send")
            if count := _one(ledger, "SELECT COUNT(*) FROM receipts_out"):
                found.append(f"{name}: {count} receipts to sign")
            have = _one(ledger, "SELECT COUNT(*) FROM inbox WHERE state <> 'held'")
            if have != given.get(f"in {ids[name]}", 0):
                found.append(f"{name}: {have} of {given.get(f'in {ids[name]}', 0)} deliveries")
    with reading(homes["board"] / "audit.db") as trail:
        have = _one(trail, "SELECT COUNT(*) FROM mirror")
    if have != given.get("audit 0", 0):
        found.append(f"board: {have} of {given.get('audit 0', 0)} entries")
    if (have := logged(tiles)) < given.get("audit 0", 0):
        found.append(f"log: {have} of {given.get('audit 0', 0)} entries")
    return found


def count(
    homes: Mapping[str, Path], ids: Mapping[str, str], journal: Journal, router: Path, out_files: Path
) -> Counts:
    """Count everything. Call when nothing is on its way."""
    result = Counts(accepted=len(journal.accepted))
    ledgers = {name: _Ledger.read(home) for name, home in homes.items() if name != "board"}
    names = {member: name for name, member in ids.items()}
    for name, ledger in ledgers.items():
        result.deliveries += ledger.size
        result.repeats_dropped += ledger.repeats
        result.doubled += [f"{name}: {EventId.from_raw(one)}" for one in ledger.twice]
        result.out_of_order += [f"{name}: delivery {number}" for number in ledger.disorder]
        result.failed += [f"{name}: {fault}" for fault in ledger.faults]
        result.returned += [f"{name}: {why}" for why in ledger.returned]
    for event_id in sorted(journal.accepted):
        author = ledgers[journal.author[event_id]]
        readers = author.readers.get(EventId(event_id).raw)
        if not readers:
            result.lost.append(f"{event_id}: its author's outbox does not know it")
            continue
        for reader in readers:
            if EventId(event_id).raw not in ledgers[names[reader]].applied:
                result.lost.append(f"{event_id} from {journal.author[event_id]} to {names[reader]}")
    _count_trail(result, homes["board"], journal, router)
    _count_files(result, journal, out_files)
    states = Counter(handovers_of(homes["westmorland"]).values())
    result.moves_closed = states.pop("closed", 0)
    result.moves_open = [f"{number} {state}" for state, number in states.items()]
    return result


_TAKEN: Final = """
SELECT event_id FROM entries AS one WHERE kind = 'taken' AND (inner = 0 OR NOT EXISTS (
    SELECT 1 FROM entries AS clear WHERE clear.event_id = one.event_id AND clear.kind = 'taken' AND clear.inner = 0
))
"""
"""Of an event that stands in clear and in a sealed block, too, the one in clear."""


def _count_trail(result: Counts, board: Path, journal: Journal, router: Path) -> None:
    with reading(router / "router.db") as state:
        given = _one(state, "SELECT value FROM counters WHERE name = 'audit 0'")
    with reading(board / "audit.db") as trail:
        result.audit_entries = _one(trail, "SELECT COUNT(*) FROM mirror")
        newest = _one(trail, "SELECT MAX(number) FROM mirror")
        result.audit_gaps += [
            f"hole {first} to {last}" for first, last in trail.execute("SELECT first, last FROM holes")
        ]
        result.audit_gaps += [f"unread: {why}" for (why,) in trail.execute("SELECT why FROM unread")]
        taken = Counter(row[0] for row in trail.execute(_TAKEN))
        named = {row[0] for row in trail.execute("SELECT event_id FROM entries WHERE event_id IS NOT NULL")}
    if not newest == result.audit_entries == given:
        result.audit_gaps.append(f"{result.audit_entries} entries, newest {newest}, {given} given")
    for event_id in sorted(journal.accepted):
        raw = EventId(event_id).raw
        if journal.about[event_id] == "matter" and taken[raw] != 1:
            result.not_in_audit.append(f"{event_id}: {taken[raw]} times")
        if journal.about[event_id] == "routine" and raw in named:
            result.routine_left.append(f"{event_id} in the trail")


def _count_files(result: Counts, journal: Journal, folder: Path) -> None:
    """P12: nothing of a routine event may lie in what the router has acknowledged."""
    bytes_on_disk = b"".join(path.read_bytes() for path in folder.rglob("*.blk"))
    result.routine_left += [
        f"{event_id} in the files of OUT"
        for event_id in sorted(journal.accepted)
        if journal.about[event_id] == "routine" and EventId(event_id).raw in bytes_on_disk
    ]


@dataclass(slots=True)
class _Ledger:
    """One member's own record."""

    size: int
    applied: set[bytes]
    twice: list[bytes]
    disorder: list[int]
    faults: list[str]
    repeats: int
    returned: list[str]
    readers: dict[bytes, list[str]]

    @classmethod
    def read(cls, home: Path) -> "_Ledger":
        with reading(home / "gateway.db") as ledger:
            readers: dict[bytes, list[str]] = {}
            for event_id, reader in ledger.execute(
                "SELECT s.event_id, s.reader FROM sent_to s JOIN outbox o ON o.event_id = s.event_id"
                " WHERE o.kind = ?",
                (int(OutKind.EVENT),),
            ):
                readers.setdefault(event_id, []).append(reader)
            faults = [row[0] for row in ledger.execute("SELECT fault FROM inbox WHERE state = 'failed'")]
            return cls(
                size=_one(ledger, "SELECT COUNT(*) FROM inbox"),
                applied={
                    row[0] for row in ledger.execute("SELECT message_id FROM inbox WHERE state = 'applied'")
                },
                twice=[row[0] for row in ledger.execute(_TWICE, (_VIEW,))],
                disorder=_disorder(ledger),
                faults=[fault for fault in faults if fault != "repeated"],
                repeats=faults.count("repeated"),
                returned=[
                    row[0] for row in ledger.execute("SELECT returned FROM outbox WHERE returned IS NOT NULL")
                ],
                readers=readers,
            )


def _disorder(ledger: sqlite3.Connection) -> list[int]:
    """Deliveries that do not follow the one before of their child, or the router's time."""
    last: dict[bytes, tuple[int, int]] = {}
    wrong = []
    for child, number, previous, taken_ms in ledger.execute(_CHILDREN):
        before, at_ms = last.get(child, (0, 0))
        if previous != before or taken_ms < at_ms:
            wrong.append(number)
        last[child] = (number, taken_ms)
    return wrong


def handovers_of(home: Path) -> dict[bytes, str]:
    """Each handover that a front door knows of, and its state."""
    with reading(home / "gateway.db") as ledger:
        rows = ledger.execute("SELECT handover, body FROM handovers").fetchall()
    return {handover: HandoverView.from_bytes(body).state for handover, body in rows}


def _one(connection: sqlite3.Connection, query: str) -> Any:
    row = connection.execute(query).fetchone()
    return row[0] if row and row[0] is not None else 0
