"""The router's decisions, taken again from the trail and the directory by the same pure functions: what differs is said.

The trail is the router's own word, so a replay cannot show that it left out an event altogether (authors' chains and
missing receipts show that). It shows what does not follow: readers who should have been told, given or ordered and were
not, readers who should not have been, a case that changed hands without an acceptance, a receipt from nowhere.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from broker.audit.reading import Entry
from broker.handover.machine import OPEN, State
from broker.routing.readers import Concerned, admitted, required
from schemas.audit import EntryKind
from schemas.directory import Directory
from schemas.orders import OrderKind
from schemas.wire import EventClass

DirectoryOf: TypeAlias = Callable[[int], Directory | None]
"""A version of the directory; None where it is not at hand."""

_HIDDEN: Final = "withheld"
_OPEN: Final = frozenset(state.value for state in OPEN)
_PASSES: Final = frozenset({State.ACCEPTED.value, State.CLOSED.value})


@dataclass(frozen=True, slots=True)
class Difference:
    """What does not follow. ``number`` is the entry's on the trail; ``says`` names members and areas by their codes."""

    number: int
    says: str


@dataclass(slots=True)
class Replayed:
    """The outcome. ``skipped``: decisions that could not be taken again, by reason."""

    decisions: int = 0
    differences: list[Difference] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Child:
    """A child as the trail so far has it."""

    holder: str | None = None
    safety: str | None = None
    sides: dict[bytes, tuple[str, str]] = field(default_factory=dict)
    involved: set[str] = field(default_factory=set)
    hidden: bool = False


@dataclass(slots=True)
class _Waiting:
    """Readers who must still be ordered for an event, or named as not reached, before anything else is taken."""

    number: int
    missing: frozenset[str]


