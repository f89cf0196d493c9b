"""Private keys on disk: mode 0600 in a folder of mode 0700, or not at all; encrypted if there is a passphrase."""

import os
import stat
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from broker.clock import Entropy
from broker.durable import sync_folder
from broker.errors import ConfigurationError

_MAGIC: Final = b"handrail key 1\n"
_SALT: Final = 16
_NONCE: Final = 12


def save_secret(path: Path, secret: bytes, *, entropy: Entropy, passphrase: str | None = None) -> None:
    """Write a secret that is not there yet; durable on return.

    Raises:
        ConfigurationError: the file exists, or its folder is open to others.
    """
    make_private_folder(path.parent)
    content = secret if passphrase is None else _encrypt(secret, passphrase, entropy)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise ConfigurationError(f"{path} exists already; move it away if it is to be replaced") from error
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)


def load_secret(path: Path, *, passphrase: str | None = None) -> bytes:
    """Read a secret.

    Raises:
        ConfigurationError: not there, open to others, or the passphrase is missing or wrong.
    """
    _require_mode(path.parent, 0o700)
    _require_mode(path, 0o600)
    content = path.read_bytes()
    if not content.startswith(_MAGIC):
        return content
    if passphrase is None:
        raise ConfigurationError(f"{path} is encrypted; give its passphrase")
    return _decrypt(content, passphrase, path)


def make_private_folder(path: Path) -> None:
    """Create a folder of mode 0700, or check that it is one. Raises ConfigurationError."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    _require_mode(path, 0o700)


def _require_mode(path: Path, wanted: int) -> None:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError as error:
        raise ConfigurationError(f"{path} is missing") from error
    if mode & ~wanted:
        raise ConfigurationError(
            f"{path} may be opened by others (mode {mode:04o}); run: chmod {wanted:04o} {path}"
        )


def _encrypt(secret: bytes, passphrase: str, entropy: Entropy) -> bytes:
    salt, nonce = entropy(_SALT), entropy(_NONCE)
    return _MAGIC + salt + nonce + AESGCM(_stretch(passphrase, salt)).encrypt(nonce, secret, _MAGIC)


def _decrypt(content: bytes, passphrase: str, path: Path) -> bytes:
    rest = content[len(_MAGIC) :]
    salt, nonce, sealed = rest[:_SALT], rest[_SALT : _SALT + _NONCE], rest[_SALT + _NONCE :]
    try:
        return AESGCM(_stretch(passphrase, salt)).decrypt(nonce, sealed, _MAGIC)
    except (InvalidTag, ValueError) as error:  # ValueError: the file was cut short
        raise ConfigurationError(f"{path} does not open with this passphrase") from error


def _stretch(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=2**15, r=8, p=1).derive(passphrase.encode())
