"""Board slips: a symmetric key for each author and board and month, set up by HPKE, and the slips under it."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from broker.clock import Entropy
from broker.crypto.derive import KEY_BYTES, SLIP_BUCKET, pad, unpad
from broker.crypto.errors import AlteredError, MalformedError
from broker.crypto.keys import KemKey, KemPublic
from schemas import canonical
from schemas.control import SlipKey
from schemas.envelope import ID_BYTES
from schemas.reading import MalformedMessageError, octets, rows

_NONCE = 12
_SLIP: Final = bytes([0x83, 0x40 + ID_BYTES])
_NONCE_AT: Final = len(_SLIP) + ID_BYTES
_SEALED_AT: Final = _NONCE_AT + 1 + _NONCE
_A_NONCE: Final = bytes([0x40 + _NONCE])


@dataclass(frozen=True, slots=True)
class OwnSlipKey:
    """An author's slip key: the secret to keep, and the message that sets it up at the board."""

    secret: bytes
    setup: SlipKey

    def __repr__(self) -> str:
        return f"OwnSlipKey({self.setup.key_ref.hex()})"


def new_slip_key(author: str, board: str, board_key: KemPublic, entropy: Entropy) -> OwnSlipKey:
    """Make the month's key for one board."""
    secret = entropy(KEY_BYTES)
    key_ref = entropy(ID_BYTES)
    sealed = board_key.seal(secret, _info(author, board, key_ref))
    return OwnSlipKey(secret, SlipKey(author, board, key_ref, board_key.key_id, sealed))


def open_slip_key(setup: SlipKey, board_key: KemKey) -> bytes:
    """The board's side: the secret. Raises NotAddressedError or MalformedError."""
    secret = board_key.open(setup.sealed, _info(setup.author, setup.board, setup.key_ref))
    if len(secret) != KEY_BYTES:
        raise MalformedError("a slip key of the wrong length")
    return secret


def seal_slip(
    secret: bytes,
    key_ref: bytes,
    *,
    author: str,
    board: str,
    event_id: bytes,
    plaintext: bytes,
    entropy: Entropy,
) -> bytes:
    """Seal one slip; bound to author, board and event, so it cannot be moved to another event."""
    nonce = entropy(_NONCE)
    aad = _aad(author, board, event_id, key_ref)
    sealed = AESGCM(secret).encrypt(nonce, pad(plaintext, SLIP_BUCKET), aad)
    return canonical.encode([key_ref, nonce, sealed])


def slip_key_ref(slip: bytes) -> bytes:
    """Which key a slip is sealed with. Raises MalformedError."""
    return _rows(slip)[0]


def open_slip(secret: bytes, slip: bytes, *, author: str, board: str, event_id: bytes) -> bytes:
    """Open one slip. Raises MalformedError or AlteredError."""
    key_ref, nonce, sealed = _rows(slip)
    try:
        return unpad(AESGCM(secret).decrypt(nonce, sealed, _aad(author, board, event_id, key_ref)))
    except InvalidTag as error:
        raise AlteredError("the slip does not open for this author, board and event") from error


def _rows(slip: bytes) -> tuple[bytes, bytes, bytes]:
    try:
        # As every slip begins; what begins otherwise is read, and refused, by the general reader.
        if slip.startswith(_SLIP) and slip[_NONCE_AT : _NONCE_AT + 1] == _A_NONCE:
            sealed, end = canonical.octets_at(slip, _SEALED_AT)
            if end == len(slip):
                return slip[len(_SLIP) : _NONCE_AT], slip[_NONCE_AT + 1 : _SEALED_AT], sealed
        key_ref, nonce, sealed = rows(canonical.decode(slip), 3, "slip")
        return octets(key_ref, ID_BYTES, "key"), octets(nonce, _NONCE, "nonce"), octets(sealed, None, "slip")
    except (canonical.NotCanonicalError, MalformedMessageError) as error:
        raise MalformedError(str(error)) from error


def _info(author: str, board: str, key_ref: bytes) -> bytes:
    return canonical.encode(["handrail slip key", author, board, key_ref])


def _aad(author: str, board: str, event_id: bytes, key_ref: bytes) -> bytes:
    return _whose(author, board) + canonical.octets(event_id) + canonical.octets(key_ref)


@lru_cache(maxsize=256)
def _whose(author: str, board: str) -> bytes:
    """What the slips of one author to one board are all bound to: an array of five, without its last two."""
    return canonical.encode(["handrail slip", author, board, b"", b""])[: -len(b"\x40\x40")]
