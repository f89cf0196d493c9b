"""An answer as a file that proves itself: asked and recorded like any question, then written with what may leave."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from broker.board.exporting import Asking, export, kept_back
from broker.board.mirror import Mirror
from broker.board.node import BoardHome
from broker.board.releasing import Released, of_others, release
from broker.clock import to_ms
from broker.store.audit.store import AuditStore, AuditWork


@dataclass(frozen=True, slots=True)
class Proven:
    """The file's bytes, what is in it, and how many entries the head covers that it is held against."""

    data: bytes
    released: Released
    size: int


def prove(
    home: BoardHome, store: AuditStore, who: tuple[str, str], asked: Mapping[str, Any], now: datetime
) -> Proven:
    """Answer a question by ``who`` (asker and purpose) with a file for ``handrail-verify``.

    Raises:
        NeedsApprovalError: about a protected child; a second auditor must approve it first.
        NoHeadError: nothing can be proven so far.
        NotTheLogError: what is here is not what the log has signed.
        ConfigurationError: the board has no key that is good now.
        BadQuestionError: it cannot be read.
    """
    asker, purpose = who

    def make(work: AuditWork, got: Released) -> tuple[bytes, int]:
        mirror = Mirror.of(work, home.directory())
        shown = {one.row.place for one in got.found}
        # What the log says is missing belongs to every answer: it may have been about this child.
        found = [*got.found, *(one for one in work.gaps() if one.row.place not in shown)]
        places = work.indexes_of([one.row.place for one in found])
        found.sort(key=lambda one: places.get(one.row.place, mirror.head.size))
        asking = Asking(home.board, asker, purpose, got.ask.recorded, to_ms(now))
        others = of_others(work, got.found, got.ask.question.records)
        why = {one.row.place: kept_back(one, got.veil, others) for one in found}
        kept = {place: reason for place, reason in why.items() if reason is not None}
        data = export(found, work.indexes_of, mirror, asking, home.signer(now), kept)
        return data, mirror.head.size

    released, (data, size) = release(home, store, who, asked, to_ms(now), make, as_what="export: ")
    return Proven(data, released, size)
