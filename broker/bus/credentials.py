"""Sign-in keys for the bus (nkeys). Never used to sign events."""

from dataclasses import dataclass

import nkeys

from broker.clock import Entropy


@dataclass(frozen=True, slots=True)
class UserKey:
    """One user's nkey: the public half goes into the server's configuration, the seed to the user."""

    seed: bytes
    public: str

    def __repr__(self) -> str:
        return f"UserKey({self.public})"


def new_user_key(entropy: Entropy) -> UserKey:
    """Make a user key."""
    return user_key(bytes(nkeys.encode_seed(entropy(32), nkeys.PREFIX_BYTE_USER)))


def user_key(seed: bytes) -> UserKey:
    """The user key of a seed."""
    pair = nkeys.from_seed(bytearray(seed))
    return UserKey(seed, pair.public_key.decode())
