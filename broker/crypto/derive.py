"""What both sides compute: field hashes, part keys, commitments, contexts, leaves, padding. No secrets are kept."""

import hashlib
import hmac
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from broker.crypto.errors import MalformedError, TwoFacedError
from schemas import canonical
from schemas.envelope import Header, PartSummary, Wrap
from schemas.wire import Field, Kem, PartKind

KEY_BYTES: Final = 32
EVENT_LABEL: Final = "handrail-event"
COUNTER_LABEL: Final = "handrail-countersign"

BUCKETS: Final = (*(512, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12288, 16384, 24576, 32768, 49152, 65536),)
"""Sizes of a padded plaintext, in bytes; beyond the last, multiples of it."""
SLIP_BUCKET: Final = 256
"""The smallest size of a padded board slip, in bytes: its length must not tell the router the type."""
_LENGTH_PREFIX: Final = 4
_FIELD_LABELS: Final = {number: b"handrail field\x00" + bytes([number]) for number in Field}
_LEAF: Final = canonical.encode("handrail leaf")


@dataclass(frozen=True, slots=True)
class PartKeys:
    """What one part's key gives: cipher key, nonce, and the commitment that the author signs."""

    key: bytes = field(repr=False)
    nonce: bytes = field(repr=False)
    commitment: bytes


def field_hash(number: Field, salt: bytes, value: bytes) -> bytes:
    """The salted hash of one routing field, as the header holds it."""
    return hashlib.sha256(_FIELD_LABELS[number] + salt + value).digest()


def derive(part_key: bytes, header_hash: bytes, index: int, kind: PartKind) -> PartKeys:
    """Derive a part's cipher key, nonce and commitment; bound to the event, the part's place and kind.

    The nonce is derived too, which is safe only because a part key is used for one part of one event.

    Raises:
        TwoFacedError: ``part_key`` is not 32 bytes (HMAC would pad a shorter one silently).
    """
    if len(part_key) != KEY_BYTES:
        raise TwoFacedError("a part key of the wrong length")
    context = header_hash + bytes([index, kind])

    def one(label: bytes) -> bytes:
        return hmac.digest(part_key, label + context, "sha256")

    return PartKeys(one(b"handrail key\x00"), one(b"handrail iv\x00")[:12], one(b"handrail commit\x00"))


def part_aad(header_hash: bytes, index: int, kind: PartKind) -> bytes:
    """The associated data of a part's cipher."""
    return canonical.encode(["Encrypt0", header_hash, index, int(kind)])


def header_hash(header: Header) -> bytes:
    """SHA-256 of the header's canonical bytes."""
    return hashlib.sha256(header.to_bytes()).digest()


def context_hash(of_header: bytes, index: int, part: PartSummary) -> bytes:
    """What a key wrap is bound to: the event, the part, its ciphertext and how many readers it has."""
    return context_of(
        of_header, index, part.kind, part.commitment, part.ciphertext_hash, part.length, len(part.leaves)
    )


def context_of(
    of_header: bytes, index: int, kind: PartKind, commitment: bytes, digest: bytes, length: int, readers: int
) -> bytes:
    """As ``context_hash``, before the leaves exist."""
    return hashlib.sha256(
        canonical.encode([of_header, index, int(kind), commitment, digest, length, readers])
    ).digest()


def wrap_info(key_id: str, kem: Kem, context: bytes, author_key: str) -> bytes:
    """HPKE info of an author's wrap for one reader."""
    return canonical.encode(["handrail wrap", key_id, int(kem), context, author_key])


def grant_info(key_id: str, kem: Kem, context: bytes, grantor_key: str, order_hash: bytes) -> bytes:
    """HPKE info of a grantor's wrap under one order."""
    return canonical.encode(["handrail grant", key_id, int(kem), context, grantor_key, order_hash])


def openings_info(key_id: str, of_header: bytes) -> bytes:
    """HPKE info of openings that are sealed to the router."""
    return canonical.encode(["handrail openings", key_id, of_header])


def leaf(wrap: Wrap) -> bytes:
    """The hash that the manifest holds for one wrap."""
    return hashlib.sha256(canonical.array(_LEAF, *wrap.items)).digest()


def pad(plaintext: bytes, smallest: int = BUCKETS[0]) -> bytes:
    """Prefix the length and fill with zeros up to the next bucket, so that sizes tell little."""
    needed = max(_LENGTH_PREFIX + len(plaintext), smallest)
    largest = BUCKETS[-1]
    sizes = (smallest, *BUCKETS)
    size = next((bucket for bucket in sizes if bucket >= needed), -(-needed // largest) * largest)
    content = len(plaintext).to_bytes(_LENGTH_PREFIX, "big") + plaintext
    return content + bytes(size - len(content))


def unpad(padded: bytes) -> bytes:
    """Undo ``pad``. Raises MalformedError where the padding is not zeros or the length is wrong."""
    length = int.from_bytes(padded[:_LENGTH_PREFIX], "big")
    end = _LENGTH_PREFIX + length
    if len(padded) < _LENGTH_PREFIX or end > len(padded) or any(padded[end:]):
        raise MalformedError("padding that the protocol does not write")
    return padded[_LENGTH_PREFIX:end]


assert all(small < large for small, large in pairwise(BUCKETS))
