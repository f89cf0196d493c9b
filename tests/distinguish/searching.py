"""Every artefact of the side that was left, byte by byte: databases, custody, bus, logs, board; raw, hex, base64."""

import base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from schemas.ids import MemberId
from schemas.members import Member
from tests.support.zeros import without_most_zeros

_PUBLIC: Final = frozenset({"directory.bin", "nats.conf"})
"""The directory lists every member to everybody; it is the same whoever has the child."""
_SHORT: Final = 6


@dataclass(frozen=True, slots=True)
class Found:
    """A word that stands where it must not."""

    place: str
    word: str


def words_of(members: Iterable[Member], *more: str | bytes) -> dict[str, bytes]:
    """What would give the new area away: its members' ids, keys and units, in every spelling that a file may hold."""
    plain: dict[str, bytes] = {}
    for member in members:
        plain[f"id of {member.name}"] = str(member.id).encode()
        for key in member.keys:
            plain[f"key id {key.key_id}"] = key.key_id.encode()
            plain[f"key id {key.key_id}, bytes"] = bytes.fromhex(key.key_id)
            plain[f"key {key.key_id}"] = key.public[:32]
        for unit in member.units:
            plain[f"unit {unit.name}"] = str(unit.id).encode()
        plain[f"name {member.name}"] = member.name.encode()
    for word in more:
        plain[f"word {word!s}"] = word if isinstance(word, bytes) else word.encode()
    return plain


def spellings(word: bytes) -> Iterator[bytes]:
    """Raw, lower and upper hex, base64 at each of its three places, and 16 bits a character."""
    yield word
    yield word.hex().encode()
    yield word.hex().upper().encode()
    yield word.decode("latin-1").encode("utf-16-le")
    for shift in range(3):
        coded = base64.b64encode(bytes(shift) + word)
        # What stands before and after belongs to its neighbours as well.
        yield coded[(0, 2, 3)[shift] : len(coded) - 4]


def search(places: Iterable[tuple[str, bytes]], words: dict[str, bytes]) -> list[Found]:
    """Each place in which a word stands in any spelling."""
    spelled = [
        (name, form) for name, word in words.items() for form in set(spellings(word)) if len(form) >= _SHORT
    ]
    read = ((place, without_most_zeros(data)) for place, data in places)
    return [Found(place, name) for place, data in read for name, form in spelled if form in data]


def files_of(home: Path) -> Iterator[tuple[str, bytes]]:
    """Every file of a home but what is public, journals and write-ahead logs included."""
    for path in sorted(home.rglob("*")):
        earlier = path.parent.name == "directories"  # versions of the directory that a board keeps
        if path.is_file() and path.name not in _PUBLIC and not earlier:
            yield f"{home.name}/{path.relative_to(home)}", path.read_bytes()


def ids(members: Iterable[Member | None]) -> list[MemberId]:
    """Their ids."""
    return [member.id for member in members if member is not None]
