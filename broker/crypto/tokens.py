"""Child tokens: pseudonyms of strong identifiers, made by gateways behind an interface that may answer later."""

import hmac
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from schemas.envelope import ID_BYTES
from schemas.wire import Token


class IdentifierKind(StrEnum):
    """What a token stands for."""

    NHS_NUMBER = "nhs"
    UPN = "upn"
    UNBORN = "unborn"
    """The mother's NHS number and the pregnancy's reference; of twins or more, which of them."""


@dataclass(frozen=True, slots=True)
class Later:
    """The token service cannot answer now; the event waits in the outbox, visibly."""

    why: str


class TokenService(Protocol):
    """Makes tokens. Deterministic for one identifier and epoch; never logs or stores the identifier."""

    async def token(self, kind: IdentifierKind, value: str) -> Token | Later:
        """The token of one identifier in its canonical spelling."""
        ...


class KeyedTokens:
    """HMAC-SHA256 under a secret that all gateways share and the broker has not.

    Whoever holds the secret can test guesses: this is the first form, to be replaced by a split-key OPRF.
    """

    __slots__ = ("_secret", "epoch")

    def __init__(self, secret: bytes, epoch: int) -> None:
        self._secret = secret
        self.epoch = epoch

    def token_now(self, kind: IdentifierKind, value: str) -> Token:
        """The token of one identifier; needs nobody else."""
        message = f"handrail token\x00{self.epoch}\x00{kind.value}\x00{value}".encode()
        return Token(self.epoch, hmac.digest(self._secret, message, "sha256")[:ID_BYTES])

    async def token(self, kind: IdentifierKind, value: str) -> Token | Later:
        """As ``token_now``."""
        return self.token_now(kind, value)

    def matter_ref(self, member: str, reference: str) -> bytes:
        """A keyed reference of a member's own plan or episode number, so that its end finds its beginning."""
        message = f"handrail matter\x00{member}\x00{reference}".encode()
        return hmac.digest(self._secret, message, "sha256")[:ID_BYTES]

    def __repr__(self) -> str:
        return f"KeyedTokens(epoch {self.epoch})"
