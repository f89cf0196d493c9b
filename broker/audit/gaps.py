"""Which numbers are missing from what each writer put on the trail, so that a gap becomes an entry itself. Pure.

A number may come after a later one; so a hole is a gap only when it has stayed for a while. It is written down once:
should what is missing come after all, both stand in the log, in the order in which they came.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from broker.audit.reading import NotAnEntryError, read_entry
from broker.audit.writers import place_of
from schemas import canonical
from schemas.audit import GAPS, AuditEntry, EntryKind
from schemas.envelope import ID_BYTES

_NO_SALT: Final = bytes(ID_BYTES)
"""A gap is no secret, and whoever writes it again must write the same bytes."""


@dataclass(frozen=True, slots=True, order=True)
class Gap:
    """Numbers of one partition that have not come, first and last."""

    partition: int
    first: int
    last: int


@dataclass(slots=True)
class Numbers:
    """What the log holds, as far as its numbers go. ``open``: holes, with the time at which each was first seen."""

    newest: dict[int, int] = field(default_factory=dict)
    open: dict[Gap, float] = field(default_factory=dict)
    written: int = 0
    """How many gaps are in the log."""

    def to_bytes(self) -> bytes:
        """What is known, but since when."""
        return canonical.encode(
            [
                self.written,
                [list(one) for one in sorted(self.newest.items())],
                [[gap.partition, gap.first, gap.last] for gap in sorted(self.open)],
            ]
        )

    @classmethod
    def from_bytes(cls, data: bytes, now: float) -> "Numbers":
        """The same again; every hole is as if first seen ``now``, as when all entries are read again."""
        written, newest, holes = canonical.decode(data)
        return cls(dict(newest), {Gap(*hole): now for hole in holes}, written)

    def take(self, entries: Iterable[bytes], now: float) -> None:
        """Entries in the log's order; ``now`` in seconds, of a clock that never goes back."""
        for entry in entries:
            place = place_of(entry)
            if place is not None:
                self._take(*place, entry, now)

    def _take(self, partition: int, number: int, entry: bytes, now: float) -> None:
        if partition == GAPS:
            self.written = max(self.written, number)
            said = gap_of(entry)
            if said is not None:
                self.open.pop(said, None)
            return
        newest = self.newest.get(partition, 0)
        if number > newest + 1:
            self.open[Gap(partition, newest + 1, number - 1)] = now
        elif number <= newest:
            self._fill(partition, number)
        self.newest[partition] = max(newest, number)

    def _fill(self, partition: int, number: int) -> None:
        for hole, since in list(self.open.items()):
            if hole.partition == partition and hole.first <= number <= hole.last:
                del self.open[hole]
                for rest in (
                    Gap(partition, hole.first, number - 1),
                    Gap(partition, number + 1, hole.last),
                ):
                    if rest.first <= rest.last:
                        self.open[rest] = since

    def due(self, before: float) -> Gap | None:
        """The first hole that has been there since ``before``, if any."""
        return min((hole for hole, since in self.open.items() if since <= before), default=None)

    def entry(self, gap: Gap, at_ms: int) -> bytes:
        """The entry that records it, under the next number of its writer."""
        fields = {"of": gap.partition, "first": gap.first, "last": gap.last}
        return AuditEntry(_NO_SALT, GAPS, self.written + 1, at_ms, EntryKind.GAP, fields).to_bytes()


def gap_of(entry: bytes) -> Gap | None:
    """The gap that an entry of the log records; None: it is no such entry."""
    try:
        read = read_entry(entry)
    except NotAnEntryError:
        return None
    numbers = [read.number_of(name) for name in ("of", "first", "last")]
    if read.kind != EntryKind.GAP or read.partition != GAPS or None in numbers:
        return None
    return Gap(*(number for number in numbers if number is not None))
