"""What a question is answered from: this node's store as far as the board may see it, the directory, the moment."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from typing import Final

from broker.audit.reading import Entry, read_entry
from broker.audit.words import Names, plain
from broker.board.feed import Lesson
from broker.board.questions.answer import Mark
from broker.board.questions.figures import HOUR_MS
from broker.board.questions.params import Params
from broker.calendars import day_of
from broker.calendars.due import Due
from broker.clock import from_ms, to_ms
from broker.handover.deadlines import Clocks
from broker.store.audit.facts import Period
from broker.store.audit.rows import Copy, Found, Move, Obligation, Question, Scope, Share, read_informed
from broker.store.audit.store import AuditWork
from broker.store.audit.tallies import Transfer
from broker.store.audit.turns import Raised
from schemas.audit import EntryKind
from schemas.directory import Directory
from schemas.slip import Informed


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
    feed: Sequence[Lesson] = ()
    """The board's own learning, and who has it."""

    @property
    def period(self) -> Period:
        """The time that was asked about."""
        return Period(self.asked.since_ms, self.asked.until_ms)

    @property
    def areas(self) -> frozenset[str]:
        """The board's areas, or the one that was asked about."""
        return frozenset({self.asked.area}) if self.asked.area else self.scope.areas

    @property
    def _narrowed(self) -> Scope:
        return Scope(self.areas, self.scope.members, self.scope.times)

    def entries(self, *kinds: EntryKind, broke: bool = False) -> list[tuple[Found, Entry]]:
        """Entries of these kinds that fit what was asked; ``broke``: where somebody broke the glass for a history."""
        question = Question(
            scope=self.scope,
            records=self.records,
            area=self.asked.area,
            member=self.asked.member,
            kinds=tuple(kinds),
            since_ms=self.asked.since_ms,
            until_ms=self.asked.until_ms,
            broke=broke,
        )
        return [(found, read_entry(found.row.body)) for found in self.work.answer(question)]

    def shares(
        self,
        *types: str,
        ever: bool = False,
        skewed: bool = False,
        unmatched: bool = False,
        code: str | None = None,
        most: int = 0,
    ) -> list[Share]:
        """Events of these types that fit what was asked; ``ever``: from before the period, too."""
        period = Period(0, self.asked.until_ms) if ever else self.period
        found = self.work.shares(
            self._narrowed,
            period,
            types=types,
            records=self.records,
            skewed=skewed,
            unmatched=unmatched,
            code=code,
            most=most,
        )
        return [one for one in found if self.asked.member in {None, one.author}]

    def heard(self) -> Iterator[tuple[bytes, Informed]]:
        """Events that say whether somebody was told of them, with what they say."""
        said = cache(read_informed)
        found = self.work.heard(self._narrowed, self.period, self.records, self.asked.member)
        return ((event_id, said(text)) for event_id, text in found)

    def raised(self, event_type: str, after: Sequence[str], within_ms: int) -> list[Raised]:
        """Events of a type that fit what was asked, and whether one of the types in ``after`` came shortly before."""
        return self.work.raised(self._narrowed, self.period, event_type, after, within_ms)

    def of_several(self, counted: str, *types: str) -> list[Share]:
        """All that was ever shared of these types about children of whom it was at least twice of the type counted."""
        ever = Period(0, self.asked.until_ms)
        about = self.work.records_with_several(self._narrowed, ever, counted)
        return self.work.shares(self._narrowed, ever, types=types, records=about)

    def events(self, events: Collection[bytes]) -> dict[bytes, Share]:
        """These events, by id."""
        return {one.event_id: one for one in self.work.shares(self.scope, Period(), events=events)}

    def copies(self, events: Iterable[bytes]) -> dict[bytes, list[Copy]]:
        """Readers' copies of these events, by event."""
        found: dict[bytes, list[Copy]] = {}
        for copy in self.work.copies_of(events):
            found.setdefault(copy.event_id, []).append(copy)
        return found

    def moves(self, *, declined: bool = False, several: bool = False) -> list[Move]:
        """Handovers from or to one of the areas that were noticed in the period; ``AuditWork.moves`` says of the rest."""
        return self.work.moves(
            self.scope,
            self.period,
            areas=self.areas,
            records=self.records,
            declined=declined,
            several=several,
        )

    def obligations(self, *kinds: str) -> list[Obligation] | None:
        """Obligations of these kinds that members told of, begun in the period.

        None: no member has ever told this board of one, so that nothing is measured.
        """
        if not self.work.tells_of(kinds):
            return None
        found = self.work.obligations(self._narrowed, kinds)
        return [
            one
            for one in found
            if self.period.since_ms <= one.opened_ms < self.period.until_ms
            and self.asked.member in {None, one.member}
            and (self.records is None or one.record in self.records)
        ]

    @property
    def noticed(self) -> tuple[Scope, Period, frozenset[str], frozenset[bytes] | None]:
        """Which handovers are asked about."""
        return self.scope, self.period, self.areas, self.records

    def place(self, move: Move | Transfer, area: str | None) -> str | Mark:
        """The name of a side of a move; a hidden destination is nobody's but its own board's."""
        if area is None:
            return Mark.NOT_MEASURED
        if move.withheld and area == move.to_area and area not in self.scope.areas:
            return Mark.WITHHELD
        return self.names(area)

    def kind(self, member: str | None) -> str:
        """What kind of organisation a member is, in words."""
        known = self.directory.member(member) if member else None
        return plain(known.kind.value) if known is not None else "unknown"

    def serves(self, member: str, areas: Iterable[str]) -> bool:
        """Whether a member acts for one of these areas."""
        known = self.directory.member(member)
        return known is not None and not known.acting_areas.isdisjoint(set(areas))

    def due_ms(self, rule: str, start_ms: int, area: str) -> int | None:
        """Until when an area has by a rule of the policy; None where its calendar is not known."""
        # It is the same all day, and a day begins at a full hour: most moments need no calendar.
        hour = rule, area, start_ms // HOUR_MS
        if hour not in self._due_by_hour:
            day = rule, area, day_of(from_ms(start_ms))
            if day not in self._due_by_day:
                due = Clocks.of(self.directory).due(rule, start_ms, area)
                self._due_by_day[day] = to_ms(due.at) if isinstance(due, Due) else None
            self._due_by_hour[hour] = self._due_by_day[day]
        return self._due_by_hour[hour]

    @cached_property
    def _due_by_hour(self) -> dict[tuple[str, str, int], int | None]:
        return {}

    @cached_property
    def _due_by_day(self) -> dict[tuple[str, str, date], int | None]:
        return {}


MOST: Final = 1_000
"""Rows that a list shows at most; a narrower question shows the rest."""


def capped(count: int) -> tuple[str, ...]:
    """What is said beside a list that may go on."""
    return (f"Only the first {MOST:,} are listed: ask about a shorter time.",) if count >= MOST else ()


def handle(record: bytes | None) -> str | None:
    """A child as answers tell one from another: the beginning of a random id."""
    return None if record is None else record.hex()[:8]
