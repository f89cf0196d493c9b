"""One-time keys: made, endorsed by k of m members, and believed without knowing whose they are (P7)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from broker.clock import Entropy
from broker.crypto.errors import CryptoRejectedError, MalformedError, NotEndorsedError
from broker.crypto.keys import KemKey, KemPublic, SigningKey, check_signing_key, key_id_of
from broker.crypto.signing import PublicOf, sign, verify
from schemas import canonical
from schemas.hiding import Endorsed, HiddenAcceptance, Ticket, Unendorsed
from schemas.reading import MalformedMessageError
from schemas.wire import Kem

_SEED_BYTES = 32
_KEM_SECRET_BYTES = 96


@dataclass(frozen=True, slots=True, repr=False)
class OneTimeKeys:
    """The private halves behind one ticket. Never leave the gateway that made them."""

    kem: KemKey
    sign: SigningKey

    @classmethod
    def generate(cls, entropy: Entropy) -> "OneTimeKeys":
        """Fresh keys; always hybrid, so that a front door with other hardware is not known by its kind of key."""
        return cls(
            KemKey.generate(Kem.MLKEM768_X25519, entropy(_KEM_SECRET_BYTES)), SigningKey(entropy(_SEED_BYTES))
        )

    @classmethod
    def from_secret(cls, secret: bytes) -> "OneTimeKeys":
        """Undo ``secret``."""
        return cls(
            KemKey(Kem.MLKEM768_X25519, secret[:_KEM_SECRET_BYTES]), SigningKey(secret[_KEM_SECRET_BYTES:])
        )

    def secret(self) -> bytes:
        """Both private halves, for the gateway's vault only."""
        return self.kem.secret() + self.sign.secret()

    def __repr__(self) -> str:
        return f"OneTimeKeys({self.kem.key_id}, {self.sign.key_id})"


def kem_of(ticket: Ticket) -> KemPublic:
    """The one-time key that a history is sealed to. Raises UnusableKeyError."""
    return KemPublic.load(Kem.MLKEM768_X25519, ticket.kem_public)


def request(ticket: Ticket, signer: SigningKey) -> bytes:
    """What a front door sends to the endorsers: its ticket, signed with its own key."""
    return sign(signer, Ticket.REQUEST, ticket.to_bytes())


def read_request(signed: bytes, public_of: PublicOf) -> tuple[Ticket, str]:
    """Verify a front door's request; gives the ticket and the key that signed. Raises CryptoRejectedError."""
    held = verify(signed, Ticket.REQUEST, public_of)
    return _ticket(held.payload), held.key_id


def endorse(ticket: Ticket, signer: SigningKey) -> bytes:
    """An endorser's word on a ticket. That its requester is a front door, to which the child has moved, is the caller's."""
    return sign(signer, Ticket.LABEL, ticket.to_bytes())


def read_endorsement(signed: bytes, public_of: PublicOf) -> tuple[Ticket, str]:
    """Verify one endorsement; gives the ticket and the key that signed. Raises CryptoRejectedError."""
    held = verify(signed, Ticket.LABEL, public_of)
    return _ticket(held.payload), held.key_id


def check_endorsed(
    endorsed: Endorsed, endorsers: Mapping[str, str], public_of: PublicOf, threshold: int
) -> Ticket:
    """Count who endorses these one-time keys. ``endorsers``: usable signing keys of endorsers, each with its owner.

    Each endorser counts once, whichever of its keys it used; a signature that does not hold counts for nothing.

    Raises:
        NotEndorsedError: fewer than ``threshold`` endorsers; or the exchange has none.
        CryptoRejectedError: no ticket, or keys that cannot be used.
    """
    ticket = _ticket(endorsed.ticket)
    owners = {
        owner
        for one in endorsed.endorsements
        if (owner := _endorser(one, endorsed.ticket, endorsers, public_of)) is not None
    }
    if threshold < 1 or len(owners) < threshold:
        raise NotEndorsedError(f"{len(owners)} of at least {max(threshold, 1)} protection endorsers")
    check_signing_key(ticket.sign_public)
    kem_of(ticket)
    return ticket


def _endorser(
    endorsement: bytes, ticket: bytes, endorsers: Mapping[str, str], public_of: PublicOf
) -> str | None:
    try:
        held = verify(endorsement, Ticket.LABEL, public_of)
    except CryptoRejectedError:
        return None
    return endorsers.get(held.key_id) if held.payload == ticket else None


def choose_endorsements(endorsements: Collection[bytes], threshold: int) -> tuple[bytes, ...]:
    """Exactly as many as it takes, in an order that says nothing about which came first."""
    return tuple(sorted(endorsements)[:threshold])


def accept_unnamed(acceptance: HiddenAcceptance, keys: OneTimeKeys) -> bytes:
    """An acceptance that an endorsed one-time key signs in the place of an area's."""
    return sign(keys.sign, HiddenAcceptance.LABEL, acceptance.to_bytes())


def read_unnamed(signed: bytes, ticket: Ticket) -> HiddenAcceptance:
    """Verify an acceptance by a ticket's one-time key. Raises CryptoRejectedError."""
    key_id = key_id_of(ticket.sign_public)
    held = verify(signed, HiddenAcceptance.LABEL, {key_id: ticket.sign_public}.get)
    try:
        read = HiddenAcceptance.from_bytes(held.payload)
    except (canonical.NotCanonicalError, MalformedMessageError) as error:
        raise MalformedError(str(error)) from error
    if read.handover != ticket.handover:
        raise NotEndorsedError("the one-time key was endorsed for another handover")
    return read


def decline(answer: Unendorsed, signer: SigningKey) -> bytes:
    """An endorser's word that it does not vouch for them."""
    return sign(signer, Unendorsed.LABEL, answer.to_bytes())


def read_declined(signed: bytes, public_of: PublicOf) -> tuple[Unendorsed, str]:
    """Verify such a word; gives it and the key that signed. Raises CryptoRejectedError."""
    held = verify(signed, Unendorsed.LABEL, public_of)
    try:
        return Unendorsed.from_bytes(held.payload), held.key_id
    except (canonical.NotCanonicalError, MalformedMessageError) as error:
        raise MalformedError(str(error)) from error


def _ticket(data: bytes) -> Ticket:
    try:
        return Ticket.from_bytes(data)
    except (canonical.NotCanonicalError, MalformedMessageError) as error:
        raise MalformedError(str(error)) from error
