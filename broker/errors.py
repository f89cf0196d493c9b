"""Errors sorted by what to do next: quarantine, retry, or stop and fetch a person."""

from typing import ClassVar


class HandrailError(Exception):
    """Anything raised here on purpose. Never raised itself."""


class RejectedError(HandrailError):
    """The message is at fault: no retry can help. Recorded with its reason code; nothing else is delayed by it.

    A subclass states its ``code`` (stable, what audit and sender see) and its ``advice`` (what the sender should do).
    """

    code: ClassVar[str] = "rejected"
    advice: ClassVar[str] = "Ask the operator to look at the quarantine entry."
    event_id: bytes | None = None
    """The event concerned, where its signature held."""

    def __init__(self, why: str = "") -> None:
        super().__init__(why or (self.__doc__ or self.code).splitlines()[0])
        self.why = str(self.args[0])


class UnavailableError(HandrailError):
    """Something we lean on is down or slow. The message is fine and is tried again."""


class TamperedError(HandrailError):
    """Stored or signed state contradicts itself. Stop; a person must look."""


class ConfigurationError(HandrailError):
    """The installation is not as it must be: a missing key, a wrong permission, an unknown path."""
