"""Who of an event's readers has said what of it: delivered, opened, taken on, passed on. None of them is knowledge."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from broker.audit.reading import Entry, read_entry
from broker.audit.words import Names
from schemas.audit import EntryKind
from schemas.wire import ReceiptKind

_SAID: Final = {
    ReceiptKind.OPENED: "opened by",
    ReceiptKind.TAKEN_ON: "taken on by",
    ReceiptKind.PASSED_ON: "passed on by",
}


@dataclass(frozen=True, slots=True)
class Receipts:
    """What the readers of many events have said."""

    by_event: Mapping[bytes, Mapping[int, frozenset[str]]]

    @classmethod
    def read(cls, bodies: Iterable[bytes]) -> "Receipts":
        """From receipt entries as they came."""
        found: dict[bytes, dict[int, frozenset[str]]] = {}
        for entry in map(read_entry, bodies):
            event, kind = entry.bytes_of("event"), entry.number_of("receipt")
            reader = entry.text_of("reader")
            if event is not None and kind is not None and reader is not None:
                kinds = found.setdefault(event, {})
                kinds[kind] = kinds.get(kind, frozenset()) | {reader}
        return cls(found)

    def of(self, entry: Entry, names: Names) -> tuple[str, ...]:
        """Lines about one shared event: who opened it, took it on, and who has not opened it."""
        event = entry.bytes_of("event")
        if entry.kind != EntryKind.TAKEN or event is None or not entry.readers:
            return ()
        said = self.by_event.get(event, {})
        lines = [f"{words}: {_listed(said[kind], names)}" for kind, words in _SAID.items() if said.get(kind)]
        unopened = set(entry.readers) - said.get(ReceiptKind.OPENED, frozenset())
        undelivered = unopened - said.get(ReceiptKind.DELIVERED, frozenset())
        if unopened - undelivered:
            lines.append(f"delivered, not opened so far: {_listed(unopened - undelivered, names)}")
        if undelivered:
            lines.append(f"not delivered so far: {_listed(undelivered, names)}")
        return tuple(lines)


def _listed(members: Iterable[str], names: Names) -> str:
    return ", ".join(sorted(names(member) for member in members))
