"""``pds-death-notification-1``: a death reported (informal), registered (formal), or taken back (removed)."""

from datetime import UTC, date, datetime, time
from types import MappingProxyType
from typing import Final, Literal

from adapters.formats.nems.draft import Message
from adapters.formats.nems.person import Person, read_subject
from adapters.formats.nems.places import read_residence
from adapters.formats.nems.tree import Node
from adapters.formats.nems.values import code_in, day, moment
from schemas.events.base import Event
from schemas.events.demographics import DeathNotified, DeathNotifiedDetails

_EXTENSION: Final = "DeathNotificationStatus-1"
_PART: Final = "deathNotificationStatus"
Status = Literal["informal", "formal", "removed"]
_STATUS: Final = MappingProxyType[str, Status]({"1": "informal", "2": "formal", "U": "removed"})


def map_death(message: Message) -> tuple[Event, ...]:
    """The death and how it stands.

    Raises:
        RefusedError: with every fault found; a death is never sent about a person who may be another.
    """
    ledger, patient = message.ledger, message.patient
    person = read_subject(ledger, message.header, patient, message.received_at)
    status = read_status(message, patient)
    if status is None:
        ledger.refuse("death-status-missing", patient)
    residence = read_residence(message)
    effective = _effective(message)
    event = read_death(message, person, status or "informal", effective)
    ledger.judge()
    return (
        message.event(
            DeathNotified,
            subject=person.subject(),
            occurred_at=event[0],
            details=event[1],
            residence=residence,
        ),
    )


def read_status(message: Message, patient: Node) -> Status | None:
    """How the death stands, or None where nothing is said; an unlisted code is refused."""
    for part in _parts(patient):
        concept = part.one("valueCodeableConcept")
        code = code_in(message.ledger, concept, _EXTENSION).upper()
        if code not in _STATUS:
            message.ledger.refuse("death-status-unknown", concept or part)
            return None
        return _STATUS[code]
    return None


def read_death(
    message: Message, person: Person, status: Status, effective: datetime | None
) -> tuple[datetime, DeathNotifiedDetails]:
    """When it happened, and the details; dates that cannot be are refused."""
    ledger, node = message.ledger, person.node.one("deceasedDateTime")
    died_on, died_at = day(ledger, node), moment(ledger, node)
    exact = died_at if node is not None and "T" in node.text else None
    _check(message, person, status, died_on)
    fallback = effective or message.header.updated_at
    if status == "removed":
        return fallback, DeathNotifiedDetails(status=status)
    if died_on is None:
        ledger.note("death-date-missing", person.node, "no date of death")
    ledger.take(person.node, "deceasedBoolean")
    happened = exact or (datetime.combine(died_on, time(), UTC) if died_on else fallback)
    return happened, DeathNotifiedDetails(died_on=died_on, died_at=exact, status=status)


def _check(message: Message, person: Person, status: Status, died_on: date | None) -> None:
    ledger, node = message.ledger, person.node.one("deceasedDateTime")
    if status == "removed" and (node or person.node.says("deceasedBoolean") == "true"):
        ledger.refuse("death-status-contradictory", node or person.node)
    if status != "removed" and person.node.says("deceasedBoolean") == "false":
        ledger.refuse("death-status-contradictory", person.node.one("deceasedBoolean"))
    if died_on is None:
        return
    if person.date_of_birth and died_on < person.date_of_birth:
        ledger.refuse("impossible-date", node, "a death before the birth")
    if died_on > message.received_at.date():
        ledger.refuse("impossible-date", node, "a death in the future")


def _parts(patient: Node) -> list[Node]:
    """The extension that carries the status: inside its parent as specified, or bare as some messages have it."""
    whole = [
        extension for extension in patient.all("extension") if extension.says("url").endswith(_EXTENSION)
    ]
    inner = [part for extension in whole for part in extension.all("extension") if part.says("url") == _PART]
    return inner or [extension for extension in patient.all("extension") if extension.says("url") == _PART]


def _effective(message: Message) -> datetime | None:
    for extension in message.patient.all("extension"):
        for part in extension.all("extension"):
            if part.says("url") == "systemEffectiveDate":
                return moment(message.ledger, part.one("valueDateTime"))
    return None
