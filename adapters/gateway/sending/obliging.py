"""Tells the boards of an area what this member owes there, and when it did it: sealed, so that nobody else learns what.

What is owed says what has happened, so the broker sees that there is something about an event, and no more; of an event
about a child without an open matter it keeps nothing (P3, P12). Each word is the same however often it is said.
A cue is told of as something owed: by which rule it was raised, by when to be looked at, and what became of it.
"""

from collections.abc import Iterator
from typing import Final

from adapters.gateway.cues.grouping import CueState
from adapters.gateway.home import Home
from adapters.gateway.sending.publishing import Publishing
from broker.crypto.signing import sign
from broker.crypto.vault import pairwise_handle
from broker.store.gateway.clocks import ENDED
from broker.store.gateway.store import Work
from schemas import canonical
from schemas.control import Obligation
from schemas.cues import KIND
from schemas.slip import ObligationSlip
from schemas.wire import Lane, OutKind

_MOST: Final = 200


class Obliging:
    """One home's word to its boards."""

    def __init__(self, home: Home, publishing: Publishing) -> None:
        self._home = home
        self._publishing = publishing
        self._cueing = publishing.clocking.cueing

    def say(self) -> int:
        """Tell of what is new; gives how much there was. Raises UnavailableError, NoKeyError: then it is said later."""
        with self._home.store.work() as work:
            rows = work.clocks.untold(self._home.member_id, _MOST)
            for row in rows:
                kind = row.key if row.number == 1 else f"{row.key}.{row.number}"
                reason = ENDED if row.met_by == ENDED else None
                slip = ObligationSlip(kind, row.start_ms, row.due_ms or row.start_ms, row.met_ms, reason)
                self._tell(work, [row.about, row.key, row.number], row.about, row.area, slip)
            work.clocks.told(rows)
            cues = self._cueing.untold(work, _MOST)
            for kept, cue in cues:
                reason = ENDED if cue.state is CueState.ENDED else cue.code
                slip = ObligationSlip(KIND + cue.rule, cue.raised_ms, cue.due_ms, cue.settled_ms, reason)
                self._tell(work, ["cue", cue.id], kept.about, self._home.own_area, slip)
            work.cues.told(row for row, _ in cues)
        return len(rows) + len(cues)

    def _tell(self, work: Work, what: list[object], about: bytes, area: str, slip: ObligationSlip) -> None:
        signer = self._home.signer()
        said = slip.to_bytes()
        ref, id_ = self._named(what), self._named([*what, said])
        slips = tuple(
            (board, sealed) for board, sealed in self._sealed(work, area, id_, said) if sealed is not None
        )
        if slips:
            word = Obligation(self._home.member_id, id_, ref, about, slips)
            signed = sign(signer, Obligation.LABEL, word.to_bytes())
            self._publishing.control(work, OutKind.OBLIGATION, signed, Lane.BULK, f"owed.{id_.hex()}")

    def _sealed(self, work: Work, area: str, id_: bytes, said: bytes) -> Iterator[tuple[str, bytes | None]]:
        for board in self._home.directory.boards(area):
            yield str(board.id), self._publishing.sealed_to(work, board, id_, said, self._home.signer())

    def _named(self, what: list[object]) -> bytes:
        """A name that nobody can guess the kind from; the same for the same."""
        secret = self._home.keyring.secret("vault")
        return pairwise_handle(secret, "obligation", canonical.encode(what))
