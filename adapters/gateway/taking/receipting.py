"""Receipts of one's own: what was delivered, opened, taken on; signed in batches, so that many cost little."""

from typing import Final

from adapters.gateway.home import Home
from adapters.gateway.sending.publishing import Publishing
from broker.crypto.signing import sign
from schemas.control import Receipt, Receipts
from schemas.wire import Lane, OutKind, ReceiptKind

_MOST: Final = 1000


class Receipting:
    """Signs the receipts that one home owes."""

    def __init__(self, home: Home, publishing: Publishing) -> None:
        self._home = home
        self._publishing = publishing

    def sign_owed(self) -> int:
        """Move what is owed into the outbox as one signed batch; gives how many. Raises UnavailableError."""
        with self._home.store.work() as work:
            owed = work.outbox.owed_receipts(_MOST)
            if not owed:
                return 0
            sequence = work.outbox.next_number("receipts")
            batch = Receipts(
                self._home.member_id,
                sequence,
                tuple(
                    Receipt(
                        ReceiptKind(row.kind), row.message_id, row.author, row.number, row.at_ms, row.role
                    )
                    for row in owed
                ),
            )
            signed = sign(self._home.signer(), Receipts.LABEL, batch.to_bytes())
            # The last position makes the name new even where a restored database counts batches again.
            name = f"receipts.{sequence}.{owed[-1].at_ms}.{owed[-1].position}"
            self._publishing.control(work, OutKind.RECEIPTS, signed, Lane.NORMAL, name)
            work.outbox.receipts_signed(owed[-1].position)
        return len(owed)
