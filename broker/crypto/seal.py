"""The author's side: seal the parts, hash the fields, sign the manifest."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from broker.clock import Entropy
from broker.crypto.derive import (
    COUNTER_LABEL,
    EVENT_LABEL,
    KEY_BYTES,
    context_of,
    derive,
    field_hash,
    header_hash,
    leaf,
    openings_info,
    pad,
    part_aad,
    wrap_info,
)
from broker.crypto.keys import KemPublic, SigningKey
from broker.crypto.signing import sign
from schemas import canonical
from schemas.envelope import (
    SALT_BYTES,
    FullEnvelope,
    Header,
    Manifest,
    Opening,
    PartSummary,
    SealedOpenings,
    SealedPart,
    Wrap,
)
from schemas.facts import RoutingFacts
from schemas.wire import SUITE_DEFAULT, EventClass, PartKind, Urgency


@dataclass(frozen=True, slots=True)
class DraftPart:
    """One part before sealing: its bytes, and whom it is for."""

    kind: PartKind
    plaintext: bytes = field(repr=False)
    readers: tuple[KemPublic, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """An event before sealing. ``slips`` holds (board, sealed slip); ``created_ms`` is the author's claim."""

    event_id: bytes
    author: str
    event_class: EventClass
    urgency: Urgency
    created_ms: int
    directory_version: int
    facts: RoutingFacts
    parts: tuple[DraftPart, ...]
    slips: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed event: what goes on the wire, what was signed, its hash, and each part's key for the vault."""

    envelope: FullEnvelope
    manifest: Manifest
    manifest_hash: bytes
    part_keys: tuple[bytes, ...] = field(repr=False)


def seal_event(draft: Draft, *, signer: SigningKey, router: KemPublic | None, entropy: Entropy) -> Sealed:
    """Seal and sign ``draft``.

    With ``router`` the routing fields are sealed to it (sensitivity not normal); with None they go in clear.

    Raises:
        ValueError: a part without readers; nothing may be sealed to nobody.
    """
    openings = tuple(
        Opening(field, entropy(SALT_BYTES), canonical.encode(value))
        for field, value in draft.facts.values().items()
    )
    header = Header(
        event_id=draft.event_id,
        suite=SUITE_DEFAULT,
        author=draft.author,
        key_id=signer.key_id,
        event_class=draft.event_class,
        urgency=draft.urgency,
        sealed_openings=router is not None,
        created_ms=draft.created_ms,
        directory_version=draft.directory_version,
        field_hashes=tuple((one.field, field_hash(one.field, one.salt, one.value)) for one in openings),
    )
    of_header = header_hash(header)
    keys = tuple(entropy(KEY_BYTES) for _ in draft.parts)
    made = [
        _seal_part(part, index, key, of_header, signer.key_id)
        for index, (part, key) in enumerate(zip(draft.parts, keys, strict=True))
    ]
    manifest = Manifest(
        header=header,
        parts=tuple(summary for summary, _ in made),
        slips=tuple((board, hashlib.sha256(slip).digest()) for board, slip in draft.slips),
    )
    payload = manifest.to_bytes()
    envelope = FullEnvelope(
        signed=sign(signer, EVENT_LABEL, payload),
        openings=openings if router is None else seal_openings(openings, router, of_header),
        parts=tuple(part for _, part in made),
        slips=draft.slips,
    )
    return Sealed(envelope, manifest, hashlib.sha256(payload).digest(), keys)


def countersign(envelope: FullEnvelope, signer: SigningKey) -> FullEnvelope:
    """Vouch, with the author's current key, for an envelope whose own key has expired in the outbox meanwhile."""
    digest = hashlib.sha256(envelope.signed).digest()
    return FullEnvelope(
        envelope.signed,
        envelope.openings,
        envelope.parts,
        envelope.slips,
        sign(signer, COUNTER_LABEL, digest),
    )


def _seal_part(
    part: DraftPart, index: int, key: bytes, of_header: bytes, author_key: str
) -> tuple[PartSummary, SealedPart]:
    if not part.readers:
        raise ValueError("a part needs at least one reader")
    keys = derive(key, of_header, index, part.kind)
    ciphertext = AESGCM(keys.key).encrypt(
        keys.nonce, pad(part.plaintext), part_aad(of_header, index, part.kind)
    )
    digest = hashlib.sha256(ciphertext).digest()
    context = context_of(
        of_header, index, part.kind, keys.commitment, digest, len(ciphertext), len(part.readers)
    )
    wraps = tuple(_wrap(reader, key, context, author_key) for reader in part.readers)
    summary = PartSummary(
        part.kind, digest, keys.commitment, len(ciphertext), tuple(leaf(wrap) for wrap in wraps)
    )
    return summary, SealedPart(ciphertext, wraps)


def _wrap(reader: KemPublic, key: bytes, context: bytes, author_key: str) -> Wrap:
    info = wrap_info(reader.key_id, reader.kem, context, author_key)
    return Wrap(reader.key_id, reader.kem, reader.seal(key, info))


def seal_openings(openings: Sequence[Opening], router: KemPublic, of_header: bytes) -> SealedOpenings:
    """Openings for the router, or for one reader, alone."""
    content = pad(canonical.encode([opening.to_value() for opening in openings]))
    return SealedOpenings(router.key_id, router.seal(content, openings_info(router.key_id, of_header)))
