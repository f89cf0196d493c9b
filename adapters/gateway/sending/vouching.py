"""What waited so long that its key has expired is vouched for by the current one before it goes."""

from typing import Final

from adapters.gateway.errors import NoKeyError
from adapters.gateway.home import Home
from broker.crypto.seal import countersign
from broker.crypto.signing import sign, unverified_payload
from broker.store.gateway.outbox import OutRow
from schemas.control import NoticeSent, Obligation, Receipts, Resend, SlipKey, frame, unframe
from schemas.envelope import FullEnvelope
from schemas.orders import Refusal
from schemas.wire import PROTOCOL_VERSION, OutKind

_SIGNED_AGAIN: Final = {
    OutKind.RECEIPTS: Receipts.LABEL,
    OutKind.REFUSAL: Refusal.LABEL,
    OutKind.RESEND: Resend.LABEL,
    OutKind.SLIP_KEY: SlipKey.LABEL,
    OutKind.NOTICE_SENT: NoticeSent.LABEL,
    OutKind.OBLIGATION: Obligation.LABEL,
}
"""Statements that carry nothing bound to the key that first signed them."""


def vouched(home: Home, row: OutRow) -> bytes:
    """The message; where its key has expired while it waited, the current key vouches for it.

    An event signed with a revoked key is beyond that: it goes as it is, and the router returns it with advice.
    """
    key = home.directory.key(row.key_id)
    if key is None or key.usable(home.clock()):
        return row.body
    try:
        signer = home.signer()
    except NoKeyError:
        return row.body
    kind, body = unframe(row.body, 2, PROTOCOL_VERSION)
    if kind == OutKind.EVENT and key.revoked_at is None:
        again = countersign(FullEnvelope.from_bytes(body), signer).to_bytes()
    elif kind in _SIGNED_AGAIN:
        again = sign(signer, _SIGNED_AGAIN[OutKind(kind)], unverified_payload(body))
    else:
        return row.body
    return frame(PROTOCOL_VERSION, kind, again)
