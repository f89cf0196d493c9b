"""The roots' keys: one folder each, so that each can live on a carrier of its own."""

from pathlib import Path

from broker.clock import Entropy
from broker.crypto.directories import sign_directory
from broker.crypto.keyring import load_keyring, save_key
from broker.crypto.keys import SigningKey
from broker.crypto.storage import make_private_folder
from broker.errors import ConfigurationError
from schemas.directory import Directory, SignedDirectory


def make_roots(
    folder: Path, count: int, *, entropy: Entropy, passphrase: str | None
) -> tuple[SigningKey, ...]:
    """Make ``count`` roots; each key is durable on return."""
    make_private_folder(folder)
    keys = tuple(SigningKey(entropy(32)) for _ in range(count))
    for number, key in enumerate(keys, start=1):
        save_key(folder / str(number), key, entropy=entropy, passphrase=passphrase)
    return keys


def load_roots(folder: Path, *, passphrase: str | None) -> tuple[SigningKey, ...]:
    """The roots whose keys are here now; others may be elsewhere."""
    found: list[SigningKey] = []
    for place in sorted(folder.iterdir() if folder.exists() else ()):
        if place.is_dir():
            found.extend(load_keyring(place, passphrase=passphrase).signing.values())
    return tuple(found)


def sign_with_roots(
    directory: Directory, previous: Directory | None, roots: tuple[SigningKey, ...]
) -> SignedDirectory:
    """Sign with every root at hand that the old or the new directory names.

    Raises:
        ConfigurationError: fewer are at hand than either asks for.
    """
    for named in {directory.roots, directory.roots if previous is None else previous.roots}:
        here = [root for root in roots if named.public_of(root.key_id) is not None]
        if len(here) < named.threshold:
            raise ConfigurationError(
                f"{len(here)} of the {named.threshold} root keys needed are here; bring the others to this machine"
            )
    wanted = [
        root
        for root in roots
        if directory.roots.public_of(root.key_id) is not None
        or (previous is not None and previous.roots.public_of(root.key_id) is not None)
    ]
    return sign_directory(directory, tuple(wanted))
