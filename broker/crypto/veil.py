"""One block of one size that only some can open, and nobody else can tell whether, or for whom, there is anything in it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from broker.clock import Entropy
from broker.crypto.errors import AlteredError, MalformedError, NotAddressedError
from broker.crypto.keys import KemKey, KemPublic
from schemas import canonical
from schemas.reading import MalformedMessageError, listed, octets, rows

CAPACITY: Final = 24_576
"""Bytes of entries in one block."""
_SLOTS: Final = 4
"""Readers of one block; those that it does not have are random."""
_SLOT_BYTES: Final = 1_168
"""A wrapped key under the larger of the two kems; a smaller one is filled up."""
_SEALED: Final = {True: 113, False: _SLOT_BYTES}
_KEY, _NONCE = 32, 12
_LABEL: Final = "handrail veil"


def draw(items: Sequence[bytes], readers: Collection[KemPublic], entropy: Entropy) -> bytes:
    """Seal these entries to these readers; none of either gives a block that nobody can open, of the same size.

    Raises:
        MalformedError: more than fits, or more readers than there are places for.
    """
    plain = canonical.encode(list(items))
    if len(plain) > CAPACITY or len(readers) > _SLOTS:
        raise MalformedError("too much for one block")
    padded = len(plain).to_bytes(4, "big") + plain + bytes(CAPACITY - len(plain))
    key, nonce = entropy(_KEY), entropy(_NONCE)
    slots = [_filled(reader.seal(key, _info(nonce)), entropy) for reader in readers]
    slots += [entropy(_SLOT_BYTES) for _ in range(_SLOTS - len(slots))]
    # Sorted by what is random in all of them: the place of a slot says nothing.
    return canonical.encode(
        [nonce, sorted(slots), AESGCM(key).encrypt(nonce, padded, canonical.encode([_LABEL, sorted(slots)]))]
    )


def lift(block: bytes, kems: Mapping[str, KemKey]) -> list[bytes] | None:
    """The entries of a block, or None where it is not for any of these keys.

    Raises:
        MalformedError, AlteredError: no block, or one that was changed.
    """
    nonce, slots, sealed = _rows(block)
    for slot in slots:
        for key in kems.values():
            try:
                secret = key.open(slot[: _SEALED[len(key.public) < _SLOT_BYTES // 2]], _info(nonce))
            except NotAddressedError:
                continue
            return _open(secret, nonce, slots, sealed)
    return None


def _open(secret: bytes, nonce: bytes, slots: list[bytes], sealed: bytes) -> list[bytes]:
    try:
        padded = AESGCM(secret).decrypt(nonce, sealed, canonical.encode([_LABEL, slots]))
        length = int.from_bytes(padded[:4], "big")
        items = listed(canonical.decode(padded[4 : 4 + length]), CAPACITY, "entries")
        return [octets(item, None, "entry") for item in items]
    except (InvalidTag, ValueError) as error:
        raise AlteredError("the block is not what was sealed") from error


def _rows(block: bytes) -> tuple[bytes, list[bytes], bytes]:
    try:
        nonce, slots, sealed = rows(canonical.decode(block), 3, "veiled block")
        return (
            octets(nonce, _NONCE, "nonce"),
            [octets(one, _SLOT_BYTES, "slot") for one in listed(slots, _SLOTS, "slots")],
            octets(sealed, None, "block"),
        )
    except (canonical.NotCanonicalError, MalformedMessageError) as error:
        raise MalformedError(str(error)) from error


def _filled(sealed: bytes, entropy: Entropy) -> bytes:
    return sealed + entropy(_SLOT_BYTES - len(sealed))


def _info(nonce: bytes) -> bytes:
    return canonical.encode([_LABEL, nonce])
