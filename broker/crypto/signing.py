"""COSE_Sign1 (RFC 9052) with one algorithm, one header form and a label for each kind of message.

The label is in the protected header, so a signature over one kind of thing is never good for another.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from broker.crypto.errors import BadSignatureError, MalformedError, UnknownSignerError, WrongLabelError
from broker.crypto.keys import SigningKey, signature_holds
from schemas import canonical
from schemas.reading import MalformedMessageError

_ALG: Final = 1
_KID: Final = 4
_TYP: Final = 16
_ED25519: Final = -19
"""Fully specified Ed25519, RFC 9864."""
_SIGNATURE_BYTES: Final = 64
_CONTEXT: Final = canonical.encode("Signature1")
_NO_EXTERNAL: Final = canonical.encode(b"")
_NO_HEADERS: Final = canonical.encode({})
_FOUR: Final = canonical.encode([0] * 4)[:1]
_FOREIGN_HEADERS: Final = "signature headers that the protocol does not use"

PublicOf: TypeAlias = Callable[[str], bytes | None]
"""The public signing key of a key id, or None if nobody we trust has it."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature that holds: who signed, and the exact bytes that were signed."""

    key_id: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class _Sign1:
    protected: bytes
    key_id: str
    label: str
    payload: bytes
    signature: bytes


def sign(key: SigningKey, label: str, payload: bytes) -> bytes:
    """Sign ``payload`` as a message of kind ``label``; gives an untagged COSE_Sign1."""
    protected = _protected(key.key_id, label)
    signature = key.sign(_to_be_signed(protected, payload))
    return canonical.array(
        canonical.octets(protected), _NO_HEADERS, canonical.octets(payload), canonical.octets(signature)
    )


def verify(signed: bytes, label: str, public_of: PublicOf) -> Signed:
    """Check a COSE_Sign1 of kind ``label``.

    Raises:
        MalformedError: not such a structure, or headers that the protocol does not use.
        WrongLabelError: signed as another kind of message.
        UnknownSignerError: ``public_of`` does not know the key.
        BadSignatureError: the signature does not hold.
    """
    parsed = _parse(signed)
    if parsed.label != label:
        raise WrongLabelError(f"signed as {parsed.label!r}, offered as {label!r}")
    public = public_of(parsed.key_id)
    if public is None:
        raise UnknownSignerError(f"no trusted key {parsed.key_id}")
    if not signature_holds(public, _to_be_signed(parsed.protected, parsed.payload), parsed.signature):
        raise BadSignatureError
    return Signed(parsed.key_id, parsed.payload)


def unverified_signer(signed: bytes) -> str:
    """The key id that a COSE_Sign1 claims; a claim, until ``verify`` has held. Raises MalformedError."""
    return _parse(signed).key_id


def unverified_payload(signed: bytes) -> bytes:
    """The payload of a COSE_Sign1 that was verified before, or is about to be. Raises MalformedError."""
    return _parse(signed).payload


@lru_cache(maxsize=1024)
def _protected(key_id: str, label: str) -> bytes:
    return canonical.encode({_ALG: _ED25519, _KID: bytes.fromhex(key_id), _TYP: label})


def _to_be_signed(protected: bytes, payload: bytes) -> bytes:
    return canonical.array(_CONTEXT, canonical.octets(protected), _NO_EXTERNAL, canonical.octets(payload))


@lru_cache(maxsize=2)
def _parse(signed: bytes) -> _Sign1:
    """Remembered for a moment: whoever looks for the signer of a message verifies it next."""
    if signed[:1] != _FOUR:
        raise MalformedError("signed message: expected 4 items")
    try:
        protected, end = canonical.octets_at(signed, 1)
        key_id, label = _read_protected(protected)
        unprotected = signed[end : end + 1]
        payload, end = canonical.octets_at(signed, end + 1)
        proof, end = canonical.octets_at(signed, end)
    except (canonical.NotCanonicalError, MalformedMessageError) as error:
        raise MalformedError(str(error)) from error
    if unprotected != _NO_HEADERS:
        raise MalformedError(_FOREIGN_HEADERS)
    if len(proof) != _SIGNATURE_BYTES or end != len(signed):
        raise MalformedError("signature: expected 64 bytes, and nothing after them")
    return _Sign1(protected, key_id, label, payload, proof)


@lru_cache(maxsize=4096)
def _read_protected(protected: bytes) -> tuple[str, str]:
    """Key id and label. The same few headers come with every message, so they are read once."""
    match header := canonical.decode(protected):
        case {1: -19, 4: bytes(kid), 16: str(label)} if len(header) == 3:  # noqa: PLR2004
            return kid.hex(), label
        case _:
            raise MalformedMessageError(_FOREIGN_HEADERS)
