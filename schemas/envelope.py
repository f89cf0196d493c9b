"""The sealed event as bytes: manifest, parts, openings, and the view that one reader gets.

An author signs the **manifest**. Ciphertexts, key wraps, openings of routing fields and board slips travel
beside it, each held by a hash in it, so the router can hand every reader only that reader's share and the
author's signature still verifies. This module is shape only; ``broker.crypto`` seals, signs and checks.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from schemas import canonical
from schemas.reading import (
    MalformedMessageError,
    listed,
    number_of,
    octets,
    rows,
    text,
    whole,
    yes_or_no,
)
from schemas.wire import (
    PROTOCOL_VERSION,
    EventClass,
    Field,
    Kem,
    PartKind,
    Urgency,
)

ID_BYTES: Final = 16
HASH_BYTES: Final = 32
SALT_BYTES: Final = 16
MAX_PARTS: Final = 64
MAX_READERS: Final = 256


@dataclass(frozen=True)
class Header:
    """What the manifest says before its parts; also the context of every key derivation.

    ``field_hashes`` maps a Field number to SHA-256(b"handrail field" 0 number salt value-bytes).
    ``created_ms`` is the author's claim; time that counts is the router's commit.
    """

    event_id: bytes
    suite: int
    author: str
    key_id: str
    event_class: EventClass
    urgency: Urgency
    sealed_openings: bool
    created_ms: int
    directory_version: int
    field_hashes: tuple[tuple[Field, bytes], ...]

    def to_bytes(self) -> bytes:
        """The canonical bytes; hashed, they bind each part to this event."""
        return self._written

    @cached_property
    def _written(self) -> bytes:
        return canonical.encode(self.to_value())

    def to_value(self) -> list[Any]:
        """The header as canonical values."""
        return [
            PROTOCOL_VERSION,
            self.event_id,
            self.suite,
            self.author,
            self.key_id,
            int(self.event_class),
            int(self.urgency),
            self.sealed_openings,
            self.created_ms,
            self.directory_version,
            {int(number): digest for number, digest in self.field_hashes},
        ]

    @classmethod
    def from_value(cls, value: Any) -> "Header":
        """Read a header; raises MalformedMessageError."""
        version, event_id, suite, author, key_id, cls_no, urgency, sealed, created, directory, fields = rows(
            value, 11, "header"
        )
        if whole(version, "version") != PROTOCOL_VERSION:
            raise MalformedMessageError(f"protocol version {version!r} is not {PROTOCOL_VERSION}")
        if not isinstance(fields, dict):
            raise MalformedMessageError("header: field hashes are not a map")
        return cls(
            event_id=octets(event_id, ID_BYTES, "event id"),
            suite=whole(suite, "suite"),
            author=text(author, "author"),
            key_id=text(key_id, "key id"),
            event_class=number_of(EventClass, cls_no, "class"),
            urgency=number_of(Urgency, urgency, "urgency"),
            sealed_openings=yes_or_no(sealed, "sealed openings"),
            created_ms=whole(created, "created"),
            directory_version=whole(directory, "directory version"),
            field_hashes=tuple(
                (number_of(Field, number, "field"), octets(digest, HASH_BYTES, "field hash"))
                for number, digest in fields.items()
            ),
        )


@dataclass(frozen=True, slots=True)
class PartSummary:
    """What the manifest signs of one part. ``length`` is the ciphertext's, in bytes; one leaf per wrap."""

    kind: PartKind
    ciphertext_hash: bytes
    commitment: bytes
    length: int
    leaves: tuple[bytes, ...]

    def to_value(self) -> list[Any]:
        """The summary as canonical values."""
        return [int(self.kind), self.ciphertext_hash, self.commitment, self.length, list(self.leaves)]

    @classmethod
    def from_value(cls, value: Any) -> "PartSummary":
        """Read a summary; raises MalformedMessageError."""
        kind, digest, commitment, length, leaves = rows(value, 5, "part summary")
        return cls(
            kind=number_of(PartKind, kind, "part kind"),
            ciphertext_hash=octets(digest, HASH_BYTES, "ciphertext hash"),
            commitment=octets(commitment, HASH_BYTES, "commitment"),
            length=whole(length, "length"),
            leaves=tuple(octets(leaf, HASH_BYTES, "leaf") for leaf in listed(leaves, MAX_READERS, "leaves")),
        )


