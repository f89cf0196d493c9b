"""Who is signed in: kept in this process's memory under the hash of a random cookie, and forgotten in time."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final, TypeAlias

Seconds: TypeAlias = Callable[[], float]
"""A clock that never goes back, in seconds."""

_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Person:
    """A person whom the provider of identities vouches for. ``subject`` tells two of one name apart."""

    subject: str
    name: str
    roles: frozenset[str]

    @property
    def asker(self) -> str:
        """How a question of this person is recorded."""
        return f"{self.name} ({self.subject})"


@dataclass(slots=True)
class Session:
    """One browser. ``memory`` is the application's; ``protocol`` belongs to the sign-in that is under way."""

    key: str
    csrf: str
    began_s: float
    seen_s: float
    person: Person | None = None
    memory: dict[str, Any] = field(default_factory=dict)
    protocol: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lifetime:
    """When a session ends: so long after the last page, and so long after the sign-in, in seconds."""

    idle_s: float = 15 * 60.0
    absolute_s: float = 8 * 3600.0
    stranger_s: float = 10 * 60.0
    """How long somebody may take to sign in."""


class Sessions:
    """All sessions of one process. A restart signs everybody out, on purpose: nothing of them is on disk."""

    def __init__(self, now: Seconds, lifetime: Lifetime, *, most: int = 2000) -> None:
        self._now = now
        self._lifetime = lifetime
        self._most = most
        self._held: dict[str, Session] = {}
        self._lock = Lock()

    def find(self, cookie: str | None) -> Session | None:
        """The session of a cookie, if it is still good; it is then good for another idle time."""
        if not cookie:
            return None
        with self._lock:
            held = self._held.get(_key(cookie))
            if held is None:
                return None
            if self._over(held):
                del self._held[held.key]
                return None
            held.seen_s = self._now()
            return held

    def open(self, person: Person | None = None) -> tuple[str, Session]:
        """A new session and its cookie. The oldest make room: strangers first."""
        cookie, now = secrets.token_urlsafe(_BYTES), self._now()
        made = Session(_key(cookie), secrets.token_urlsafe(_BYTES), now, now, person)
        with self._lock:
            if len(self._held) >= self._most:
                self._make_room()
            self._held[made.key] = made
        return cookie, made

    def close(self, session: Session) -> None:
        """End a session; its cookie is worth nothing from here on."""
        with self._lock:
            self._held.pop(session.key, None)
        session.person = None
        session.memory.clear()

    def _over(self, held: Session) -> bool:
        now, limit = self._now(), self._lifetime
        if held.person is None:
            return now - held.began_s > limit.stranger_s
        return now - held.seen_s > limit.idle_s or now - held.began_s > limit.absolute_s

    def _make_room(self) -> None:
        for held in [one for one in self._held.values() if self._over(one)]:
            del self._held[held.key]
        if len(self._held) >= self._most:
            first = min(self._held.values(), key=lambda one: (one.person is not None, one.seen_s))
            del self._held[first.key]


def _key(cookie: str) -> str:
    """What is kept of a cookie: whoever reads the memory of this process cannot send it."""
    return hashlib.sha256(cookie.encode()).hexdigest()
