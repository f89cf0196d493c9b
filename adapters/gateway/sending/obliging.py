"""Tells the boards of an area what this member owes there, and when it did it: sealed, so that nobody else learns what.

What is owed says what has happened, so the broker sees that there is something about an event, and no more; of an event
about a child without an open matter it keeps nothing (P3, P12). Each word is the same however often it is said.
"""

from collections.abc import Iterator
from typing import Final

from adapters.gateway.home import Home
from adapters.gateway.sending.publishing import Publishing
from broker.crypto.signing import sign
from broker.crypto.vault import pairwise_handle
from broker.store.gateway.clocks import ENDED, ClockRow
from broker.store.gateway.store import Work
from schemas import canonical
from schemas.control import Obligation
from schemas.slip import ObligationSlip
from schemas.wire import Lane, OutKind

_MOST: Final = 200


class Obliging:
    """One home's word to its boards."""

    def __init__(self, home: Home, publishing: Publishing) -> None:
        self._home = home
        self._publishing = publishing

    def say(self) -> int:
        """Tell of what is new; gives how much there was. Raises UnavailableError, NoKeyError: then it is said later."""
        with self._home.store.work() as work:
            rows = work.clocks.untold(self._home.member_id, _MOST)
            for row in rows:
                kind = row.key if row.number == 1 else f"{row.key}.{row.number}"
                reason = ENDED if row.met_by == ENDED else None
                slip = ObligationSlip(kind, row.start_ms, row.due_ms or row.start_ms, row.met_ms, reason)
                self._tell(work, row, slip)
            work.clocks.told(rows)
        return len(rows)

    def _tell(self, work: Work, row: ClockRow, slip: ObligationSlip) -> None:
        signer = self._home.signer()
        said = slip.to_bytes()
        ref = self._named([row.about, row.key, row.number])
        id_ = self._named([row.about, row.key, row.number, said])
        slips = tuple(
            (board, sealed) for board, sealed in self._sealed(work, row.area, id_, said) if sealed is not None
        )
        if slips:
            word = Obligation(self._home.member_id, id_, ref, row.about, slips)
            signed = sign(signer, Obligation.LABEL, word.to_bytes())
            self._publishing.control(work, OutKind.OBLIGATION, signed, Lane.BULK, f"owed.{id_.hex()}")

    def _sealed(self, work: Work, area: str, id_: bytes, said: bytes) -> Iterator[tuple[str, bytes | None]]:
        for board in self._home.directory.boards(area):
            yield str(board.id), self._publishing.sealed_to(work, board, id_, said, self._home.signer())

    def _named(self, what: list[object]) -> bytes:
        """A name that nobody can guess the kind from; the same for the same."""
        secret = self._home.keyring.secret("vault")
        return pairwise_handle(secret, "obligation", canonical.encode(what))
