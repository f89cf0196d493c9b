"""``pds-record-change-1``: the record changed, and the message does not say how: a cue to look it up."""

from adapters.formats.nems.bundle import Resource
from adapters.formats.nems.draft import Message
from adapters.formats.nems.person import read_subject
from adapters.formats.nems.places import read_residence
from adapters.formats.nems.values import moment, organisation
from schemas.events.base import Event
from schemas.events.demographics import RecordChanged, RecordChangedDetails


def map_record_change(message: Message) -> tuple[Event, ...]:
    """That the record changed, when, and by whom in kind. It may mean a superseded NHS number or a new restriction.

    Raises:
        RefusedError: with every fault found.
    """
    ledger = message.ledger
    person = read_subject(ledger, message.header, message.patient, message.received_at)
    trail = next(iter(message.bundle.of("Provenance")), None)
    recorded = moment(ledger, trail.node.one("recorded")) if trail else None
    residence = read_residence(message)
    by = _changed_by(message, trail)
    ledger.judge()
    ledger.note(
        "change-not-named", message.patient, "the message says that the record changed, never what changed"
    )
    details = RecordChangedDetails(
        change="other",
        what=f"The NHS record was changed{by}. The message does not say what: read the record.",
    )
    return (
        message.event(
            RecordChanged,
            subject=person.subject(),
            occurred_at=recorded or message.header.updated_at,
            details=details,
            residence=residence,
        ),
    )


def _changed_by(message: Message, trail: Resource | None) -> str:
    agent = trail.node.one("agent") if trail else None
    who = agent.one("whoReference") if agent else None
    if who is None:
        return ""
    target = message.bundle.target(who)
    if target is not None and target.node is message.patient:
        message.ledger.take(who, "reference")
        return " by the patient, or by the family for the patient"
    if message.sensitive:
        return " by an organisation"
    found = organisation(message.ledger, message.bundle, who)
    named = found.name or found.ods if found else None
    return f" by {named}" if named else ""
