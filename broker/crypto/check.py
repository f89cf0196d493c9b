"""The router's side: check an event that it cannot read, and cut one view for each reader."""

import hashlib
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from broker.crypto.derive import (
    COUNTER_LABEL,
    EVENT_LABEL,
    field_hash,
    header_hash,
    leaf,
    openings_info,
    unpad,
)
from broker.crypto.errors import AlteredError, MalformedError, NotAddressedError, UnknownSuiteError
from broker.crypto.keys import KemKey, KemPublic
from broker.crypto.seal import seal_openings
from broker.crypto.signing import PublicOf, verify
from schemas import canonical
from schemas.control import Action
from schemas.envelope import (
    FullEnvelope,
    Header,
    Manifest,
    Opening,
    SealedOpenings,
    View,
    ViewPart,
    written_openings,
)
from schemas.facts import RoutingFacts
from schemas.reading import MalformedMessageError, listed
from schemas.wire import SUITE_DEFAULT, Field

_ALL_FIELDS: Final = frozenset(Field)
_SHORT_VALUE: Final = 12


@dataclass(frozen=True, slots=True)
class Checked:
    """An event whose signature and hashes hold. What its author may do is still to be judged.

    ``readers`` holds, for each part, the key ids that it is sealed to. ``countersigner`` is the key id of a valid
    countersignature, or None.
    """

    envelope: FullEnvelope
    manifest: Manifest
    manifest_hash: bytes
    openings: tuple[Opening, ...]
    facts: RoutingFacts
    readers: tuple[tuple[str, ...], ...]
    countersigner: str | None

    @property
    def header(self) -> Header:
        """The signed header."""
        return self.manifest.header


def read_manifest(signed: bytes, public_of: PublicOf) -> tuple[Manifest, bytes]:
    """Verify an author's signature and read the manifest; gives it with the SHA-256 of its bytes.

    Raises:
        CryptoRejectedError: any check that fails.
    """
    held = verify(signed, EVENT_LABEL, public_of)
    try:
        manifest = Manifest.from_bytes(held.payload)
    except (canonical.NotCanonicalError, MalformedMessageError) as error:
        raise MalformedError(str(error)) from error
    if manifest.header.key_id != held.key_id:
        raise AlteredError("the header names another key than the one that signed")
    if manifest.header.suite != SUITE_DEFAULT:
        raise UnknownSuiteError(f"it names suite {manifest.header.suite}, which is not in use")
    return manifest, hashlib.sha256(held.payload).digest()


def check_envelope(
    envelope: FullEnvelope, public_of: PublicOf, routing_keys: Mapping[str, KemKey]
) -> Checked:
    """Check everything that can be checked without reading: signature, hashes, leaves, slips, openings.

    Raises:
        CryptoRejectedError: the first check that fails, in that order.
    """
    manifest, digest = read_manifest(envelope.signed, public_of)
    _check_parts(envelope, manifest)
    carried = tuple((board, hashlib.sha256(slip).digest()) for board, slip in envelope.slips)
    if carried != manifest.slips:
        raise AlteredError("the board slips are not those that were signed")
    openings, opened = _openings(envelope, manifest.header, routing_keys)
    return Checked(
        envelope=envelope,
        manifest=manifest,
        manifest_hash=digest,
        openings=openings,
        facts=_facts(opened),
        readers=tuple(tuple(wrap.key_id for wrap in part.wraps) for part in envelope.parts),
        countersigner=countersigner_of(envelope.signed, envelope.countersigned, public_of),
    )


def countersigner_of(signed: bytes, countersigned: bytes | None, public_of: PublicOf) -> str | None:
    """The key id that vouches for ``signed``; None without a countersignature. Raises CryptoRejectedError."""
    if countersigned is None:
        return None
    held = verify(countersigned, COUNTER_LABEL, public_of)
    if held.payload != hashlib.sha256(signed).digest():
        raise AlteredError("the countersignature is for another message")
    return held.key_id


def check_openings(openings: tuple[Opening, ...], header: Header) -> dict[Field, bytes]:
    """The opened fields, each held against the header. Raises AlteredError."""
    signed = dict(header.field_hashes)
    found: dict[Field, bytes] = {}
    for opening in openings:
        expected = signed.get(opening.field)
        if expected != field_hash(opening.field, opening.salt, opening.value) or opening.field in found:
            raise AlteredError(f"the opening of {opening.field.name} is not what was signed")
        found[opening.field] = opening.value
    return found


def view_for(checked: Checked, key_ids: AbstractSet[str], fields: AbstractSet[Field]) -> View:
    """Cut the view of the reader who owns ``key_ids``: its own wraps, and the openings that policy allows."""
    parts = []
    for index, part in enumerate(checked.envelope.parts):
        for position, wrap in enumerate(part.wraps):
            if wrap.key_id in key_ids:
                parts.append(ViewPart(index, part.ciphertext, position, wrap))
                break
    return View(
        signed=checked.envelope.signed,
        openings=tuple(opening for opening in checked.openings if opening.field in fields),
        parts=tuple(parts),
        countersigned=checked.envelope.countersigned,
    )


