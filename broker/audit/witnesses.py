"""When a head counts: two cosignatures by different members of the directory. Pure."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from broker.clock import from_ms
from broker.crypto.notes import Note, NoteKey, NoteSignature
from schemas.directory import Directory
from schemas.members import Algorithm

ENOUGH: Final = 2
"""Cosignatures that a head needs, each of another body."""


def log_key(directory: Directory) -> NoteKey | None:
    """The key that signs heads, as the roots have named it."""
    log = directory.log
    return None if log is None else NoteKey(log.origin, log.key.public)


def witness_keys(directory: Directory) -> Iterator[NoteKey]:
    """Every key that may cosign: the signing keys of members, old ones too."""
    for member in directory.members:
        for key in member.keys:
            if key.algorithm is Algorithm.ED25519:
                yield NoteKey(str(member.id), key.public, witness=True)


def bodies(note: Note, directory: Directory) -> dict[str, NoteSignature]:
    """The members whose cosignature holds, by a key that was good at the time they state; one for each."""
    found: dict[str, NoteSignature] = {}
    by_key = {(key.name, key.key_id): key for key in witness_keys(directory)}
    for signature in note.signatures:
        key = by_key.get((signature.name, signature.key_id))
        if key is None:
            continue
        at = key.cosigned(Note(note.text, (signature,)))
        if at is not None and _good(directory, key, from_ms(at * 1000)):
            found[key.name] = signature
    return found


def counts(note: Note, directory: Directory) -> bool:
    """Whether a head counts: the log has signed it, and enough bodies have seen that it only grew."""
    key = log_key(directory)
    return key is not None and key.signed(note) and len(bodies(note, directory)) >= ENOUGH


def _good(directory: Directory, key: NoteKey, at: datetime) -> bool:
    member = directory.member(key.name)
    if member is None:
        return False
    published = next(one for one in member.keys if one.public == key.public)
    return published.usable(at)
