"""Public keys as text, one a line (C2SP signed-note), and the signatures that they check."""

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_KEY_ID = 4
_LOG, _WITNESS = 1, 4


class KeyFileError(ValueError):
    """The key file is not one."""


@dataclass(frozen=True)
class Key:
    """One public key: of the log (kind 1), or of a member (kind 4), which cosigns heads and signs exports."""

    name: str
    kind: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        """What a signature line names it by."""
        typed = bytes([self.kind]) + self.public
        return hashlib.sha256(self.name.encode() + b"\n" + typed).digest()[:_KEY_ID]

    def holds(self, signature: bytes, data: bytes) -> bool:
        """Whether the signature over ``data`` is by this key."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, data)
        except InvalidSignature:
            return False
        return True

    @property
    def of_log(self) -> bool:
        """Whether it is the log's."""
        return self.kind == _LOG


def read_keys(lines: Iterable[str]) -> list[Key]:
    """Read keys; raises KeyFileError, naming the line."""
    keys = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            name, key_id, encoded = line.strip().split("+", 2)
            typed = base64.b64decode(encoded, validate=True)
            key = Key(name, typed[0], typed[1:])
            right = key.key_id.hex() == key_id and key.kind in (_LOG, _WITNESS)
            Ed25519PublicKey.from_public_bytes(key.public)
        except (ValueError, IndexError) as error:
            raise KeyFileError(f"line {number} of the key file is not a public key") from error
        if not right:
            raise KeyFileError(f"line {number} of the key file is damaged")
        keys.append(key)
    return keys
