"""Programs that ask with a token which the provider of identities has signed, checked through joserfc.

What is believed is what the provider signed for this very audience and has not expired. A token that is signed with no
key, or with the provider's public key as a secret, is no token: only the algorithms of key pairs are taken.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final

import httpx2
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from broker.errors import HandrailError, UnavailableError
from broker.pages.sessions import Person
from broker.pages.signing_in import Provider

_ALGORITHMS: Final = ("RS256", "PS256", "ES256")
_KEYS_FOR_S: Final = 60.0
"""How long the provider's keys are used before they are asked for anew, in seconds. A withdrawn key ends with that."""
_MOST_CHARS: Final = 8192


class TokenRefusedError(HandrailError):
    """A token that shows nobody. Why is not told to whoever sent it."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whom a token stands for, and how many seconds ago the provider saw that person sign in, if it says so.

    A program that has a token of its own has never signed in.
    """

    person: Person
    signed_in_s: float | None


class Bearers:
    """Whom a token stands for. ``audience`` is what the provider must have signed it for."""

    def __init__(self, provider: Provider, audience: str, now: Callable[[], float] = time.time) -> None:
        self._provider = provider
        self._audience = audience
        self._now = now
        self._lock = Lock()
        self._keys: tuple[float, KeySet] | None = None

    def read(self, token: str) -> Bearer:
        """Whom it stands for.

        Raises:
            TokenRefusedError: forged, expired, for somebody else, or of another provider.
            UnavailableError: the provider's keys cannot be had.
        """
        if len(token) > _MOST_CHARS:
            raise TokenRefusedError("too long")
        keys = self._provider_keys()
        rules = jwt.JWTClaimsRegistry(
            now=lambda: int(self._now()),
            # A provider may write its own address with a slash at the end.
            iss={"essential": True, "values": [self._provider.issuer, f"{self._provider.issuer}/"]},
            aud={"essential": True, "value": self._audience},
            exp={"essential": True},
            sub={"essential": True},
        )
        try:
            claims = jwt.decode(token, keys, algorithms=list(_ALGORITHMS)).claims
            rules.validate(claims)
            return Bearer(self._provider.person(claims), self._since(claims.get("auth_time")))
        except (JoseError, KeyError, TypeError, ValueError) as error:
            raise TokenRefusedError(type(error).__name__) from error

    def _since(self, then: object) -> float | None:
        return self._now() - then if isinstance(then, int | float) and not isinstance(then, bool) else None

    def _provider_keys(self) -> KeySet:
        with self._lock:
            held = self._keys
            if held is not None and time.monotonic() - held[0] < _KEYS_FOR_S:
                return held[1]
            try:
                about = _document(f"{self._provider.issuer}/.well-known/openid-configuration")
                keys = KeySet.import_key_set(_document(str(about["jwks_uri"])))
            except (httpx2.HTTPError, JoseError, KeyError, TypeError, ValueError) as error:
                raise UnavailableError("the provider's keys cannot be had") from error
            self._keys = time.monotonic(), keys
            return keys


def _document(address: str) -> Any:
    return httpx2.get(address, timeout=10).raise_for_status().json()
