"""HPKE base mode (RFC 9180) after the shared secret, written again from the RFC to check our library by.

Only what the protocol uses: HKDF-SHA256, an empty or given aad, the first message of a context.
"""

import hashlib
import hmac
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305


@dataclass(frozen=True)
class Context:
    """What a sender and receiver share for the first message."""

    aead: int
    key: bytes
    nonce: bytes

    def seal(self, plaintext: bytes, aad: bytes = b"") -> bytes:
        """The first message."""
        cipher = ChaCha20Poly1305(self.key) if self.aead == 3 else AESGCM(self.key)
        return cipher.encrypt(self.nonce, plaintext, aad)


_KEY_BYTES = {1: 16, 2: 32, 3: 32}


def schedule(kem: int, aead: int, shared_secret: bytes, info: bytes) -> Context:
    """The key schedule of RFC 9180 section 5.1, mode_base, KDF HKDF-SHA256."""
    suite = b"HPKE" + kem.to_bytes(2, "big") + (1).to_bytes(2, "big") + aead.to_bytes(2, "big")
    psk_id_hash = _extract(suite, b"", b"psk_id_hash", b"")
    info_hash = _extract(suite, b"", b"info_hash", info)
    context = b"\x00" + psk_id_hash + info_hash
    secret = _extract(suite, shared_secret, b"secret", b"")
    key = _expand(suite, secret, b"key", context, _KEY_BYTES[aead])
    return Context(aead, key, _expand(suite, secret, b"base_nonce", context, 12))


def _extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + ikm, hashlib.sha256)


def _expand(suite: bytes, prk: bytes, label: bytes, info: bytes, length: int) -> bytes:
    labelled = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return hmac.digest(prk, labelled + b"\x01", hashlib.sha256)[:length]
