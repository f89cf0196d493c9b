"""What a question is answered from: this node's store as far as the board may see it, the directory, the moment."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from broker.audit.reading import Entry, read_entry
from broker.audit.words import Names
from broker.board.questions.params import Params
from broker.store.audit.rows import Found, Question, Scope
from broker.store.audit.store import AuditWork
from schemas.audit import EntryKind
from schemas.directory import Directory


@dataclass(frozen=True)
class Ground:
    """Bound to one transaction. Everything that it gives is inside the board's scope."""

    work: AuditWork
    scope: Scope
    asked: Params
    records: frozenset[bytes] | None
    directory: Directory
    names: Names
    now_ms: int

    def entries(self, *kinds: EntryKind, ever: bool = False) -> list[tuple[Found, Entry]]:
        """Entries of these kinds that fit what was asked; ``ever``: from all times."""
        question = Question(
            scope=self.scope,
            records=self.records,
            area=self.asked.area,
            member=self.asked.member,
            kinds=tuple(kinds),
            since_ms=0 if ever else self.asked.since_ms,
            until_ms=self.asked.until_ms,
        )
        return [(found, read_entry(found.row.body)) for found in self.work.answer(question)]

    def receipts(self, events: Iterable[bytes]) -> dict[tuple[bytes, str], dict[int, int]]:
        """By event and reader: when the router took each kind of receipt first."""
        found: dict[tuple[bytes, str], dict[int, int]] = {}
        for entry in map(read_entry, self.work.receipts_for(events)):
            event, reader, kind = entry.bytes_of("event"), entry.text_of("reader"), entry.number_of("receipt")
            if event is not None and reader is not None and kind is not None:
                times = found.setdefault((event, reader), {})
                times[kind] = min(entry.at_ms, times.get(kind, entry.at_ms))
        return found

    @cached_property
    def kinds(self) -> dict[str, str]:
        """What kind of organisation each member is."""
        return {str(member.id): member.kind.value for member in self.directory.members}

    def serves(self, member: str, area: str) -> bool:
        """Whether a member acts for an area."""
        known = self.directory.member(member)
        return known is not None and area in known.acting_areas
