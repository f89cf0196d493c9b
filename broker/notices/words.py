"""What a notice says: an opaque reference, what kind of thing is owed, until when, and where to look. Nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from broker.calendars import LONDON
from broker.clock import from_ms, to_ms
from broker.store.notices.store import Notice

_SHORT: Final = 8
_OWED: Final = {
    "release": "release a history",
    "grants": "the gateway's grants",
    "acceptance": "accept or decline",
    "conference": "hold the conference",
    "conference-local": "hold the conference (own clock)",
    "response": "answer a decline",
    "items": "papers that came wrong again and again",
}


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one contact, about everything that it is to be told of now."""

    contact: str
    role: str
    subject: str
    text: str
    document: dict[str, Any]
    """The same for a program."""


def reference(about: bytes) -> str:
    """The short form of an id, as commands and notices show it."""
    return about.hex()[:_SHORT]


def compose(notices: Sequence[Notice], where: str, now: datetime) -> Message:
    """The message for notices of one contact."""
    late = sum(one.due_ms <= to_ms(now) for one in notices)
    first = notices[0]
    counted = f"{len(notices)} thing{'s' if len(notices) > 1 else ''} owed"
    lines = [_line(one, now) for one in notices]
    text = "\n".join(
        [
            f"To: {first.role}",
            "",
            *lines,
            "",
            f"Where to look: {where}",
            "Acknowledge: handrail notices ack REFERENCE --by YOU. That stops no clock.",
            "This message holds nothing about any person, and is not to be answered.",
            "",
        ]
    )
    document = {
        "format": "handrail-notice-1",
        "owed": [
            {
                "reference": reference(one.about),
                "kind": one.kind,
                "due": from_ms(one.due_ms).isoformat(timespec="seconds"),
                "late": one.due_ms <= to_ms(now),
                "rung": one.rung,
            }
            for one in notices
        ],
        "where": where,
    }
    subject = f"Handrail: {counted}" + (f", {late} late" if late else "")
    return Message(first.contact, first.role, subject, text, document)


def _line(notice: Notice, now: datetime) -> str:
    due = from_ms(notice.due_ms).astimezone(LONDON)
    state = "LATE, was due" if notice.due_ms <= to_ms(now) else "due"
    what = _OWED.get(notice.kind, notice.kind.replace("-", " "))
    return f"- {reference(notice.about)}: {what}, {state} {due:%a %d %b %Y %H:%M}"
