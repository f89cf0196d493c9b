"""An audit entry as a board reads it: kinds and fields that this program does not know are kept, never a fault."""

from typing import Any, Final, NamedTuple

from broker.audit.writers import may_stand, unwrapped
from broker.store.audit.rows import Place
from schemas import canonical
from schemas.audit import ENTRY_VERSION
from schemas.envelope import ID_BYTES
from schemas.reading import MalformedMessageError, octets, rows, text, whole

_MOST: Final = (1 << 63) - 1
_AREAS: Final = ("acting", "holder", "safety", "area", "from_area", "to_area")
_PAIR: Final = 2
_ROUTERS: Final = b"\x87"
_PARTIES: Final = ("author", "grantor", "reader", "member", "by", "owner")


class NotAnEntryError(ValueError):
    """The bytes are no audit entry of this version."""


class Entry(NamedTuple):
    """One entry. A field that has not the form that is asked for counts as absent."""

    partition: int
    number: int
    at_ms: int
    kind: str
    fields: dict[str, Any]
    inner: int = 0
    """From 1 on: it stood in a sealed block at this place, which this board could open."""

    @property
    def place(self) -> Place:
        """Where it stands on the trail."""
        return Place(self.partition, self.number)

    def bytes_of(self, name: str) -> bytes | None:
        """An id."""
        value = self.fields.get(name)
        return value if isinstance(value, bytes) and len(value) == ID_BYTES else None

    def text_of(self, name: str) -> str | None:
        """A text."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else None

    def number_of(self, name: str) -> int | None:
        """A number."""
        value = self.fields.get(name)
        return value if type(value) is int else None

    def ids_of(self, name: str) -> tuple[bytes, ...]:
        """A list of ids."""
        return tuple(item for item in self._list(name) if isinstance(item, bytes))

    def texts_of(self, name: str) -> tuple[str, ...]:
        """A list of texts."""
        return tuple([item for item in self._list(name) if isinstance(item, str)])

    def pairs_of(self, name: str) -> tuple[tuple[Any, Any], ...]:
        """A list of pairs."""
        pairs = self.fields.get(name)
        if not isinstance(pairs, list):
            return ()
        return tuple([(one[0], one[1]) for one in pairs if isinstance(one, list) and len(one) == _PAIR])

    @property
    def readers(self) -> tuple[str, ...]:
        """To whom an event was given."""
        return tuple([member for member, _ in self.pairs_of("readers") if isinstance(member, str)])

    @property
    def areas(self) -> frozenset[str]:
        """Every area that the router names in it."""
        fields = self.fields
        named = {area for name in _AREAS if isinstance(area := fields.get(name), str)}
        named.update(self.texts_of("areas"))
        return frozenset(named)

    @property
    def actor(self) -> str | None:
        """The member whose doing, or whose duty, the entry records."""
        fields = self.fields
        for name in _PARTIES:
            if isinstance(value := fields.get(name), str):
                return value
        return None

    @property
    def parties(self) -> frozenset[str]:
        """Every member whom the entry names."""
        fields, named = self.fields, self._parties()
        if "readers" in fields:
            named += self.readers or self.texts_of("readers")
        if "told" in fields:
            named += self.texts_of("told")
        return frozenset(named)

    def _parties(self) -> list[str]:
        fields = self.fields
        return [value for name in _PARTIES if isinstance(value := fields.get(name), str)]

    def _list(self, name: str) -> list[Any]:
        value = self.fields.get(name)
        return value if isinstance(value, list) else []


def read_veiled(block: Entry, inner: int, item: bytes) -> Entry:
    """Read one entry of an opened block, ``[at, kind, fields]``. Raises NotAnEntryError."""
    try:
        at_ms, kind, fields = rows(canonical.decode(item), 3, "veiled entry")
        if not isinstance(fields, dict) or whole(at_ms, "at") > _MOST:
            raise NotAnEntryError("fields are no map, or a number is out of range")
        return Entry(block.partition, block.number, at_ms, text(kind, "kind"), fields, inner)
    except (canonical.NotCanonicalError, MalformedMessageError) as error:
        raise NotAnEntryError(str(error)) from error


def read_entry(data: bytes, *, known: bool = False) -> Entry:
    """Read one entry of a known or unknown kind; ``known``: read before, and kept since. Raises NotAnEntryError."""
    try:
        if known and data[:1] == _ROUTERS:
            # All of it was looked at when it came: no more is done again than what altered bytes would break.
            _, _, partition, number, at_ms, kind, fields = rows(
                canonical.decode_known(data), 7, "audit entry"
            )
            if not isinstance(fields, dict):
                raise NotAnEntryError("fields are no map")
            return Entry(partition, number, at_ms, kind, fields)
        body, subject = unwrapped(data)
        value = canonical.decode(body)
        version, salt, partition, number, at_ms, kind, fields = rows(value, 7, "audit entry")
        octets(salt, 16, "salt")
        if version != ENTRY_VERSION:
            raise NotAnEntryError("of another version")
        if not isinstance(fields, dict):
            raise NotAnEntryError("fields are no map")
        place = whole(partition, "partition"), whole(number, "number"), whole(at_ms, "at")
        if max(place) > _MOST or place[1] == 0:
            raise NotAnEntryError("a number out of range")
        if not may_stand(subject, place[0]):
            raise NotAnEntryError("numbered as another writer's")
        return Entry(*place, text(kind, "kind"), fields)
    except (canonical.NotCanonicalError, MalformedMessageError) as error:
        raise NotAnEntryError(str(error)) from error
