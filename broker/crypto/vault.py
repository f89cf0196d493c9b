"""The vault: part keys at rest, wrapped under the gateway's vault key (AES-KW, RFC 3394)."""

import hmac
from functools import lru_cache

from cryptography.hazmat.primitives import keywrap

from broker.errors import TamperedError


class Vault:
    """Keeps part keys so that only this gateway can use them again, to read or to grant."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key = key

    def close(self, part_key: bytes) -> bytes:
        """Wrap a part key for the database: 40 bytes."""
        return keywrap.aes_key_wrap(self._key, part_key)

    def open(self, wrapped: bytes) -> bytes:
        """Undo ``close``.

        Raises:
            TamperedError: the stored bytes were altered, or the vault key is another one.
        """
        try:
            return keywrap.aes_key_unwrap(self._key, wrapped)
        except keywrap.InvalidUnwrap as error:
            raise TamperedError("a stored part key does not open with this gateway's vault key") from error

    def close_words(self, words: bytes) -> bytes:
        """Wrap what is no key, of any length (RFC 5649); the same words are the same bytes."""
        return keywrap.aes_key_wrap_with_padding(self._key, words)

    def open_words(self, wrapped: bytes) -> bytes:
        """Undo ``close_words``.

        Raises:
            TamperedError: as ``open``.
        """
        try:
            return keywrap.aes_key_unwrap_with_padding(self._key, wrapped)
        except keywrap.InvalidUnwrap as error:
            raise TamperedError("what is stored does not open with this gateway's vault key") from error

    def __repr__(self) -> str:
        return f"Vault({hmac.digest(self._key, b'handrail fingerprint', 'sha256')[:4].hex()})"


def pairwise_handle(secret: bytes, reader: str, child: bytes) -> bytes:
    """A handle for a child that only one reader sees: readers cannot compare handles. 16 bytes."""
    mac = _begun(secret).copy()
    mac.update(reader.encode() + b"\x00" + child)
    return mac.digest()[:16]


@lru_cache(maxsize=4)
def _begun(secret: bytes) -> hmac.HMAC:
    """What all handles of one router have in common: half of the work, done once."""
    return hmac.new(secret, b"handrail handle\x00", "sha256")
