"""Questions about children who move from one area to another."""

from collections import defaultdict
from typing import Final

from broker.audit.words import plain
from broker.board.questions.answer import Column, Role, Table, Unit
from broker.board.questions.figures import centile, hours, median, rounded
from broker.board.questions.ground import Ground
from schemas.audit import EntryKind
from schemas.wire import ReceiptKind

_TO_OPENED: Final = (
    Column("agency", "Known to (kind of agency)", role=Role.KEY),
    Column("moves", "Moves", Unit.COUNT, Role.BASE),
    Column("opened", "Opened by the receiving area", Unit.COUNT, Role.PART),
    Column("median", "Median hours", Unit.HOURS, Role.DERIVED),
    Column("centile90", "90th centile, hours", Unit.HOURS, Role.DERIVED),
)


def known_to_opened(ground: Ground) -> Table:
    """Q3: hours from the moment a move was known to the moment somebody in the receiving area opened it."""
    noticed = [
        (found, entry)
        for found, entry in ground.entries(EntryKind.HANDOVER)
        if entry.text_of("step") == "noticed"
    ]
    evidence = {event for _, entry in noticed if (event := entry.bytes_of("evidence")) is not None}
    known = {
        event: entry
        for found, entry in ground.entries(EntryKind.TAKEN, ever=True)
        if (event := found.row.event_id) in evidence and event is not None
    }
    said = ground.receipts(evidence)
    waits: dict[str, list[int]] = defaultdict(list)
    moves: dict[str, int] = defaultdict(int)
    for found, entry in noticed:
        event, to_area = entry.bytes_of("evidence") or b"", entry.text_of("to_area") or ""
        report = known.get(event)
        kind = (
            plain(ground.kinds.get(report.actor or "", "unknown")) if report is not None else "not measured"
        )
        moves[kind] += 1
        since = report.at_ms if report is not None else found.row.at_ms
        opened = [
            times[ReceiptKind.OPENED]
            for (about, reader), times in said.items()
            if about == event and ReceiptKind.OPENED in times and ground.serves(reader, to_area)
        ]
        if opened:
            waits[kind].append(min(opened) - since)
    every = [wait for some in waits.values() for wait in some]
    rows = [(kind, count, len(waits[kind]), *_times(waits[kind])) for kind, count in sorted(moves.items())]
    rows.append(("all", len(noticed), len(every), *_times(every)))
    return Table(
        summary=(
            "{moves} moves became known; the receiving area opened {opened} of them so far.",
            "Half of those within {median}, nine of ten within {centile90}.",
        ),
        columns=_TO_OPENED,
        rows=tuple(rows),
        total=True,
        places=tuple(found.row.place for found, _ in noticed),
    )


def _times(waits: list[int]) -> tuple[float | None, float | None]:
    measured = hours(waits)
    return rounded(median(measured)), rounded(centile(measured, 90))
