"""``professional-contacts-1``: an organisation has, had, or no longer claims responsibility of care for a patient."""

import hashlib
from types import MappingProxyType
from typing import Final, Literal

from adapters.formats.nems.draft import Message
from adapters.formats.nems.ledger import WITHHELD
from adapters.formats.nems.person import read_subject
from adapters.formats.nems.places import read_residence
from adapters.formats.nems.reasons import refuse
from adapters.formats.nems.tree import Node
from adapters.formats.nems.values import (
    Organisation,
    day,
    hide_organisation,
    line,
    organisation,
    person_name,
)
from schemas.codes.sharing import Lifecycle
from schemas.events.base import Event
from schemas.events.demographics import (
    ProfessionalContact,
    ProfessionalContactsChanged,
    ProfessionalContactsDetails,
)
from schemas.events.parts import Professional

Status = Literal["planned", "waitlist", "active", "onhold", "finished", "cancelled"]
_STATUS: Final = MappingProxyType[str, Status](
    {
        "planned": "planned",
        "waitlist": "waitlist",
        "active": "active",
        "onhold": "onhold",
        "finished": "finished",
        "cancelled": "cancelled",
    }
)
_ERROR: Final = "entered-in-error"
_SNOMED: Final = "http://snomed.info/sct"
_LONGEST_REF: Final = 100
_WORDS_WITHHELD: Final = "withheld"


def map_contacts(message: Message) -> tuple[Event, ...]:
    """The one contact that the message is about; none where it was deleted or entered in error.

    The item id is the publisher's own, so that an update or a delete finds what it replaces [NEMS-GEN].

    Raises:
        RefusedError: with every fault found.
    """
    ledger, focus = message.ledger, message.header.focus
    if focus.kind != "EpisodeOfCare":
        raise refuse("episode-missing", focus.node.place)
    person = read_subject(ledger, message.header, message.patient, message.received_at)
    episode, item_id = focus.node, _item(message, focus.node)
    contact = _contact(message, episode, item_id)
    residence = read_residence(message)
    ledger.judge()
    gone = message.header.lifecycle is Lifecycle.DELETE or episode.says("status") == _ERROR
    if gone:
        ledger.note(
            "contact-withdrawn", episode, "deleted or entered in error: no contact is listed under this item"
        )
    if gone and item_id is None:
        ledger.note(
            "item-missing", episode, "nothing says which earlier contact is withdrawn: a person has to look"
        )
    details = ProfessionalContactsDetails(contacts=() if gone or contact is None else (contact,))
    return (
        message.event(
            ProfessionalContactsChanged,
            subject=person.subject(),
            occurred_at=message.header.updated_at,
            details=details,
            residence=residence,
            item_id=item_id,
        ),
    )


def _item(message: Message, episode: Node) -> str | None:
    held = [mark for mark in episode.all("identifier") if mark.says("value")]
    if not held:
        message.ledger.note(
            "item-missing", episode, "no identifier: a later update cannot be matched to this"
        )
        return None
    found = line(message.ledger, held[0].one("value"))
    system = held[0].says("system")
    whole = f"{system}|{found}" if found and system else found
    if message.sensitive and whole:  # the publisher's numbering would tell who it is, and so where
        return hashlib.sha256(f"handrail nems item\n{whole}".encode()).hexdigest()[:32]
    return whole if whole and len(whole) <= _LONGEST_REF else found and found[:_LONGEST_REF]


def _contact(message: Message, episode: Node, item_id: str | None) -> ProfessionalContact | None:
    ledger = message.ledger
    status = ledger.take(episode, "status")
    if status != _ERROR and status not in _STATUS:
        ledger.refuse("episode-status-unknown", episode.one("status") or episode)
    service, code = _service(message, episode)
    if service is None:
        ledger.refuse("service-missing", episode)
    link = episode.one("managingOrganization")
    held = organisation(ledger, message.bundle, link, needed=True)
    if held is None:
        ledger.refuse("organisation-missing", link or episode)
    period = episode.one("period")
    since = day(ledger, period.one("start")) if period else None
    until = day(ledger, period.one("end")) if period else None
    if since and until and until < since:
        ledger.leave(period, "period-reversed", "it ends before it starts, so neither date is used")
        since = until = None
    team, professional = _team(message, episode, held)
    if service is None or held is None:
        return None
    if message.sensitive:
        _hide(message, episode)
        # The words of a service are the publisher's own and may name a town; its code cannot.
        service, held, team, professional = _WORDS_WITHHELD, Organisation(None, None), None, None
    return ProfessionalContact(
        item_id=item_id,
        status=_STATUS.get(status),
        service=service,
        service_code=code,
        organisation=held.ods,
        organisation_name=held.name,
        team=team,
        professional=professional,
        since=since,
        until=until,
    )


def _service(message: Message, episode: Node) -> tuple[str | None, str | None]:
    """The kind of care in words and, where it is a SNOMED CT concept, its id."""
    for concept in episode.all("type"):
        for coding in concept.all("coding"):
            words, code = (
                line(message.ledger, coding.one("display")),
                line(message.ledger, coding.one("code")),
            )
            if words or code:
                return words or code, code if coding.says("system") == _SNOMED else None
        if words := line(message.ledger, concept.one("text")):
            return words, None
    return None, None


def _team(
    message: Message, episode: Node, held: Organisation | None
) -> tuple[str | None, Professional | None]:
    """The team, and the first of its members by name and role; contact is the organisation's [NEMS-GEN]."""
    ledger, team = message.ledger, message.bundle.target(episode.one("team"))
    if team is None or team.kind != "CareTeam":
        return None, None
    for further in episode.all("team")[1:]:
        ledger.leave(further, "further-team", "only the first team is sent")
    name = line(ledger, team.node.one("name"))
    participants = team.node.all("participant")
    for further in participants[1:]:
        ledger.leave(further, "further-member", "only the first member of the team is sent")
    if not participants:
        return name, None
    role = participants[0].at("role", "coding", "display") or participants[0].at("role", "text")
    said_role = line(ledger, role)
    member = message.bundle.target(participants[0].one("member"))
    who = person_name(ledger, member.node.one("name")) if member and member.kind == "Practitioner" else None
    if said_role is None and who is None:
        return name, None
    return name, Professional(
        name=who,
        role=said_role or "member of the team",
        agency=held.name if held else None,
        contact=held.phone if held else None,
    )


def _hide(message: Message, episode: Node) -> None:
    bundle, ledger = message.bundle, message.ledger
    for concept in episode.all("type"):
        words = [*concept.all("text"), *(coding.one("display") for coding in concept.all("coding"))]
        for said in words:
            ledger.leave(said, WITHHELD, "the patient is restricted: words could tell where")
    hide_organisation(ledger, bundle, episode.one("managingOrganization"))
    for link in episode.all("team"):
        team = bundle.target(link)
        for participant in team.node.all("participant") if team else []:
            hide_organisation(ledger, bundle, participant.one("member"))
        hide_organisation(ledger, bundle, link)
