"""What is fuzzed, and what must hold: a table of targets, each a property that raises where it is broken.

Every property has the same three claims. Reading raises only what is documented. What was read is written back as the
very same bytes, or, where there is no one spelling, reads back as the same value. And nothing takes long: the runner
gives each input two seconds and the process a gigabyte.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol, Self

from adapters.formats.nems import map_message
from adapters.formats.outcome import Mapped, Refused
from broker.crypto.check import check_envelope, read_manifest
from broker.crypto.derive import EVENT_LABEL
from broker.crypto.directories import Accept, judge_directory
from broker.crypto.directories import Refuse as DirectoryRefused
from broker.crypto.errors import CryptoRejectedError
from broker.crypto.grants import open_grant, order_hash, read_grant
from broker.crypto.open import open_view
from broker.crypto.signing import sign, verify
from schemas import canonical
from schemas.audit import AuditEntry
from schemas.catalogue import parse_event, read_event
from schemas.control import Action, Note, NoticeSent, Receipts, Resend, SlipKey, unframe
from schemas.directory import Directory, SignedDirectory
from schemas.envelope import FullEnvelope, Manifest, View
from schemas.errors import EventRefusedError
from schemas.handover import HandoverView
from schemas.orders import Grant, Order, Refusal
from schemas.reading import MalformedMessageError
from schemas.slip import BoardSlip
from schemas.wire import PROTOCOL_VERSION
from tests.fuzz import seeds
from tests.support.directory import NOW
from tests.support.nems_messages import CUMBERLAND, RECEIVED, SomeAreas
from tests.support.sealing import CAST, keys_of, sealed

MALFORMED: Final = (canonical.NotCanonicalError, MalformedMessageError)
_READERS: Final = keys_of(CAST.front, CAST.school, CAST.police, CAST.newcomer)


class _Wire(Protocol):
    """A message of the protocol: from bytes and back."""

    @classmethod
    def from_bytes(cls, data: bytes, /) -> Self: ...

    def to_bytes(self) -> bytes: ...


def there_and_back(kind: type[_Wire], data: bytes) -> None:
    """Bytes that are read as ``kind`` are the one spelling of it."""
    try:
        value = kind.from_bytes(data)
    except MALFORMED:
        return
    assert data == value.to_bytes(), f"a second spelling of a {kind.__name__}"


def canonical_value(data: bytes) -> None:
    """One value, one spelling, in both directions."""
    try:
        value = canonical.decode(data)
    except canonical.NotCanonicalError:
        return
    assert data == canonical.encode(value), "a second spelling"


def envelope(data: bytes) -> None:
    """An envelope as the router reads it, a view as a reader does; a manifest that its author has rightly signed."""
    for kind in (FullEnvelope, View, Manifest):
        there_and_back(kind, data)
    try:
        check_envelope(FullEnvelope.from_bytes(data), CAST.public_of, keys_of(CAST.router))
    except (*MALFORMED, CryptoRejectedError):
        pass
    try:
        open_view(View.from_bytes(data), CAST.public_of, _READERS)
    except (*MALFORMED, CryptoRejectedError):
        pass
    signed = sign(CAST.author, EVENT_LABEL, data)
    try:
        read_manifest(signed, CAST.public_of)
        check_envelope(replace(sealed().envelope, signed=signed), CAST.public_of, keys_of(CAST.router))
    except CryptoRejectedError:
        pass


def signature(data: bytes) -> None:
    """A signed message of any kind: only who really signed is believed."""
    try:
        held = verify(data, Order.LABEL, CAST.public_of)
    except CryptoRejectedError:
        return
    assert CAST.public_of(held.key_id) is not None


def order(data: bytes) -> None:
    """Orders and refusals."""
    for kind in (Order, Refusal):
        there_and_back(kind, data)


def grant(data: bytes) -> None:
    """A grant, as bytes and rightly signed by its grantor."""
    there_and_back(Grant, data)
    try:
        found, key_id = read_grant(sign(CAST.front_sign, Grant.LABEL, data), CAST.public_of)
        open_grant(found, key_id, order_hash(b"an order"), CAST.public_of, _READERS)
    except CryptoRejectedError:
        pass


def control(data: bytes) -> None:
    """Notes, receipts, requests, slips, audit entries, handover views, and the frame around them."""
    for kind in (Note, NoticeSent, Receipts, Resend, SlipKey, BoardSlip, AuditEntry, HandoverView):
        there_and_back(kind, data)
    for count in (2, 3):
        try:
            items = unframe(data, count, PROTOCOL_VERSION)
        except MALFORMED:
            continue
        assert data == canonical.encode([PROTOCOL_VERSION, *items])
    try:
        value = canonical.decode(data)
        action = Action.from_value(value)
    except MALFORMED:
        return
    assert value == (None if action is None else action.to_value())


def directory(data: bytes) -> None:
    """A directory file, a document, and what becomes of a document that is rightly signed."""
    there_and_back(SignedDirectory, data)
    there_and_back(Directory, data)
    world = seeds.world()
    for file in (data, seeds.sign_directory(data).to_bytes()):
        verdict = judge_directory(file, world.directory, world.root_set, NOW)
        assert isinstance(verdict, Accept | DirectoryRefused)


def event_json(data: bytes) -> None:
    """An event as an author wrote it, and as a reader of another version finds it."""
    try:
        found = parse_event(data)
    except EventRefusedError as refused:
        _told_why(refused)
    else:
        assert found == parse_event(found.to_json())
    try:
        read_event(data)
    except EventRefusedError as refused:
        _told_why(refused)


def _told_why(refused: EventRefusedError) -> None:
    """A refusal names at least one fault."""
    assert refused.faults, "refused without a reason"


def nems(data: bytes) -> None:
    """An NHS event message: mapped with every value accounted for, or refused with reasons. Never an exception."""
    found = map_message(data, received_at=RECEIVED, areas=SomeAreas(), acting_area=CUMBERLAND)
    match found:
        case Mapped(events, report):
            accounted = report.mapped + sum(report.ignored.values()) + len(report.unmapped)
            assert report.values == accounted, "a value of the message is neither mapped nor accounted for"
            for event in events:
                assert event == parse_event(event.to_json())
        case Refused(reasons):
            assert reasons


@dataclass(frozen=True, slots=True)
class Target:
    """One property, where its search begins, and how a value inside an input is written (None: only raw bytes)."""

    holds: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    read: Callable[[bytes], Any] | None = None
    write: Callable[[Any], bytes] | None = None


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode(
        "utf-8", "surrogatepass"
    )


def _cbor(holds: Callable[[bytes], None], start: Callable[[], Iterable[bytes]]) -> Target:
    return Target(holds, start, canonical.decode, canonical.encode)


TARGETS: Final[dict[str, Target]] = {
    "canonical": _cbor(canonical_value, seeds.values),
    "envelope": _cbor(envelope, seeds.envelopes),
    "signature": _cbor(signature, seeds.signatures),
    "order": _cbor(order, seeds.orders),
    "grant": _cbor(grant, seeds.grants),
    "control": _cbor(control, seeds.controls),
    "directory": Target(directory, seeds.directories, json.loads, _json),
    "event": Target(event_json, seeds.events, json.loads, _json),
    "nems-json": Target(nems, seeds.nems_json, json.loads, _json),
    "nems-xml": Target(nems, seeds.nems_xml),
}


ALL: Final = "all"
"""Every target in one search: the first byte of an input says which. For the short form, where starting costs most."""


def one_of_all(data: bytes) -> tuple[Target, bytes]:
    """Which target an input of the common search is for, and what it is given."""
    return list(TARGETS.values())[data[0] % len(TARGETS)], data[1:]


def _all(data: bytes) -> None:
    if data:
        target, rest = one_of_all(data)
        target.holds(rest)


def _all_seeds() -> Iterable[bytes]:
    for number, target in enumerate(TARGETS.values()):
        yield from (bytes([number]) + seed for seed in target.seeds())


EVERYTHING: Final = Target(_all, _all_seeds)
