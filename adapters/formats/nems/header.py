"""The MessageHeader: which message this is, what kind of event, new or changed, when, and about what."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from adapters.formats.nems.bundle import Bundle, Resource
from adapters.formats.nems.ledger import Ledger
from adapters.formats.nems.reasons import refuse
from adapters.formats.nems.tree import Node
from adapters.formats.nems.values import moment
from schemas.codes.sharing import Lifecycle

EVENT_TYPES: Final = "https://fhir.nhs.uk/STU3/CodeSystem/EventType-1"
ROUTING: Final = "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-RoutingDemographics-1"
_LIFECYCLE: Final = "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-MessageEventType-1"
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CODE: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
SUPPORTED: Final = frozenset(
    {
        "pds-change-of-address-1",
        "pds-birth-notification-1",
        "pds-change-of-gp-1",
        "pds-death-notification-1",
        "professional-contacts-1",
        "pds-record-change-1",
    }
)
_ROUTING_RULE: Final = "routing copy inside NEMS; compared with the patient, who is the source"


@dataclass(frozen=True, slots=True)
class Header:
    """What the MessageHeader says."""

    node: Node
    message_id: str
    """UUID in lower case; unique to the message, never re-used in an update [NEMS-GEN]."""
    kind: str
    """The NHS's code of the event type."""
    lifecycle: Lifecycle
    sent_at: datetime
    updated_at: datetime
    """When the source's record changed, by which messages are ordered [NEMS-SEQ]; else when it was sent."""
    focus: Resource
    routing: Node | None
    """The copy of the patient's number, name and birth date that NEMS routes by."""
    responsible: Node | None


def read_kind(ledger: Ledger, bundle: Bundle) -> str:
    """The code of the event type, if it is one that is mapped.

    Raises:
        RefusedError: no code, a foreign one, or a type or version that is not mapped.
    """
    node = bundle.resources[0].node
    event = node.one("event")
    code = ledger.take(event, "code")
    if event is None or not code:
        raise refuse("event-code-missing", node.place)
    if event.says("system") != EVENT_TYPES:
        raise refuse("unknown-event-system", event.place)
    if code in SUPPORTED:
        return code
    named = code if _CODE.fullmatch(code) else "unreadable"
    known = {kind.rsplit("-", 1)[0] for kind in SUPPORTED}
    if re.fullmatch(r"[0-9]+", named.rsplit("-", 1)[-1]) and named.rsplit("-", 1)[0] in known:
        raise refuse("unsupported-event-version", event.place, named)
    raise refuse("unsupported-event-type", event.place, named)


def read_header(ledger: Ledger, bundle: Bundle, kind: str) -> Header:
    """The header of a message of a mapped type.

    Raises:
        RefusedError: something that no event can do without is missing or malformed.
    """
    node = bundle.resources[0].node
    message_id = _message_id(ledger, node)
    lifecycle = _lifecycle(ledger, node)
    if node.one("timestamp") is None:
        ledger.refuse("timestamp-missing", node)
    sent_at = moment(ledger, node.one("timestamp"))
    updated_at = moment(ledger, node.at("meta", "lastUpdated")) or sent_at
    focus = _focus(ledger, bundle, node)
    routing = node.extension(ROUTING)
    ledger.rule(routing, _ROUTING_RULE)
    for contact in node.all("source"):
        ledger.rule(contact, "how to reach the publisher about this message")
    ledger.judge()
    if lifecycle is None or sent_at is None or updated_at is None or focus is None:
        raise refuse("malformed-fhir", node.place)
    return Header(
        node, message_id, kind, lifecycle, sent_at, updated_at, focus, routing, node.one("responsible")
    )


def _message_id(ledger: Ledger, node: Node) -> str:
    text = ledger.take(node, "id").lower()
    if not text:
        ledger.refuse("message-id-missing", node)
    elif not _UUID.fullmatch(text):
        ledger.refuse("message-id-malformed", node.one("id"))
    return text


def _lifecycle(ledger: Ledger, node: Node) -> Lifecycle | None:
    said = node.extension(_LIFECYCLE)
    coding = said.at("valueCodeableConcept", "coding") if said else None
    code = ledger.take(coding, "code")
    if not code:
        ledger.refuse("lifecycle-missing", said or node)
        return None
    try:
        return Lifecycle(code.lower())
    except ValueError:
        ledger.refuse("lifecycle-unknown", coding)
        return None


def _focus(ledger: Ledger, bundle: Bundle, node: Node) -> Resource | None:
    link = node.one("focus")
    if link is None or not link.says("reference"):
        ledger.refuse("focus-missing", link or node)
        return None
    ledger.take(link, "reference")
    focus = bundle.target(link)
    if focus is None:
        ledger.refuse("dangling-reference", link.one("reference"))
    return focus