class Views:
    """Cuts all views of one event as bytes, the same that ``view_for`` gives: what readers share is written once."""

    def __init__(self, checked: Checked) -> None:
        self._checked = checked
        envelope = checked.envelope
        self._signed = canonical.octets(envelope.signed)
        self._countersigned = canonical.encode(envelope.countersigned)
        self._ciphertexts = [canonical.octets(part.ciphertext) for part in envelope.parts]
        self._written = [(opening.field, opening.written) for opening in checked.openings]
        self._openings: dict[AbstractSet[Field], bytes] = {}

    def cut(
        self, key_ids: AbstractSet[str], fields: frozenset[Field], sealed_to: KemPublic | None = None
    ) -> bytes:
        """The view of the reader who owns ``key_ids``; its openings for ``sealed_to`` alone, where that is given."""
        openings = self._openings.get(fields)
        if sealed_to is not None:
            opened = tuple(one for one in self._checked.openings if one.field in fields)
            of_header = header_hash(self._checked.header)
            openings = written_openings(seal_openings(opened, sealed_to, of_header))
        elif openings is None:
            openings = canonical.array(*[written for field, written in self._written if field in fields])
            self._openings[fields] = openings
        parts = []
        for index, part in enumerate(self._checked.envelope.parts):
            for position, wrap in enumerate(part.wraps):
                if wrap.key_id in key_ids:
                    own = canonical.array(*wrap.items)
                    numbers = canonical.encode(index), canonical.encode(position)
                    parts.append(canonical.array(numbers[0], self._ciphertexts[index], numbers[1], own))
                    break
        return canonical.array(self._signed, openings, canonical.array(*parts), self._countersigned)


def _check_parts(envelope: FullEnvelope, manifest: Manifest) -> None:
    if len(envelope.parts) != len(manifest.parts):
        raise AlteredError("parts are missing or added")
    for part, summary in zip(envelope.parts, manifest.parts, strict=True):
        if len(part.ciphertext) != summary.length or (
            hashlib.sha256(part.ciphertext).digest() != summary.ciphertext_hash
        ):
            raise AlteredError("a ciphertext is not the one that was signed")
        if tuple(leaf(wrap) for wrap in part.wraps) != summary.leaves:
            raise AlteredError("readers were removed, added or exchanged")


def _openings(
    envelope: FullEnvelope, header: Header, routing_keys: Mapping[str, KemKey]
) -> tuple[tuple[Opening, ...], dict[Field, bytes]]:
    sealed = isinstance(envelope.openings, SealedOpenings)
    if sealed != header.sealed_openings:
        raise AlteredError("the openings are clear where sealed ones were signed, or the other way round")
    if isinstance(envelope.openings, SealedOpenings):
        openings = unseal_openings(envelope.openings, header, routing_keys)
    else:
        openings = envelope.openings
    opened = check_openings(openings, header)
    if opened.keys() != _ALL_FIELDS:
        raise AlteredError("not every routing field is opened to the router")
    return openings, opened


def unseal_openings(
    sealed: SealedOpenings, header: Header, keys: Mapping[str, KemKey]
) -> tuple[Opening, ...]:
    """Open what was sealed to one of these keys. Raises NotAddressedError or MalformedError."""
    key = keys.get(sealed.key_id)
    if key is None:
        raise NotAddressedError("the openings are sealed to a key that is not here")
    content = unpad(key.open(sealed.sealed, openings_info(sealed.key_id, header_hash(header))))
    try:
        rows = listed(canonical.decode(content), len(Field), "openings")
        return tuple(Opening.from_value(row) for row in rows)
    except (canonical.NotCanonicalError, MalformedMessageError) as error:
        raise MalformedError(str(error)) from error


def _facts(opened: Mapping[Field, bytes]) -> RoutingFacts:
    try:
        facts = RoutingFacts.from_values({field: _opened(value) for field, value in opened.items()})
        Action.from_value(facts.action)  # read again where it is obeyed; refused here, with every other field
        return facts
    except (canonical.NotCanonicalError, MalformedMessageError) as error:
        raise MalformedError(str(error)) from error


def _opened(value: bytes) -> canonical.Value:
    return _opened_before(value) if len(value) <= _SHORT_VALUE else canonical.decode(value)


@lru_cache(maxsize=1024)
def _opened_before(value: bytes) -> canonical.Value:
    """Areas, nulls, the usual matter: the same few values come with every event. A token is longer, and not kept."""
    return canonical.decode(value)
