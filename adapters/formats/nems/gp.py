"""``pds-change-of-gp-1``: a patient's registration moved to another GP practice, or ended."""

from adapters.formats.nems.draft import Message
from adapters.formats.nems.person import read_subject
from adapters.formats.nems.places import read_residence
from adapters.formats.nems.reasons import refuse
from adapters.formats.nems.tree import Node
from adapters.formats.nems.values import Organisation, code_in, hide_organisation, organisation
from schemas.events.base import Event
from schemas.events.demographics import GpChanged, GpChangedDetails, RecordChanged, RecordChangedDetails

_PROVISION = "PatientCareProvisionType-1"
_PRIMARY_CARE = "1"


def map_gp_change(message: Message) -> tuple[Event, ...]:
    """The new practice and the one left. Changing GP is no move; the address goes along as the residence.

    Raises:
        RefusedError: with every fault found.
    """
    ledger, bundle, patient = message.ledger, message.bundle, message.patient
    person = read_subject(ledger, message.header, patient, message.received_at)
    links, episode = patient.all("generalPractitioner"), _finished(message)
    left = episode.one("managingOrganization") if episode else None
    practice = _practice(message, links)
    previous = organisation(ledger, bundle, left, needed=True)
    ledger.judge()
    if practice is None and previous is None:
        raise refuse("gp-missing", patient.place)
    residence = read_residence(message)
    if message.sensitive:
        for link in (*links, left):
            hide_organisation(ledger, bundle, link)
        # An empty 'practice' would say that the registration ended, so another type of event says what is true.
        details = RecordChangedDetails(
            change="other", what="The GP registration changed; the practice is withheld."
        )
        return (
            message.event(
                RecordChanged,
                subject=person.subject(),
                occurred_at=message.header.sent_at,
                details=details,
                residence=residence,
            ),
        )
    details_of_gp = GpChangedDetails(
        practice=practice.ods if practice else None,
        practice_name=practice.name if practice else None,
        previous_practice=previous.ods if previous else None,
        since=message.header.sent_at.date(),
    )
    if practice is None:
        ledger.note("no-new-practice", patient, "the registration ended and no new practice is named")
    return (
        message.event(
            GpChanged,
            subject=person.subject(),
            occurred_at=message.header.sent_at,
            details=details_of_gp,
            residence=residence,
        ),
    )


def _practice(message: Message, links: list[Node]) -> Organisation | None:
    found = [
        each for link in links if (each := organisation(message.ledger, message.bundle, link, needed=True))
    ]
    for link in links[1:]:
        message.ledger.leave(link, "further-practice", "only the first practice is sent")
    if links and not found:
        message.ledger.refuse("dangling-reference", links[0])
    practice = found[0] if found else None
    if practice and practice.ods is None:
        message.ledger.note("ods-code-missing", links[0], "the new practice is named without its ODS code")
    return practice


def _finished(message: Message) -> Node | None:
    """The episode of care at the practice left: finished, of kind primary care, of this patient."""
    for resource in message.bundle.of("EpisodeOfCare"):
        concept = resource.node.one("type")
        owner = message.bundle.target(resource.node.one("patient"))
        if owner is None or owner.node is not message.patient:
            continue
        if resource.node.says("status") == "finished" and _is_primary_care(concept):
            message.ledger.take(resource.node, "status")
            code_in(message.ledger, concept, _PROVISION)
            return resource.node
    return None


def _is_primary_care(concept: Node | None) -> bool:
    codings = concept.all("coding") if concept else []
    return any(
        coding.says("code") == _PRIMARY_CARE and coding.says("system").endswith(_PROVISION)
        for coding in codings
    )
