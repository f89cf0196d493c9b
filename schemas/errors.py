"""What goes wrong when identifiers and events are read, each with the place and what to do about it.

Nothing here repeats the value that was refused: an error is logged and sent back, an identifier never is.
"""

from collections.abc import Iterable
from dataclasses import dataclass


class MalformedIdentifierError(ValueError):
    """Text is not an identifier of the kind it is given as.

    Attributes:
        kind: the identifier in words, such as ``NHS number``.
        rule: stable name of the broken rule, such as ``check-digit``.
        why: the rule as a sentence fragment.
        advice: what the sender should do.
    """

    def __init__(self, kind: str, rule: str, why: str, advice: str) -> None:
        super().__init__(f"{kind}: {why}. {advice}")
        self.kind = kind
        self.rule = rule
        self.why = why
        self.advice = advice


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with an event."""

    place: str
    """Path of field names and positions, such as ``details.to_area``; ``event`` for the whole."""
    why: str
    advice: str

    def __str__(self) -> str:
        return f"{self.place}: {self.why}. {self.advice}"


class EventRefusedError(ValueError):
    """The data is not an event that Handrail can send.

    Attributes:
        code: stable reason: ``oversized-event``, ``malformed-json``, ``unknown-version``, ``unknown-type``,
            ``unknown-critical-field`` or ``invalid-event``.
        faults: what is wrong, where, and what to do; never empty.
    """

    def __init__(self, code: str, faults: Iterable[Fault]) -> None:
        self.code = code
        self.faults = tuple(faults)
        super().__init__(f"{code}: " + " ".join(str(fault) for fault in self.faults))
