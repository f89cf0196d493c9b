"""Reading: from ciphertext and vault to an event that a person can look at. Nothing readable is stored."""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from adapters.gateway.errors import UnreadableError
from adapters.gateway.home import Home
from adapters.gateway.record.composing import join
from broker.crypto.check import read_manifest
from broker.crypto.grants import read_grant
from broker.crypto.open import OpenedPart, open_with_key
from broker.store.gateway.inbox import HistoryRow, InRow
from broker.store.gateway.store import Work
from schemas.catalogue import CATALOGUE, parse_event
from schemas.envelope import Header, Manifest, View, ViewPart
from schemas.errors import EventRefusedError, MalformedIdentifierError
from schemas.events.base import Event
from schemas.ids import EventId
from schemas.orders import GrantedPart
from schemas.policy import NoRuleError
from schemas.wire import PartKind

Sealed: TypeAlias = tuple[ViewPart | GrantedPart, ...]


@dataclass(frozen=True, slots=True)
class Read:
    """An event in clear. ``event`` is None where this version cannot check its rules; ``document`` is always there."""

    event: Event | None
    document: dict[str, Any]
    author: str
    parts: tuple[PartKind, ...]
    manifest: Manifest = field(repr=False)
    digest: bytes = field(repr=False)
    """SHA-256 of the manifest as its author signed it."""
    signed: bytes = field(repr=False)
    """The author's signed manifest."""
    sealed: Sealed = field(repr=False)
    """The parts as they came, for whoever hands them on."""

    @property
    def type(self) -> str:
        """The event's type."""
        return str(self.document.get("type", ""))


class Reading:
    """Opens what one home has received."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def delivered(self, work: Work, row: InRow) -> Read:
        """Open a delivery. Raises RejectedError."""
        if row.state != "applied":
            raise UnreadableError(
                f"delivery {row.number} is {row.state} ({row.fault or 'waiting for another'})"
            )
        view = View.from_bytes(row.body)
        return self._open(work, view.signed, view.parts)

    def granted(self, work: Work, row: HistoryRow) -> Read:
        """Open an event of the granted history. Raises RejectedError."""
        grant, _ = read_grant(row.body, self._home.directory.public_of)
        return self._open(work, grant.signed, grant.parts)

    def _open(self, work: Work, signed: bytes, sealed: Sealed) -> Read:
        manifest, digest = read_manifest(signed, self._home.directory.public_of)
        keys = work.inbox.keys_of(manifest.header.event_id)
        opened = {
            part.kind: part.plaintext
            for one in sealed
            if one.index in keys
            for part in [self._part(manifest, one, keys[one.index])]
        }
        if PartKind.CORE not in opened:
            raise UnreadableError("the event's main part was not for this member")
        document = _document(opened)
        if document.get("id") != _id_of(manifest.header):
            raise UnreadableError("what was sealed is another event than was signed for")
        try:
            event: Event | None = parse_event(document)
        except EventRefusedError:
            event = None
        self._check_type(str(document.get("type")), manifest.header)
        return Read(event, document, manifest.header.author, tuple(opened), manifest, digest, signed, sealed)

    def _part(self, manifest: Manifest, sealed: ViewPart | GrantedPart, wrapped: bytes) -> OpenedPart:
        return open_with_key(manifest, sealed.index, sealed.ciphertext, self._home.vault.open(wrapped))

    def _check_type(self, named: str, header: Header) -> None:
        """The router sees only a class; whether its author may send this *type* is the reader's to check."""
        spec = CATALOGUE.get(named)
        if spec is None:
            return  # of a later version: shown as it is, and nothing rests on it
        directory = self._home.directory
        author = directory.member(header.author)
        if spec.event_class is not header.event_class:
            raise UnreadableError(f"{named} was sent under another class than its own")
        try:
            publishers = directory.policy.rule(named).publishers
        except NoRuleError as error:
            raise UnreadableError(str(error)) from error
        if author is None or author.kind not in publishers:
            raise UnreadableError(f"its author may not publish {named}")


def _document(opened: dict[PartKind, bytes]) -> dict[str, Any]:
    try:
        document = join(opened)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise UnreadableError("what was sealed is not an event") from error
    if not isinstance(document, dict) or not isinstance(document.get("details", {}), dict):
        raise UnreadableError("what was sealed is not an event")
    return document


def _id_of(header: Header) -> str | None:
    try:
        return EventId.from_raw(header.event_id)
    except MalformedIdentifierError:
        return None
