"""From private keys to what the directory publishes of them, and how long keys last."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from broker.crypto.keys import KemKey, SigningKey
from schemas.ids import KeyId, MemberId, UnitId
from schemas.members import Algorithm, KeyUse, LogEntry, PublishedKey, RootKey, RootSet
from schemas.wire import Kem


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long things last from the moment they are issued."""

    sign: timedelta = timedelta(days=180)
    kem: timedelta = timedelta(days=100)
    overlap: timedelta = timedelta(days=14)
    """How long a rotated key stays good beside its successor."""
    directory: timedelta = timedelta(days=90)


def published_sign(
    key: SigningKey, owner: MemberId | Literal["router"], now: datetime, life: timedelta
) -> PublishedKey:
    """The public half of a signing key, good from now."""
    return PublishedKey(
        key_id=KeyId(key.key_id),
        owner=owner,
        use=KeyUse.SIGN,
        algorithm=Algorithm.ED25519,
        public=key.public,
        not_before=now,
        not_after=now + life,
    )


def published_kem(
    key: KemKey,
    owner: MemberId | Literal["router"],
    now: datetime,
    life: timedelta,
    *,
    unit: UnitId | None = None,
) -> PublishedKey:
    """The public half of a key to seal to, good from now; ``unit``: whose it is within the member."""
    return PublishedKey(
        key_id=KeyId(key.key_id),
        owner=owner,
        unit=unit,
        use=KeyUse.KEM,
        algorithm=Algorithm.P256 if key.kem is Kem.P256 else Algorithm.HYBRID,
        public=key.public,
        not_before=now,
        not_after=now + life,
    )


def log_entry(key: SigningKey) -> LogEntry:
    """The audit log as the directory names it: its name is as unique as its key."""
    named = RootKey(key_id=KeyId(key.key_id), public=key.public)
    return LogEntry(origin=f"handrail.log/{key.key_id}", key=named)


def root_set(keys: tuple[SigningKey, ...], threshold: int) -> RootSet:
    """The roots as the directory names them."""
    return RootSet(
        threshold=threshold,
        keys=tuple(RootKey(key_id=KeyId(key.key_id), public=key.public) for key in keys),
    )
