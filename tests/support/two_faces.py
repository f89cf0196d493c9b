"""A two-faced AES-GCM message, built: one ciphertext and tag that verify under two keys and read differently.

GCM's tag is a polynomial over the ciphertext, so with both keys known one free block makes both tags equal
(Dodis and others, "Fast Message Franking", 2018).
"""

import hashlib
from dataclasses import dataclass, replace
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from broker.crypto.derive import (
    BUCKETS,
    EVENT_LABEL,
    PartKeys,
    context_of,
    derive,
    header_hash,
    leaf,
    part_aad,
    wrap_info,
)
from broker.crypto.keys import KemPublic, SigningKey
from broker.crypto.signing import sign
from schemas.envelope import Manifest, PartSummary, SealedPart, Wrap
from schemas.wire import PartKind
from tests.support.sealing import sealed

_BLOCK: Final = 16
_SIZE: Final = BUCKETS[0]


@dataclass(frozen=True)
class TwoFaced:
    """The signed message and both keys. ``first`` is the one that the author committed to."""

    signed: bytes
    manifest: Manifest
    part: SealedPart
    aad: bytes
    first: PartKeys
    second: PartKeys

    @property
    def ciphertext(self) -> bytes:
        """Ciphertext and tag, as AES-GCM takes it."""
        return self.part.ciphertext


def two_faced(signer: SigningKey, author: str, one: KemPublic, other: KemPublic) -> TwoFaced:
    """A part whose core reads HIGH under the committed key, sealed to ``one``, and none under another's."""
    header = replace(sealed().manifest.header, author=author, key_id=signer.key_id)
    of_header = header_hash(header)
    secrets = (b"\x01" * 32, b"\x02" * 32)
    first, second = (derive(secret, of_header, 0, PartKind.CORE) for secret in secrets)
    aad = part_aad(of_header, 0, PartKind.CORE)
    ciphertext = _collide(first, second, aad)
    digest = hashlib.sha256(ciphertext).digest()
    context = context_of(of_header, 0, PartKind.CORE, first.commitment, digest, len(ciphertext), 2)
    wraps = tuple(
        Wrap(
            reader.key_id,
            reader.kem,
            reader.seal(secret, wrap_info(reader.key_id, reader.kem, context, signer.key_id)),
        )
        for reader, secret in zip((one, other), secrets, strict=True)
    )
    summary = PartSummary(
        PartKind.CORE, digest, first.commitment, len(ciphertext), tuple(leaf(wrap) for wrap in wraps)
    )
    manifest = Manifest(header, (summary,), ())
    return TwoFaced(
        sign(signer, EVENT_LABEL, manifest.to_bytes()),
        manifest,
        SealedPart(ciphertext, wraps),
        aad,
        first,
        second,
    )


def _collide(first: PartKeys, second: PartKeys, aad: bytes) -> bytes:
    # The padded text fills its bucket, so the free last block lies inside the first reader's text.
    length = (_SIZE - 4).to_bytes(4, "big")
    streams = [_keystream(keys, _SIZE) for keys in (first, second)]
    front = length + b"risk: HIGH, remove the child today. ".ljust(252)
    back = b"risk: none, the case may be closed. ".ljust(_SIZE - len(front) - _BLOCK)
    body = _xor(front, streams[0]) + _xor(back, streams[1][len(front) :])
    body += bytes(_BLOCK)
    keys = [_block(pair, bytes(_BLOCK)) for pair in (first, second)]
    masks = [_block(pair, pair.nonce + b"\x00\x00\x00\x01") for pair in (first, second)]
    tags = [_ghash(key, aad, body) ^ mask for key, mask in zip(keys, masks, strict=True)]
    # The last ciphertext block is multiplied by the square of each hash key; choose it so that both tags agree.
    squares = _times(keys[0], keys[0]) ^ _times(keys[1], keys[1])
    free = _times(tags[0] ^ tags[1], _inverse(squares))
    body = body[:-_BLOCK] + free.to_bytes(_BLOCK, "big")
    tag = _ghash(keys[0], aad, body) ^ masks[0]
    return body + tag.to_bytes(_BLOCK, "big")


def _keystream(keys: PartKeys, size: int) -> bytes:
    counter = keys.nonce + b"\x00\x00\x00\x02"
    return Cipher(algorithms.AES(keys.key), modes.CTR(counter)).encryptor().update(bytes(size))


def _block(keys: PartKeys, block: bytes) -> int:
    # One raw block of AES is what GCM is made of.
    cipher = Cipher(algorithms.AES(keys.key), modes.ECB())  # noqa: S305
    return int.from_bytes(cipher.encryptor().update(block), "big")


def _ghash(key: int, aad: bytes, body: bytes) -> int:
    lengths = (len(aad) * 8).to_bytes(8, "big") + (len(body) * 8).to_bytes(8, "big")
    data = aad + bytes(-len(aad) % _BLOCK) + body + bytes(-len(body) % _BLOCK) + lengths
    found = 0
    for at in range(0, len(data), _BLOCK):
        found = _times(found ^ int.from_bytes(data[at : at + _BLOCK], "big"), key)
    return found


def _times(left: int, right: int) -> int:
    """Multiply in GCM's field, whose bits stand in reverse."""
    product = 0
    for bit in range(127, -1, -1):
        if left >> bit & 1:
            product ^= right
        right = (right >> 1) ^ (0xE1 << 120 if right & 1 else 0)
    return product


def _inverse(value: int) -> int:
    """By Fermat: value to the power of 2**128 - 2."""
    result, power = 1 << 127, value
    for _ in range(127):
        power = _times(power, power)
        result = _times(result, power)
    return result


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=False))
