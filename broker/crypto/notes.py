"""Signed notes, log heads and cosignatures as C2SP specifies them (signed-note, tlog-checkpoint, tlog-cosignature).

A note's text is what is signed, byte for byte. A head is a note of three lines: origin, size, root. A witness signs
the head and the time at which it found that the log had only grown. These signatures begin with other bytes than any
other signature of the protocol, so a member's signing key may do both.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from broker.crypto.errors import MalformedError
from broker.crypto.keys import SigningKey, signature_holds
from broker.crypto.tree import HASH_BYTES

_ED25519: Final = 1
_COSIGNATURE: Final = 4
_KEY_ID: Final = 4
_TIME: Final = 8
_SIGNATURE: Final = 64
_MARK: Final = "\u2014 "
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_NAME: Final = re.compile(r"[^\s+]+")
_MOST_SIGNATURES: Final = 1000


@dataclass(frozen=True, slots=True)
class Head:
    """What a log says about itself: its name, how many entries it holds, and the root over them."""

    origin: str
    size: int
    root: bytes

    def to_text(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{_b64(self.root)}\n"

    @classmethod
    def from_text(cls, text: str) -> "Head":
        """Read a head in its one spelling. Raises MalformedError."""
        match text.split("\n"):
            case [origin, size, root, ""] if _NAME.fullmatch(origin) and _SIZE.fullmatch(size):
                return cls(origin, int(size), _octets(root, HASH_BYTES))
            case _:
                raise MalformedError("not the head of a log")


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: who claims to have signed, with which key, and what follows."""

    name: str
    key_id: bytes
    body: bytes

    def to_line(self) -> str:
        """The line under the note."""
        return f"{_MARK}{self.name} {_b64(self.key_id + self.body)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A text and the signatures under it, none of them verified."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def to_text(self) -> str:
        """The note as it is stored and sent."""
        return self.text + "\n" + "".join(signature.to_line() for signature in self.signatures)

    @classmethod
    def from_text(cls, whole: str) -> "Note":
        """Read a note. Raises MalformedError."""
        text, blank, under = whole.rpartition("\n\n")
        lines = under.split("\n")
        if not blank or lines.pop() != "" or not 1 <= len(lines) <= _MOST_SIGNATURES:
            raise MalformedError("not a signed note")
        return cls(text + "\n", tuple(_signature(line) for line in lines))

    @classmethod
    def from_bytes(cls, data: bytes) -> "Note":
        """Read a note. Raises MalformedError."""
        try:
            return cls.from_text(data.decode())
        except UnicodeDecodeError as error:
            raise MalformedError("not a signed note") from error

    def with_signatures(self, more: Iterable[NoteSignature]) -> "Note":
        """The same note with further signatures."""
        return Note(self.text, (*self.signatures, *more))


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A public key for notes: of a log, or of a witness."""

    name: str
    public: bytes
    witness: bool = False

    @property
    def key_id(self) -> bytes:
        """Four bytes that say which key a signature line is for; a hint, never a proof."""
        return hashlib.sha256(self.name.encode() + b"\n" + self._typed).digest()[:_KEY_ID]

    @property
    def _typed(self) -> bytes:
        return bytes([_COSIGNATURE if self.witness else _ED25519]) + self.public

    def to_text(self) -> str:
        """The verifier key in one line."""
        return f"{self.name}+{self.key_id.hex()}+{_b64(self._typed)}"

    def signed(self, note: Note) -> bool:
        """Whether this key, of a log, has signed the note."""
        return any(
            signature_holds(self.public, note.text.encode(), signature.body)
            for signature in note.signatures
            if not self.witness and self._claimed(signature) and len(signature.body) == _SIGNATURE
        )

    def cosigned(self, note: Note) -> int | None:
        """When this witness cosigned the note (seconds since 1970), or None where it has not."""
        for signature in note.signatures:
            if not self.witness or not self._claimed(signature) or len(signature.body) != _TIME + _SIGNATURE:
                continue
            at = int.from_bytes(signature.body[:_TIME], "big")
            if signature_holds(self.public, _cosigned_text(note.text, at), signature.body[_TIME:]):
                return at
        return None

    def _claimed(self, signature: NoteSignature) -> bool:
        return signature.name == self.name and signature.key_id == self.key_id


def sign_head(head: Head, key: SigningKey) -> Note:
    """The log's own signature; its name is the head's origin."""
    text = head.to_text()
    named = NoteKey(head.origin, key.public)
    return Note(text, (NoteSignature(head.origin, named.key_id, key.sign(text.encode())),))


def cosign(note: Note, name: str, key: SigningKey, at: int) -> NoteSignature:
    """A witness's signature over a note, at ``at`` seconds since 1970. The caller has seen that the log only grew."""
    named = NoteKey(name, key.public, witness=True)
    signature = key.sign(_cosigned_text(note.text, at))
    return NoteSignature(name, named.key_id, at.to_bytes(_TIME, "big") + signature)


def _cosigned_text(text: str, at: int) -> bytes:
    return f"cosignature/v1\ntime {at}\n{text}".encode()


def _signature(line: str) -> NoteSignature:
    name, blank, encoded = line.removeprefix(_MARK).partition(" ")
    if not line.startswith(_MARK) or not blank or not _NAME.fullmatch(name):
        raise MalformedError("not a signature line of a note")
    decoded = _octets(encoded, None)
    if len(decoded) <= _KEY_ID:
        raise MalformedError("a signature line without a signature")
    return NoteSignature(name, decoded[:_KEY_ID], decoded[_KEY_ID:])


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _octets(text: str, size: int | None) -> bytes:
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedError("not base64") from error
    if _b64(found) != text or (size is not None and len(found) != size):
        raise MalformedError("not base64 in its one spelling, or of another length")
    return found