class Replay:
    """Takes entries in the order of the trail."""

    def __init__(self, directory_of: DirectoryOf, sealed: frozenset[bytes] = frozenset()) -> None:
        """``sealed``: events of hidden children that this board has whole, out of a block (``HiddenReplay``)."""
        self._directory_of = directory_of
        self._sealed = sealed
        self._children: dict[bytes, _Child] = {}
        self._given: dict[bytes, set[str]] = {}
        self._orders: dict[bytes, tuple[str, str]] = {}
        self._waiting: dict[bytes, _Waiting] = {}
        self._unordered: list[tuple[Entry, str]] = []
        self.result = Replayed()

    def take(self, entries: Iterable[Entry]) -> None:
        """Replay these."""
        for entry in entries:
            self._one(entry)

    def finish(self) -> Replayed:
        """What came out, with what never came."""
        for waiting in self._waiting.values():
            self._differs(waiting.number, f"never told, never ordered: {_listed(waiting.missing)}")
        self._waiting.clear()
        for entry, reader in self._unordered:
            child = self._children.get(entry.bytes_of("child") or b"")
            if child is not None and child.hidden:
                self._skip("of a hidden child")
            else:
                self._differs(entry.number, f"granted to {reader} without an order")
        self._unordered.clear()
        return self.result

    def _one(self, entry: Entry) -> None:
        child_id = entry.bytes_of("child")
        child = self._children.setdefault(child_id, _Child()) if child_id is not None else _Child()
        match entry.kind:
            case EntryKind.TAKEN:
                self._taken(entry, child)
            case EntryKind.HANDOVER:
                self._handover(entry, child)
            case EntryKind.INVOLVED:
                change = (
                    child.involved.discard if entry.text_of("step") == "uninvolve" else child.involved.add
                )
                change(entry.text_of("member") or "")
            case EntryKind.ORDER:
                self._order(entry)
            case EntryKind.UNREACHED:
                self._came(entry.bytes_of("event"), entry.texts_of("readers"))
            case EntryKind.GRANTED:
                self._granted(entry)
            case EntryKind.RECEIPT:
                self._receipt(entry)
            case EntryKind.LINKED | EntryKind.UNLINKED | EntryKind.VEILED:
                self._unsettled(entry, child)
            case _:
                pass

    def _unsettled(self, entry: Entry, child: _Child) -> None:
        """Two records became one, or were parted: whose case it is follows from more than the trail says in clear."""
        others = [*entry.ids_of("merged"), *filter(None, [entry.bytes_of("split"), entry.bytes_of("kept")])]
        for one in (child, *(self._children.setdefault(other, _Child()) for other in others)):
            one.holder, one.safety = None, None
            one.sides.clear()

    def _taken(self, entry: Entry, child: _Child) -> None:
        event, version = entry.bytes_of("event"), entry.number_of("version")
        given = set(entry.readers)
        if event is not None:
            self._given.setdefault(event, set()).update(given)
        self._moved_to(entry, child)
        directory = self._directory_of(version) if version is not None else None
        event_class = entry.number_of("class")
        if child.hidden or _HIDDEN in entry.texts_of("areas") or entry.fields.get("sealed") is True:
            child.hidden = True
            if event not in self._sealed:
                self._skip("of a hidden child")
        elif version is None or event_class not in set(EventClass):
            self._skip("from before the trail said enough")
        elif directory is None:
            self._skip(f"directory version {version} is not at this node")
        elif event is not None:
            self.result.decisions += 1
            for says in _wrong(entry, child, EventClass(event_class), directory):
                self._differs(entry.number, says)
            self._expect(entry, event, EventClass(event_class), directory)
        child.holder, child.safety = entry.text_of("holder"), entry.text_of("safety")

    def _moved_to(self, entry: Entry, child: _Child) -> None:
        """A credible report of a move: the safety duty goes where the author says that the child is."""
        said = entry.text_of("said_to")
        if entry.number_of("class") == EventClass.MOVE and said is not None and child.safety is not None:
            child.safety = said

    def _expect(self, entry: Entry, event: bytes, event_class: EventClass, directory: Directory) -> None:
        concerned = Concerned(frozenset(entry.texts_of("areas")), frozenset(entry.texts_of("involved")))
        missing = required(concerned, event_class, directory) - set(entry.readers)
        if entry.bytes_of("child") is not None:
            self._must_come(event, entry.number, missing)

    def _must_come(self, event: bytes, number: int, missing: AbstractSet[str]) -> None:
        """These must still be ordered for, or be named as not reached."""
        if missing:
            self._waiting[event] = _Waiting(number, frozenset(missing))

    def _handover(self, entry: Entry, child: _Child) -> None:
        handover, state = entry.bytes_of("handover"), entry.text_of("state")
        sides = entry.text_of("from_area"), entry.text_of("to_area")
        if entry.fields.get("withheld") is True or _HIDDEN in sides:
            child.hidden = True
        if handover is None or sides[0] is None or sides[1] is None:
            return
        holder = entry.text_of("holder")
        if child.holder is not None and holder != child.holder and not child.hidden:
            self.result.decisions += 1
            if holder != sides[1] or state not in _PASSES:
                self._differs(
                    entry.number,
                    f"the case went from {child.holder} to {holder} without an acceptance by {holder}",
                )
        if state in _OPEN:
            child.sides[handover] = (sides[0], sides[1])
        else:
            child.sides.pop(handover, None)
        child.holder, child.safety = holder, entry.text_of("safety")

    def _order(self, entry: Entry) -> None:
        order, reader = entry.bytes_of("order"), entry.text_of("reader") or ""
        if order is not None:
            self._orders[order] = entry.text_of("grantor") or "", reader
        evidence = entry.bytes_of("evidence")
        if entry.number_of("order_kind") == OrderKind.COMPLETE_READERS:
            self.result.decisions += 1
            waiting = self._waiting.get(evidence or b"")
            if waiting is not None and reader not in waiting.missing:
                self._differs(entry.number, f"ordered for {reader}, who need not hear of it")
        self._came(evidence, (reader,))

    def _came(self, event: bytes | None, readers: Iterable[str]) -> None:
        waiting = self._waiting.get(event or b"")
        if event is not None and waiting is not None:
            waiting.missing -= frozenset(readers)
            if not waiting.missing:
                del self._waiting[event]

    def _granted(self, entry: Entry) -> None:
        order, event = entry.bytes_of("order"), entry.bytes_of("event")
        said = entry.text_of("grantor") or "", entry.text_of("reader") or ""
        if said[1] == _HIDDEN:
            return  # the order stands in a block, and the grant there whole
        if order in self._orders:
            self.result.decisions += 1
        if order not in self._orders:
            self._without_order(entry, said[1])
        elif self._orders[order] != said:
            self._differs(entry.number, f"granted by {said[0]} to {said[1]}, and ordered otherwise")
        if event is not None:
            self._given.setdefault(event, set()).add(said[1])

    def _without_order(self, entry: Entry, reader: str) -> None:
        """Judged in the end: of a hidden child the order stands in a block, whatever of the grant stands in clear."""
        self._unordered.append((entry, reader))

    def _receipt(self, entry: Entry) -> None:
        event, reader = entry.bytes_of("event"), entry.text_of("reader")
        if event in self._given and reader is not None:
            self.result.decisions += 1
            if reader not in self._given[event]:
                self._differs(entry.number, f"{reader} has an event that it was never given")

    def _differs(self, number: int, says: str) -> None:
        self.result.differences.append(Difference(number, says))

    def _skip(self, why: str) -> None:
        self.result.skipped[why] = self.result.skipped.get(why, 0) + 1


def _wrong(entry: Entry, child: _Child, event_class: EventClass, directory: Directory) -> Iterator[str]:
    """What in one decision does not follow from the child's state and the policy."""
    for reader in sorted(entry.readers):
        if not admitted(reader, event_class, directory):
            yield f"given to {reader}, whom the policy does not admit"
    said = {"holder": entry.text_of("holder"), "safety": entry.text_of("safety")}
    before: Mapping[str, str | None] = {"holder": child.holder, "safety": child.safety}
    for name, area in said.items():
        if before[name] is not None and before[name] != area:
            yield f"{name} is {area}, and was {before[name]}"
    areas = {area for area in said.values() if area is not None}
    areas |= {side for sides in child.sides.values() for side in sides}
    named = set(entry.texts_of("areas"))
    if child.holder is not None and areas != named:
        yield f"areas {_listed(named)}, and concerned are {_listed(areas)}"
    if child.holder is not None and child.involved != set(entry.texts_of("involved")):
        yield f"involved {_listed(entry.texts_of('involved'))}, and confirmed are {_listed(child.involved)}"


def _listed(items: Iterable[str]) -> str:
    return ", ".join(sorted(items)) or "nobody"
