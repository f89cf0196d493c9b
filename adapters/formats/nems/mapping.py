"""The entry: one NHS event message in, events and an account of every value out, or reasons. Pure."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

from adapters.formats.areas import AreaLookup
from adapters.formats.nems.address_change import SAME_ADDRESS, map_address_change
from adapters.formats.nems.birth import map_birth
from adapters.formats.nems.bundle import Bundle, read_bundle
from adapters.formats.nems.contacts import map_contacts
from adapters.formats.nems.death import map_death
from adapters.formats.nems.draft import IdFor, Message, derived_id
from adapters.formats.nems.gp import map_gp_change
from adapters.formats.nems.header import Header, read_header, read_kind
from adapters.formats.nems.json_reader import read_json
from adapters.formats.nems.ledger import Ledger
from adapters.formats.nems.person import patient_of
from adapters.formats.nems.reasons import RefusedError, refuse
from adapters.formats.nems.record import map_record_change
from adapters.formats.nems.tree import MAX_BYTES, Node
from adapters.formats.nems.xml_reader import read_xml
from adapters.formats.outcome import WHOLE, Mapped, Refused, Report
from schemas.codes.sharing import Lifecycle
from schemas.events.base import Event
from schemas.ids import GssCode

Mapper = Callable[[Message], tuple[Event, ...]]
"""Reads a message of its type; returns its events. Raises RefusedError."""

_MAPPERS: Final = MappingProxyType[str, Mapper](
    {
        "pds-birth-notification-1": map_birth,
        "pds-change-of-address-1": map_address_change,
        "pds-change-of-gp-1": map_gp_change,
        "pds-death-notification-1": map_death,
        "pds-record-change-1": map_record_change,
        "professional-contacts-1": map_contacts,
    }
)

_FIRST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_SKEW: Final = timedelta(minutes=5)


def map_message(
    data: bytes,
    *,
    received_at: datetime,
    areas: AreaLookup,
    acting_area: GssCode,
    id_for: IdFor = derived_id,
) -> Mapped | Refused:
    """Map one NHS event message, FHIR STU3 as XML or JSON.

    Args:
        data: the message as delivered.
        received_at: when the member received it; aware.
        areas: which authority a postcode lies in.
        acting_area: the area for which the member acts.
        id_for: makes event ids; the default gives the same message the same ids.

    Returns:
        ``Mapped`` with the events and the account of every value, or ``Refused`` with every reason found.
        Never raises for anything in ``data``.
    """
    try:
        root = _read(data)
        ledger = Ledger(root)
        message = _understand(
            ledger,
            read_bundle(root),
            received_at=received_at,
            areas=areas,
            acting_area=acting_area,
            id_for=id_for,
        )
        events = _MAPPERS[message.header.kind](message)
        ledger.judge()
        return Mapped(events, _report(message))
    except RefusedError as error:
        return Refused(error.reasons)


def _read(data: bytes) -> Node:
    if len(data) > MAX_BYTES:
        raise refuse("oversized")
    start = data.lstrip(b"\xef\xbb\xbf \t\r\n\x00\xff\xfe")[:1]
    if not start:
        raise refuse("empty-input")
    if start == b"<":
        return read_xml(data)
    return read_json(data)


def _understand(
    ledger: Ledger,
    bundle: Bundle,
    *,
    received_at: datetime,
    areas: AreaLookup,
    acting_area: GssCode,
    id_for: IdFor,
) -> Message:
    kind = read_kind(ledger, bundle)
    header = read_header(ledger, bundle, kind)
    _check_lifecycle(ledger, header)
    _check_clock(ledger, header, received_at)
    labels = bundle.restrictions()
    for label in bundle.labels():
        ledger.took(label)
    for label in labels:
        ledger.note(
            "restricted", label, "marked as restricted: only area codes are sent, no address or contact"
        )
    patient = patient_of(ledger, bundle, header.focus)
    return Message(bundle, header, ledger, areas, received_at, acting_area, id_for, bool(labels), patient)


def _check_lifecycle(ledger: Ledger, header: Header) -> None:
    """The NHS's own events are only ever new [NEMS-COA]; an update is read as the newer state, a delete is not guessed."""
    if not header.kind.startswith("pds-") or header.lifecycle is Lifecycle.NEW:
        return
    if header.lifecycle is Lifecycle.DELETE:
        raise refuse("lifecycle-not-defined", header.node.place, "delete")
    ledger.note(
        "lifecycle-undefined", header.node, "an update is not defined for this type; read as its newer state"
    )


def _check_clock(ledger: Ledger, header: Header, received_at: datetime) -> None:
    """A message older than its service is broken; one from the future has a clock that is wrong, and still counts."""
    place = header.node.one("timestamp")
    if header.sent_at < _FIRST:
        raise refuse("impossible-date", place.place if place else WHOLE, "a message older than the service")
    if header.sent_at > received_at + _SKEW:
        ledger.note("sent-in-the-future", place, "the publisher's clock is ahead of the time it was received")


def _report(message: Message) -> Report:
    message.ledger.close_links(lambda text: text.lower() in message.bundle.addresses)
    values, mapped, ignored, unmapped = message.ledger.account()
    header = message.header
    return Report(
        format="nems",
        message_id=header.message_id,
        message_type=header.kind,
        lifecycle=header.lifecycle.value,
        values=values,
        mapped=mapped,
        ignored=MappingProxyType(ignored),
        unmapped=unmapped,
        notes=tuple(message.ledger.notes),
        sensitive=message.sensitive,
        same_address=any(note.code == SAME_ADDRESS for note in message.ledger.notes),
    )
