"""``pds-birth-notification-1``: a birth registered on the NHS record. The event is about the baby, not the mother.

A still birth never becomes a birth event: what follows a birth event is a welcome.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, time
from types import MappingProxyType
from typing import Final, Literal

from adapters.formats.nems.bundle import Resource
from adapters.formats.nems.death import read_death, read_status
from adapters.formats.nems.delivery import Delivery, read_delivery
from adapters.formats.nems.draft import Message
from adapters.formats.nems.person import Person, check_age, read_relative
from adapters.formats.nems.places import read_residence
from adapters.formats.nems.reasons import refuse
from adapters.formats.nems.tree import Node
from adapters.formats.nems.values import moment
from schemas.events.base import Event
from schemas.events.demographics import DeathNotified, RecordChanged, RecordChangedDetails
from schemas.events.health import BirthNotified, BirthNotifiedDetails
from schemas.ids import NhsNumber

_BIRTH_TIME: Final = "http://hl7.org/fhir/StructureDefinition/patient-birthTime"
Sex = Literal["male", "female", "other", "unknown"]
_SEX: Final = MappingProxyType[str, Sex](
    {"male": "male", "female": "female", "other": "other", "unknown": "unknown"}
)


def map_birth(message: Message) -> tuple[Event, ...]:
    """For each baby a birth; with it a death where the baby has died; for a still birth a change of record instead.

    Raises:
        RefusedError: with every fault found.
    """
    babies = _babies(message)
    mother = _mother(message, babies)
    events: list[Event] = []
    for position, baby in enumerate(babies):
        events += _about(message, baby, mother, str(position) if position else "")
    message.ledger.judge()
    return tuple(events)


def _about(message: Message, baby: Node, mother: Person | None, item: str) -> Sequence[Event]:
    ledger = message.ledger
    person = read_relative(ledger, baby, strict=True)
    check_age(ledger, person, message.received_at)
    delivery = read_delivery(message, baby)
    status = read_status(message, baby)
    born_at = _born_at(message, person)
    residence = read_residence(message, baby)
    subject, mothers = person.subject(), _number_of(message, mother)
    born = born_at or (
        datetime.combine(person.date_of_birth, time(), UTC)
        if person.date_of_birth
        else message.header.updated_at
    )
    if delivery.stillborn:
        ledger.note(
            "still-birth", baby, "a still birth: no birth event is made; look for a plan of the unborn child"
        )
        what = f"A birth notification says: {delivery.stillborn}. No welcome contact; look for a plan of the unborn child."
        return [
            message.event(
                RecordChanged,
                subject=subject,
                occurred_at=born,
                details=RecordChangedDetails(change="deceased", what=what),
                residence=residence,
                item=f"still-birth{item}",
            )
        ]
    events: list[Event] = [
        message.event(
            BirthNotified,
            subject=subject,
            occurred_at=born,
            details=_details(message, baby, delivery, mothers, born_at),
            residence=residence,
            item=f"birth{item}",
        )
    ]
    if (
        status not in {None, "removed"}
        or baby.one("deceasedDateTime")
        or baby.says("deceasedBoolean") == "true"
    ):
        happened, death = read_death(message, person, status or "informal", None)
        ledger.note(
            "baby-has-died", baby, "the baby is given as dead: read the death event before any contact"
        )
        events.append(
            message.event(
                DeathNotified,
                subject=subject,
                occurred_at=happened,
                details=death,
                residence=residence,
                item=f"death{item}",
            )
        )
    return events


def _details(
    message: Message, baby: Node, delivery: Delivery, mother: NhsNumber | None, born_at: datetime | None
) -> BirthNotifiedDetails:
    ledger, gender = message.ledger, baby.one("gender")
    sex = _SEX.get(ledger.take(gender).lower()) if gender else None
    if gender and sex is None:
        ledger.leave(gender, "unknown-code", "not one of FHIR's codes")
    return BirthNotifiedDetails(
        mother_nhs_number=mother,
        born_at=born_at,
        place=delivery.place,
        provider=delivery.provider,
        sex=sex,
        gestation_weeks=delivery.gestation_weeks,
        birth_weight_grams=delivery.weight_grams,
        birth_order=delivery.order,
        births_in_delivery=delivery.births,
    )


def _babies(message: Message) -> list[Node]:
    """The patients whom a RelatedPerson leads to: that link, not the order of entries, says who is the child."""
    found: list[Node] = []
    for related in message.bundle.of("RelatedPerson"):
        link = related.node.one("patient")
        target = message.bundle.target(link)
        if link is None or target is None or target.kind != "Patient":
            raise refuse(
                "dangling-reference", ((link.one("reference") or link) if link else related.node).place
            )
        message.ledger.take(link, "reference")
        message.ledger.rule(related.node.one("relationship"), "says that the one is the other's mother")
        if target.node not in found:
            found.append(target.node)
    patients = message.bundle.of("Patient")
    if not found:
        raise refuse("baby-ambiguous" if len(patients) > 1 else "baby-missing", message.patient.place)
    return found


def _mother(message: Message, babies: list[Node]) -> Person | None:
    others = [patient for patient in message.bundle.of("Patient") if patient.node not in babies]
    if len(others) > 1:
        raise refuse("baby-ambiguous", others[1].node.place)
    if not others:
        message.ledger.note("mother-missing", message.patient, "the mother is not given")
        return None
    mother = read_relative(message.ledger, others[0].node)
    _leave_the_mothers(message, others[0])
    return mother


def _leave_the_mothers(message: Message, mother: Resource) -> None:
    """A birth is the baby's event: of the mother only the NHS number goes along, to find the unborn child's record."""
    for part in mother.node.children:
        if part.name in {
            "name",
            "birthDate",
            "address",
            "telecom",
            "generalPractitioner",
            "extension",
            "gender",
        }:
            message.ledger.leave(
                part, "about-the-mother", "of the mother only the NHS number goes with the birth"
            )


def _number_of(message: Message, mother: Person | None) -> NhsNumber | None:
    """The mother's number, unless the header names another: a wrong mother is worse than none."""
    if mother is None or mother.nhs_number is None:
        return None
    routed = message.header.routing
    for part in routed.all("extension") if routed else []:
        said = part.says("valueIdentifier", "value").replace(" ", "")
        if part.says("url") == "nhsNumber" and said != mother.nhs_number:
            message.ledger.note(
                "mother-number-differs", part, "header and mother differ, so neither number is used"
            )
            return None
    return mother.nhs_number


def _born_at(message: Message, person: Person) -> datetime | None:
    birth = person.node.one("birthDate")
    extension = birth.extension(_BIRTH_TIME) if birth else None
    found = moment(message.ledger, extension.one("valueDateTime")) if extension else None
    if found and person.date_of_birth and abs((found.date() - person.date_of_birth).days) > 1:
        message.ledger.leave(
            extension, "birth-time-differs", "the time of birth is on another day than the birth date"
        )
        return None
    return found
