"""What can be said of a message without asking anybody: steps 1 to 5. Pure, so a whole batch is judged before any read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from broker.bus.subjects import OutSubject
from broker.crypto.keys import KemKey
from broker.errors import RejectedError
from broker.routing.verify import Framed, Verified, unframe_out, verify_event
from broker.store.router.store import Work
from schemas.directory import Directory
from schemas.wire import OutKind


@dataclass(frozen=True, slots=True)
class Event:
    """Its author signed exactly this, with a key that counts now."""

    subject: OutSubject
    data: bytes
    verified: Verified


@dataclass(frozen=True, slots=True)
class Control:
    """A message about deliveries; its signature is checked when it is read."""

    subject: OutSubject
    data: bytes
    framed: Framed


@dataclass(frozen=True, slots=True)
class Refused:
    """Not to be believed."""

    subject: OutSubject
    data: bytes
    error: RejectedError


@dataclass(frozen=True, slots=True)
class Nowhere:
    """On a subject that is none of ours; the bus's permissions let no such message through."""


Judged: TypeAlias = Event | Control | Refused | Nowhere


def judge(
    subject: OutSubject | None,
    data: bytes,
    directory: Directory,
    routing_keys: Mapping[str, KemKey],
    now: datetime,
) -> Judged:
    """Steps 1 to 5 for one message."""
    if subject is None:
        return Nowhere()
    try:
        framed = unframe_out(data)
        if framed.kind is not OutKind.EVENT:
            return Control(subject, data, framed)
        return Event(subject, data, verify_event(framed.body, subject, directory, routing_keys, now))
    except RejectedError as error:
        return Refused(subject, data, error)


def read_ahead(work: Work, batch: Sequence[Judged]) -> None:
    """Have at hand what the events of a batch are about: a few questions for all of them instead of some for each."""
    events = [judged.verified for judged in batch if isinstance(judged, Event)]
    children = work.children.read_ahead({token.value for event in events for token in event.facts.tokens})
    work.procedures.read_ahead(children)
    work.outgoing.read_ahead(children, {event.checked.header.event_id for event in events})
    work.intake.read_ahead({event.checked.header.author for event in events})