@dataclass(frozen=True, slots=True)
class Manifest:
    """All that the author signs. ``slips`` holds (board member id, SHA-256 of its slip)."""

    header: Header
    parts: tuple[PartSummary, ...]
    slips: tuple[tuple[str, bytes], ...]

    def to_bytes(self) -> bytes:
        """The exact bytes that are signed."""
        return canonical.array(
            self.header.to_bytes(),
            canonical.encode([part.to_value() for part in self.parts]),
            canonical.encode([[board, digest] for board, digest in self.slips]),
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Manifest":
        """Read a manifest; raises NotCanonicalError or MalformedMessageError."""
        header, parts, slips = rows(canonical.decode(data), 3, "manifest")
        found = tuple(PartSummary.from_value(part) for part in listed(parts, MAX_PARTS, "parts"))
        if not found:
            raise MalformedMessageError("manifest: an event has at least one part")
        return cls(
            header=Header.from_value(header),
            parts=found,
            slips=tuple(
                (text(board, "board"), octets(digest, HASH_BYTES, "slip hash"))
                for board, digest in (rows(slip, 2, "slip") for slip in listed(slips, MAX_PARTS, "slips"))
            ),
        )


@dataclass(frozen=True)
class Wrap:
    """A part's key, sealed to one reader's key."""

    key_id: str
    kem: Kem
    sealed: bytes

    def to_value(self) -> list[Any]:
        """The wrap as canonical values."""
        return [self.key_id, int(self.kem), self.sealed]

    @cached_property
    def items(self) -> tuple[bytes, bytes, bytes]:
        """Its values as they are written: in the envelope, in a view, and in the leaf that the manifest holds."""
        return canonical.encode(self.key_id), canonical.encode(int(self.kem)), canonical.octets(self.sealed)

    @classmethod
    def from_value(cls, value: Any) -> "Wrap":
        """Read a wrap; raises MalformedMessageError."""
        key_id, kem, sealed = rows(value, 3, "wrap")
        return cls(text(key_id, "key id"), number_of(Kem, kem, "kem"), octets(sealed, None, "wrap"))


@dataclass(frozen=True)
class Opening:
    """A routing field in clear: the salt and canonical bytes whose hash the header holds."""

    field: Field
    salt: bytes
    value: bytes

    def to_value(self) -> list[Any]:
        """The opening as canonical values."""
        return [int(self.field), self.salt, self.value]

    @property
    def written(self) -> bytes:
        """The opening as it is written: the same in each reader's view."""
        return canonical.array(
            canonical.encode(int(self.field)), canonical.octets(self.salt), canonical.octets(self.value)
        )

    @classmethod
    def from_value(cls, value: Any) -> "Opening":
        """Read an opening; raises MalformedMessageError."""
        field, salt, content = rows(value, 3, "opening")
        return cls(
            number_of(Field, field, "field"), octets(salt, SALT_BYTES, "salt"), octets(content, None, "value")
        )


@dataclass(frozen=True, slots=True)
class SealedPart:
    """One part as the author sends it: ciphertext and all its wraps, in the order of the manifest's leaves."""

    ciphertext: bytes
    wraps: tuple[Wrap, ...]


@dataclass(frozen=True, slots=True)
class SealedOpenings:
    """The openings sealed to the router's routing key; used when sensitivity is not normal."""

    key_id: str
    sealed: bytes


@dataclass(frozen=True, slots=True)
class FullEnvelope:
    """Author to router. ``signed`` is a COSE_Sign1 over the manifest; ``slips`` holds (board, sealed slip).

    ``countersigned`` is a COSE_Sign1 by the author's current key over SHA-256(signed), for a backlog whose
    key has expired meanwhile; otherwise None.
    """

    signed: bytes
    openings: "tuple[Opening, ...] | SealedOpenings"
    parts: tuple[SealedPart, ...]
    slips: tuple[tuple[str, bytes], ...]
    countersigned: bytes | None = None

    def to_bytes(self) -> bytes:
        """The bytes that the author puts on OUT (inside the frame)."""
        if isinstance(self.openings, SealedOpenings):
            openings: list[Any] = [1, self.openings.key_id, self.openings.sealed]
        else:
            openings = [0, [opening.to_value() for opening in self.openings]]
        return canonical.encode(
            [
                self.signed,
                openings,
                [[part.ciphertext, [wrap.to_value() for wrap in part.wraps]] for part in self.parts],
                [[board, slip] for board, slip in self.slips],
                self.countersigned,
            ]
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "FullEnvelope":
        """Read an envelope; raises NotCanonicalError or MalformedMessageError."""
        signed, openings, parts, slips, counter = rows(canonical.decode(data), 5, "envelope")
        return cls(
            signed=octets(signed, None, "signed manifest"),
            openings=_openings_from(openings),
            parts=tuple(_part_from(part) for part in listed(parts, MAX_PARTS, "parts")),
            slips=tuple(
                (text(board, "board"), octets(slip, None, "slip"))
                for board, slip in (rows(row, 2, "slip") for row in listed(slips, MAX_PARTS, "slips"))
            ),
            countersigned=None if counter is None else octets(counter, None, "countersignature"),
        )


@dataclass(frozen=True, slots=True)
class ViewPart:
    """One part as one reader gets it: ``index`` in the manifest, and the reader's own wrap at ``position``."""

    index: int
    ciphertext: bytes
    position: int
    wrap: Wrap

    def to_bytes(self) -> bytes:
        """The part as it is written."""
        return canonical.array(
            canonical.encode(self.index),
            canonical.octets(self.ciphertext),
            canonical.encode(self.position),
            canonical.array(*self.wrap.items),
        )


@dataclass(frozen=True, slots=True)
class View:
    """Router to reader: the signed manifest, the openings that policy allows this reader, its own parts.

    Openings of a sensitive move are sealed to the front door that it leads to; anybody else has none of them.
    """

    signed: bytes
    openings: "tuple[Opening, ...] | SealedOpenings"
    parts: tuple[ViewPart, ...]
    countersigned: bytes | None = None

    def to_bytes(self) -> bytes:
        """The bytes that a reader receives (inside the frame)."""
        return canonical.array(
            canonical.octets(self.signed),
            written_openings(self.openings),
            canonical.array(*(part.to_bytes() for part in self.parts)),
            canonical.encode(self.countersigned),
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "View":
        """Read a view; raises NotCanonicalError or MalformedMessageError."""
        signed, openings, parts, counter = rows(canonical.decode(data), 4, "view")
        return cls(
            signed=octets(signed, None, "signed manifest"),
            openings=_view_openings_from(openings),
            parts=tuple(_view_part_from(part) for part in listed(parts, MAX_PARTS, "parts")),
            countersigned=None if counter is None else octets(counter, None, "countersignature"),
        )


def written_openings(openings: tuple[Opening, ...] | SealedOpenings) -> bytes:
    """A view's openings as they are written."""
    if isinstance(openings, SealedOpenings):
        return canonical.encode([openings.key_id, openings.sealed])
    return canonical.array(*(opening.written for opening in openings))


def _view_openings_from(value: Any) -> tuple[Opening, ...] | SealedOpenings:
    match value:
        case [str(key_id), bytes(sealed)]:
            return SealedOpenings(key_id, sealed)
        case _:
            return tuple(Opening.from_value(row) for row in listed(value, len(Field), "openings"))


def _openings_from(value: Any) -> tuple[Opening, ...] | SealedOpenings:
    match value:
        case [int(form), [*found]] if form is not False and form == 0 and len(found) <= len(Field):
            return tuple(Opening.from_value(row) for row in found)
        case [int(form), str(key_id), bytes(sealed)] if form is not True and form == 1:
            return SealedOpenings(key_id, sealed)
        case _:
            raise MalformedMessageError("openings are neither clear nor sealed")


def _part_from(value: Any) -> SealedPart:
    ciphertext, wraps = rows(value, 2, "part")
    return SealedPart(
        octets(ciphertext, None, "ciphertext"),
        tuple(Wrap.from_value(row) for row in listed(wraps, MAX_READERS, "wraps")),
    )


def _view_part_from(value: Any) -> ViewPart:
    index, ciphertext, position, wrap = rows(value, 4, "view part")
    return ViewPart(
        whole(index, "part index"),
        octets(ciphertext, None, "ciphertext"),
        whole(position, "position"),
        Wrap.from_value(wrap),
    )
