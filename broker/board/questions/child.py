"""Questions about one child, or a few drawn at random."""

from typing import Final

from broker.audit.words import basis_text, plain, purpose_text
from broker.board.questions.answer import Column, Mark, Table, Unit
from broker.board.questions.ground import Ground
from broker.store.audit.rows import Found
from schemas.audit import EntryKind
from schemas.wire import ReceiptKind

_SHARES: Final = (
    Column("sent", "Sent", Unit.TIME),
    Column("what", "What kind of thing"),
    Column("by", "From"),
    Column("to", "To"),
    Column("purpose", "Purpose"),
    Column("basis", "Basis"),
    Column("delivered", "Delivered", Unit.TIME),
    Column("opened", "Opened", Unit.TIME),
    Column("taken_on", "Taken on", Unit.TIME),
    Column("passed_on", "Passed on", Unit.TIME),
    Column("child", "Child", Unit.REFERENCE),
    Column("event", "Event", Unit.REFERENCE),
)
_FACTS: Final = (
    ReceiptKind.DELIVERED,
    ReceiptKind.OPENED,
    ReceiptKind.TAKEN_ON,
    ReceiptKind.PASSED_ON,
)


def shares(ground: Ground) -> Table:
    """Q1: every share about the child: what kind of thing, from, to, why, when sent, delivered, opened, taken on."""
    taken = ground.entries(EntryKind.TAKEN)
    said = ground.receipts(found.row.event_id for found, _ in taken if found.row.event_id)
    rows, unopened = [], 0
    for found, entry in taken:
        event = found.row.event_id or b""
        for reader in entry.readers or (None,):
            times = said.get((event, reader or ""), {})
            unopened += reader is not None and ReceiptKind.OPENED not in times
            rows.append(
                (
                    found.row.at_ms,
                    *_slip(found),
                    ground.names(entry.actor or ""),
                    "nobody so far" if reader is None else ground.names(reader),
                    *_why(found),
                    *(times.get(kind) for kind in _FACTS),
                    found.child.hex()[:8] if found.child else None,
                    event.hex(),
                )
            )
    shared = "1 thing was shared" if len(taken) == 1 else f"{len(taken)} things were shared"
    return Table(
        summary=(
            f"{shared} in {len(rows)} copies; {unopened} of the copies have not been opened."
            if taken
            else "Nothing was shared about this child in the period, as far as this board may see.",
        ),
        columns=_SHARES,
        rows=tuple(rows),
        notes=("Opened means that a person's screen showed it. It does not say that it was understood.",),
        places=tuple(found.row.place for found, _ in taken),
    )


def _slip(found: Found) -> tuple[str | Mark]:
    return (Mark.NOT_MEASURED,) if found.slip is None else (plain(found.slip.event_type),)


def _why(found: Found) -> tuple[str | Mark, str | Mark]:
    if found.slip is None:
        return Mark.NOT_MEASURED, Mark.NOT_MEASURED
    return purpose_text(found.slip.purpose), basis_text(found.slip.basis)
