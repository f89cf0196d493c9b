"""The reader's side: verify a view or a grant, check the commitment, and only then decrypt."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from broker.crypto.check import check_openings, countersigner_of, read_manifest, unseal_openings
from broker.crypto.derive import context_hash, derive, header_hash, leaf, part_aad, unpad, wrap_info
from broker.crypto.errors import AlteredError, MalformedError, NotAddressedError, TwoFacedError
from broker.crypto.keys import KemKey
from broker.crypto.signing import PublicOf
from schemas import canonical
from schemas.envelope import Manifest, SealedOpenings, View, ViewPart
from schemas.wire import Field, PartKind


@dataclass(frozen=True, slots=True)
class OpenedPart:
    """One part in clear, with its key for the vault."""

    index: int
    kind: PartKind
    plaintext: bytes = field(repr=False)
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Opened:
    """An event as its reader has it: the author's manifest, the openings allowed, the parts addressed."""

    manifest: Manifest
    manifest_hash: bytes
    openings: dict[Field, Any] = field(repr=False)
    parts: tuple[OpenedPart, ...]
    countersigner: str | None

    def part(self, kind: PartKind) -> bytes | None:
        """The plaintext of the first part of ``kind``, or None if it was not for this reader."""
        return next((part.plaintext for part in self.parts if part.kind is kind), None)


def open_view(view: View, public_of: PublicOf, kem_keys: Mapping[str, KemKey]) -> Opened:
    """Verify and open what the router delivered.

    Raises:
        CryptoRejectedError: the first check that fails; nothing is decrypted before all others have held.
    """
    manifest, digest = read_manifest(view.signed, public_of)
    openings = view.openings
    if isinstance(openings, SealedOpenings):
        openings = unseal_openings(openings, manifest.header, kem_keys)
    opened = check_openings(openings, manifest.header)
    countersigner = countersigner_of(view.signed, view.countersigned, public_of)
    if not view.parts:
        raise NotAddressedError("the view holds no part for this reader")
    require_distinct([part.index for part in view.parts])
    return Opened(
        manifest=manifest,
        manifest_hash=digest,
        openings=_values(opened),
        parts=tuple(_open_part(part, manifest, kem_keys) for part in view.parts),
        countersigner=countersigner,
    )


def require_distinct(indexes: list[int]) -> None:
    """Refuse a part that is given twice. Raises AlteredError."""
    if len(set(indexes)) != len(indexes):
        raise AlteredError("a part is there twice")


def open_with_key(manifest: Manifest, index: int, ciphertext: bytes, part_key: bytes) -> OpenedPart:
    """Open one part whose key is already known (from the vault, or from a grant).

    Raises:
        AlteredError: not the ciphertext that was signed.
        TwoFacedError: not the key that was committed to.
    """
    if index >= len(manifest.parts):
        raise AlteredError("the manifest has no such part")
    summary = manifest.parts[index]
    if hashlib.sha256(ciphertext).digest() != summary.ciphertext_hash:
        raise AlteredError("a ciphertext is not the one that was signed")
    of_header = header_hash(manifest.header)
    keys = derive(part_key, of_header, index, summary.kind)
    if keys.commitment != summary.commitment:
        raise TwoFacedError
    try:
        padded = AESGCM(keys.key).decrypt(keys.nonce, ciphertext, part_aad(of_header, index, summary.kind))
    except InvalidTag as error:
        raise AlteredError("a ciphertext does not decrypt under its own key") from error
    return OpenedPart(index, summary.kind, unpad(padded), part_key)


def _values(opened: dict[Field, bytes]) -> dict[Field, Any]:
    try:
        return {number: canonical.decode(value) for number, value in opened.items()}
    except canonical.NotCanonicalError as error:
        raise MalformedError(str(error)) from error


def _open_part(part: ViewPart, manifest: Manifest, kem_keys: Mapping[str, KemKey]) -> OpenedPart:
    if part.index >= len(manifest.parts):
        raise AlteredError("the manifest has no such part")
    summary = manifest.parts[part.index]
    if part.position >= len(summary.leaves) or summary.leaves[part.position] != leaf(part.wrap):
        raise AlteredError("the key wrap is not one that was signed")
    key = kem_keys.get(part.wrap.key_id)
    if key is None or key.kem is not part.wrap.kem:
        raise NotAddressedError("the key wrap is for a key that this gateway does not have")
    header = manifest.header
    context = context_hash(header_hash(header), part.index, summary)
    info = wrap_info(key.key_id, key.kem, context, header.key_id)
    return open_with_key(manifest, part.index, part.ciphertext, key.open(part.wrap.sealed, info))
