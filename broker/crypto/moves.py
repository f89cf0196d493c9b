"""A move as it is shown to protection endorsers, so that they vouch for keys of a front door to which a child has moved.

The author of a move signs a salted hash of each routing field. Whoever has the salts can open one field to one party and
another to another: the endorser is shown the destination and not the child, the old area the child and not the move.
"""

import hashlib
from dataclasses import dataclass

from broker.crypto.check import check_openings, read_manifest
from broker.crypto.derive import field_hash, pad, unpad
from broker.crypto.errors import AlteredError, MalformedError
from broker.crypto.keys import KemKey, KemPublic
from broker.crypto.signing import PublicOf
from schemas import canonical
from schemas.envelope import Header, Opening
from schemas.facts import tokens_in
from schemas.hiding import Shown, Ticket
from schemas.reading import MalformedMessageError
from schemas.wire import Field


@dataclass(frozen=True, slots=True)
class Move:
    """What an endorser knows of a move: who signed it, as what, when by its own claim, and where it leads."""

    header: Header
    to_area: str | None


def show(shown: Shown, ticket: Ticket, to: KemPublic) -> bytes:
    """Seal a move to one endorser, for these one-time keys and no others."""
    return to.seal(pad(shown.to_bytes()), _info(to.key_id, ticket))


def read_shown(sealed: bytes, ticket: Ticket, key: KemKey, public_of: PublicOf) -> Move:
    """Open and verify a move that was shown, and hold the ticket's child against it. Raises CryptoRejectedError."""
    content = unpad(key.open(sealed, _info(key.key_id, ticket)))
    try:
        shown = Shown.from_bytes(content)
        manifest, _ = read_manifest(shown.signed, public_of)
        opened = check_openings((shown.to,), manifest.header)
        to_area = canonical.decode(opened[Field.TO])
    except (canonical.NotCanonicalError, MalformedMessageError) as error:
        raise MalformedError(str(error)) from error
    if dict(manifest.header.field_hashes).get(Field.TOKENS) != ticket.child:
        raise AlteredError("the move is about another child than the one-time keys")
    if to_area is not None and not isinstance(to_area, str):
        raise MalformedError("the move leads to no area")
    return Move(manifest.header, to_area)


def children_of(ticket: Ticket, opening: Opening | None) -> frozenset[bytes]:
    """The tokens by which a ticket names its child. Raises CryptoRejectedError where the opening is not of its hash."""
    if opening is None or opening.field is not Field.TOKENS:
        raise MalformedError("nothing says which child the one-time keys are about")
    if field_hash(opening.field, opening.salt, opening.value) != ticket.child:
        raise AlteredError("the one-time keys are about another child")
    try:
        return frozenset(token.value for token in tokens_in(canonical.decode(opening.value)))
    except (canonical.NotCanonicalError, MalformedMessageError) as error:
        raise MalformedError(str(error)) from error


def _info(key_id: str, ticket: Ticket) -> bytes:
    return canonical.encode(["handrail move shown", key_id, hashlib.sha256(ticket.to_bytes()).digest()])
