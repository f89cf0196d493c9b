"""What all mappers of NHS messages share: the message as read so far, and how an event is put together from it."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol, TypeVar

from pydantic import ValidationError

from adapters.formats.areas import AreaLookup
from adapters.formats.nems.bundle import Bundle
from adapters.formats.nems.header import Header
from adapters.formats.nems.ledger import Ledger
from adapters.formats.nems.reasons import refuse
from adapters.formats.nems.tree import Node
from schemas.codes.sharing import Sensitivity
from schemas.events.base import Event, Residence, Source, Subject
from schemas.ids import EventId, GssCode

SYSTEM: Final = "NHS NEMS"
E = TypeVar("E", bound=Event)


class IdFor(Protocol):
    """Makes the id of an event from the message it comes from. The same arguments give the same id."""

    def __call__(self, message_id: str, item: str, made_at: datetime) -> EventId:
        """``item`` tells the events of one message apart; ``made_at`` is the message's own time."""


def derived_id(message_id: str, item: str, made_at: datetime) -> EventId:
    """A version 7 UUID with the message's time and, for its random bits, SHA-256 of message and item.

    So a message that is delivered twice makes the same event, and is applied once.
    """
    digest = hashlib.sha256(f"handrail nems event\n{message_id}\n{item}".encode()).digest()
    return EventId.new(made_at, lambda size: digest[:size])


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a mapped type, and what its mapper needs."""

    bundle: Bundle
    header: Header
    ledger: Ledger
    areas: AreaLookup
    received_at: datetime
    acting_area: GssCode
    id_for: IdFor
    sensitive: bool
    """Marked as restricted: nothing that tells where somebody is may leave, but area codes."""
    patient: Node
    """The patient that the focus leads to: the child, but the mother in a birth notification."""

    @property
    def sensitivity(self) -> Sensitivity:
        """For the events."""
        return Sensitivity.SENSITIVE if self.sensitive else Sensitivity.NORMAL

    def event(
        self,
        of: Callable[..., E],
        *,
        subject: Subject,
        occurred_at: datetime,
        details: Any,
        residence: Residence | None = None,
        item_id: str | None = None,
        item: str = "",
    ) -> E:
        """Put an event of this type together; ``item`` tells several of one message apart.

        Raises:
            RefusedError: it breaks a rule of its type.
        """
        header = self.header
        try:
            return of(
                id=self.id_for(header.message_id, item or header.kind, header.sent_at),
                occurred_at=occurred_at,
                recorded_at=header.updated_at,
                subject=subject,
                acting_area=self.acting_area,
                residence=residence,
                sensitivity=self.sensitivity,
                source=Source(
                    system=SYSTEM, message_id=header.message_id, item_id=item_id, lifecycle=header.lifecycle
                ),
                details=details,
            )
        except ValidationError as error:
            raise refuse("event-invalid", header.node.place, broken_rules(error)) from error


def broken_rules(error: ValidationError) -> str:
    """The rules that an event would break, without its values."""
    rows = error.errors(include_input=False, include_url=False)
    return "; ".join(f"{'.'.join(str(part) for part in row['loc'])}: {row['msg']}" for row in rows)
