"""Handing an event on: its part keys sealed anew under an order, and opened by the new reader."""

import hashlib
from collections.abc import Mapping

from broker.crypto.check import read_manifest
from broker.crypto.derive import context_hash, grant_info, header_hash
from broker.crypto.errors import AlteredError, GrantMismatchError, MalformedError, NotAddressedError
from broker.crypto.keys import KemKey, KemPublic, SigningKey
from broker.crypto.open import Opened, OpenedPart, open_with_key, require_distinct
from broker.crypto.signing import PublicOf, sign, verify
from schemas import canonical
from schemas.envelope import Manifest, Wrap
from schemas.orders import Grant, GrantedPart
from schemas.reading import MalformedMessageError


def order_hash(order_bytes: bytes) -> bytes:
    """What a grant is bound to: SHA-256 of the order's canonical bytes."""
    return hashlib.sha256(order_bytes).digest()


def grant_part(
    manifest: Manifest,
    index: int,
    ciphertext: bytes,
    part_key: bytes,
    *,
    reader: KemPublic,
    grantor_key: str,
    order: bytes,
) -> GrantedPart:
    """Seal one part's key to a new reader. ``order`` is ``order_hash``."""
    context = context_hash(header_hash(manifest.header), index, manifest.parts[index])
    info = grant_info(reader.key_id, reader.kem, context, grantor_key, order)
    return GrantedPart(index, ciphertext, Wrap(reader.key_id, reader.kem, reader.seal(part_key, info)))


def sign_grant(grant: Grant, signer: SigningKey) -> bytes:
    """The grant as it goes on the wire."""
    return sign(signer, Grant.LABEL, grant.to_bytes())


def read_grant(signed: bytes, public_of: PublicOf) -> tuple[Grant, str]:
    """Verify the grantor's signature; gives the grant and the key id. Raises CryptoRejectedError."""
    held = verify(signed, Grant.LABEL, public_of)
    try:
        return Grant.from_bytes(held.payload), held.key_id
    except (canonical.NotCanonicalError, MalformedMessageError) as error:
        raise MalformedError(str(error)) from error


def open_grant(
    grant: Grant, grantor_key: str, order: bytes, public_of: PublicOf, kem_keys: Mapping[str, KemKey]
) -> Opened:
    """Verify the *author's* signature on a granted event and open its parts.

    ``grantor_key`` is the key that signed the grant, ``order`` the hash of the order that it answers. That the
    order is known, names this grantor and reader and lists this event is the caller's to check.

    Raises:
        CryptoRejectedError: the first check that fails.
    """
    manifest, digest = read_manifest(grant.signed, public_of)
    if manifest.header.event_id != grant.event_id:
        raise GrantMismatchError("the grant names another event than it carries")
    if not grant.parts:
        raise NotAddressedError("the grant holds no part")
    require_distinct([part.index for part in grant.parts])
    return Opened(
        manifest=manifest,
        manifest_hash=digest,
        openings={},
        parts=tuple(_open(part, manifest, grantor_key, order, kem_keys) for part in grant.parts),
        countersigner=None,
    )


def _open(
    part: GrantedPart, manifest: Manifest, grantor_key: str, order: bytes, kem_keys: Mapping[str, KemKey]
) -> OpenedPart:
    if part.index >= len(manifest.parts):
        raise AlteredError("the manifest has no such part")
    key = kem_keys.get(part.wrap.key_id)
    if key is None or key.kem is not part.wrap.kem:
        raise NotAddressedError("the grant is for a key that this gateway does not have")
    context = context_hash(header_hash(manifest.header), part.index, manifest.parts[part.index])
    info = grant_info(key.key_id, key.kem, context, grantor_key, order)
    return open_with_key(manifest, part.index, part.ciphertext, key.open(part.wrap.sealed, info))
