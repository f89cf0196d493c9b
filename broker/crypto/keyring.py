"""The keys of one home (a member's, the router's) as a folder of secrets, old ones beside new.

``sign-<id>.key``, ``kem-<id>.key`` and ``p256-<id>.key`` are key pairs; ``<name>.secret`` are plain secrets:
``vault`` (a member's part keys), ``token-<epoch>`` (child tokens), ``handles`` (the router's).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from broker.clock import Entropy
from broker.crypto.keys import KemKey, SigningKey
from broker.crypto.storage import load_secret, save_secret
from broker.crypto.tokens import KeyedTokens
from broker.errors import ConfigurationError, TamperedError
from schemas.wire import Kem

_SIGN: Final = "sign"
_KEMS: Final = {"kem": Kem.MLKEM768_X25519, "p256": Kem.P256}
_TOKEN: Final = "token-"  # noqa: S105 - the beginning of a file's name
SECRET_BYTES: Final = 32


class WrongKeyFileError(TamperedError):
    """A key file holds another key than its name says."""


@dataclass(frozen=True, slots=True, repr=False)
class Keyring:
    """Every private key of one home, by key id; ``secrets`` by name. Shows ids, never keys."""

    signing: Mapping[str, SigningKey]
    kems: Mapping[str, KemKey]
    secrets: Mapping[str, bytes]

    def sign_key(self, usable: Iterable[str]) -> SigningKey:
        """The first of these key ids that is held here.

        Raises:
            ConfigurationError: none is.
        """
        for key_id in usable:
            if key_id in self.signing:
                return self.signing[key_id]
        raise ConfigurationError("none of the signing keys in the directory is here; was the home restored?")

    def secret(self, name: str) -> bytes:
        """A plain secret by its name; raises ConfigurationError where it is missing."""
        if name not in self.secrets:
            raise ConfigurationError(f"the secret {name!r} is missing from the home's keys")
        return self.secrets[name]

    def tokens(self) -> KeyedTokens:
        """The maker of child tokens of the newest epoch; raises ConfigurationError where there is none."""
        epochs = [int(name.removeprefix(_TOKEN)) for name in self.secrets if name.startswith(_TOKEN)]
        if not epochs:
            raise ConfigurationError("the secret for child tokens is missing from the home's keys")
        newest = max(epochs)
        return KeyedTokens(self.secrets[f"{_TOKEN}{newest}"], newest)

    def __repr__(self) -> str:
        return f"Keyring(signing {sorted(self.signing)}, kems {sorted(self.kems)}, {sorted(self.secrets)})"


def load_keyring(folder: Path, *, passphrase: str | None = None) -> Keyring:
    """Read all keys of a home.

    Raises:
        ConfigurationError: a file or the folder may be opened by others, or the passphrase is missing or wrong.
        WrongKeyFileError: a file holds another key than its name says, or none.
    """
    signing: dict[str, SigningKey] = {}
    kems: dict[str, KemKey] = {}
    for path in sorted(folder.glob("*.key")):
        use, _, key_id = path.stem.partition("-")
        secret = load_secret(path, passphrase=passphrase)
        try:
            key = SigningKey(secret) if use == _SIGN else KemKey(_KEMS[use], secret)
        except (KeyError, ValueError) as error:
            raise WrongKeyFileError(f"{path} does not hold a key") from error
        if key.key_id != key_id:
            raise WrongKeyFileError(f"{path} does not hold key {key_id}")
        if isinstance(key, SigningKey):
            signing[key_id] = key
        else:
            kems[key_id] = key
    secrets = {path.stem: _plain(path, passphrase) for path in sorted(folder.glob("*.secret"))}
    return Keyring(signing, kems, secrets)


def _plain(path: Path, passphrase: str | None) -> bytes:
    secret = load_secret(path, passphrase=passphrase)
    if len(secret) != SECRET_BYTES:
        # A file that a full disk has left empty would be a key, too: every number of a child would lead to nobody.
        raise WrongKeyFileError(
            f"{path} is damaged: it does not hold a secret. Bring it back from a backup of this home"
        )
    return secret


def save_key(
    folder: Path, key: SigningKey | KemKey, *, entropy: Entropy, passphrase: str | None = None
) -> None:
    """Add a key pair to a home; durable on return. Raises ConfigurationError as ``save_secret`` does."""
    use = (
        _SIGN if isinstance(key, SigningKey) else next(name for name, kem in _KEMS.items() if kem is key.kem)
    )
    save_secret(folder / f"{use}-{key.key_id}.key", key.secret(), entropy=entropy, passphrase=passphrase)


def save_plain(
    folder: Path, name: str, secret: bytes, *, entropy: Entropy, passphrase: str | None = None
) -> None:
    """Add a plain secret to a home; durable on return. Raises ConfigurationError as ``save_secret`` does."""
    save_secret(folder / f"{name}.secret", secret, entropy=entropy, passphrase=passphrase)


def token_name(epoch: int) -> str:
    """The name of the token secret of an epoch."""
    return f"{_TOKEN}{epoch}"


def new_keys(kem: Kem, entropy: Entropy) -> tuple[SigningKey, KemKey]:
    """A fresh pair of keys: one signs, one receives."""
    return SigningKey(entropy(32)), KemKey.generate(kem, entropy(32 if kem is Kem.P256 else 96))
