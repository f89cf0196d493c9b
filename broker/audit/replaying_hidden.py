"""Decisions about hidden children, taken again by the boards that may: those of the side where the child is.

Nothing is added to the trail for this. A block holds every entry about a hidden child whole, sealed to those boards
alone: areas, readers, involved members, each step of its handovers. From the steps follows which areas must not know;
from the readers, whether one of them was told. What stands in clear of such a child is the left side's own doing with the
rest cut out, the same whatever happens, so no board of that side can take a decision again, and none can learn from it.

Not taken again: the sealed residence of an event decides whether it was the left side's own business, and no entry names
it. So a reader of that side is believed of an event that one of its own members wrote and that names no other area.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from broker.audit.reading import Entry
from broker.audit.replaying import DirectoryOf, Replay, Replayed
from broker.routing.readers import Concerned, admitted, required
from broker.routing.shield import Sides
from schemas.audit import EntryKind
from schemas.directory import Directory
from schemas.hiding import HIDDEN
from schemas.wire import EventClass

_ONE_TIME: Final = "one-time "
_COMPLETE: Final = frozenset({EntryKind.ORDER, EntryKind.GRANTED, EntryKind.RECEIPT, EntryKind.UNREACHED})


@dataclass(slots=True)
class _Hidden:
    """A child's handovers as far as the trail has come: from where, to where, and whether hidden."""

    moves: dict[bytes, tuple[str, str, bool]] = field(default_factory=dict)
    was: set[bytes] = field(default_factory=set)
    """Those that have been hidden at any time."""

    def sides(self, safety: str) -> Sides | None:
        """Who must not know, with the child where it is; None where nothing is hidden from anybody."""
        hidden = [(start, end) for start, end, withheld in self.moves.values() if withheld]
        areas = frozenset(area for move in hidden for area in move) - {safety}
        informed = frozenset(
            start
            for handover, (start, end, withheld) in self.moves.items()
            if not withheld and end == safety and handover in self.was
        )
        left = areas - informed
        return Sides(left, safety, frozenset(end for _, end in hidden) & left, informed) if left else None


class HiddenReplay(Replay):
    """Takes the entries about hidden children, those in clear and those out of blocks, in the order of their times."""

    def __init__(self, directory_of: DirectoryOf) -> None:
        super().__init__(directory_of)
        self._hidden: dict[bytes, _Hidden] = {}
        self._inside: set[bytes] = set()
        self._unnamed: set[bytes] = set()

    def _one(self, entry: Entry) -> None:
        match entry.kind:
            case EntryKind.HANDOVER:
                self._step(entry)
            case EntryKind.TAKEN if entry.inner:
                self._taken_inside(entry)
            case EntryKind.RECEIPT if not entry.inner and entry.bytes_of("event") not in self._inside:
                pass
            case kind if kind in _COMPLETE and (entry.inner or kind == EntryKind.RECEIPT):
                self._named(entry)
            case _:
                self._before(entry)

    def _before(self, entry: Entry) -> None:
        """What is known from clear entries: who was given what, and what was ordered, before the child was hidden."""
        event, order = entry.bytes_of("event"), entry.bytes_of("order")
        reader = entry.text_of("reader") or ""
        if entry.kind == EntryKind.TAKEN and event is not None:
            self._given.setdefault(event, set()).update(entry.readers)
        elif entry.kind == EntryKind.ORDER and order is not None:
            self._orders[order] = entry.text_of("grantor") or "", reader
        elif entry.kind == EntryKind.GRANTED and event is not None and reader != HIDDEN:
            self._given.setdefault(event, set()).add(reader)

    def _named(self, entry: Entry) -> None:
        """An order, a grant, a receipt: as of any child, but that a one-time key stands for whoever has the child."""
        event = entry.bytes_of("event")
        if (entry.text_of("reader") or "").startswith(_ONE_TIME):
            self._unnamed.update(entry.ids_of("events"), {event} if event is not None else ())
        if entry.kind == EntryKind.RECEIPT and event in self._unnamed:
            return
        super()._one(entry)

    def _without_order(self, entry: Entry, reader: str) -> None:  # noqa: ARG002  whoever it is
        """It stood in a block of another side, where the child was then."""
        self._skip("grants to or by the side of a hidden child, on an order that this board may not see")

    def _step(self, entry: Entry) -> None:
        child, handover = entry.bytes_of("child"), entry.bytes_of("handover")
        start, end = entry.text_of("from_area"), entry.text_of("to_area")
        if child is None or handover is None or start is None or end is None or HIDDEN in {start, end}:
            return
        at, withheld = self._hidden.setdefault(child, _Hidden()), entry.fields.get("withheld") is True
        at.moves[handover] = start, end, withheld
        if withheld:
            at.was.add(handover)

    def _taken_inside(self, entry: Entry) -> None:
        event, child, version = entry.bytes_of("event"), entry.bytes_of("child"), entry.number_of("version")
        safety = entry.text_of("safety")
        if event is None or child is None or safety is None or safety == HIDDEN:
            self._skip("of a hidden child, of which this board may see a part alone")
            return
        self._inside.add(event)
        self._given.setdefault(event, set()).update(entry.readers)
        sides = self._hidden.get(child, _Hidden()).sides(safety)
        directory = self._directory_of(version) if version is not None else None
        event_class = entry.number_of("class")
        if directory is None or event_class not in set(EventClass):
            self._skip(f"directory version {version} is not at this node")
        elif sides is None:
            self._skip("of a hidden child, whose move is not told to this board")
        else:
            self.result.decisions += 1
            self._judge(entry, event, sides, EventClass(event_class), directory)

    def _judge(
        self, entry: Entry, event: bytes, sides: Sides, event_class: EventClass, directory: Directory
    ) -> None:
        author = directory.member(entry.text_of("author") or "")
        said = entry.text_of("said_to")
        own = author is not None and sides.is_left(author) and (said is None or said in sides.left)
        for reader in sorted(entry.readers):
            member = directory.member(reader)
            if not admitted(reader, event_class, directory):
                self._differs(entry.number, f"given to {reader}, whom the policy does not admit")
            elif member is not None and sides.is_left(member):
                theirs = author is not None and own and sides.hears(author, member)
                if not theirs:
                    self._differs(entry.number, f"given to {reader}, from whom the child is hidden")
        if sides.new not in entry.texts_of("areas"):
            self._differs(entry.number, f"{sides.new} has the child, and was not concerned")
        if author is not None and not sides.is_left(author):
            concerned = Concerned(
                frozenset(entry.texts_of("areas")) | {sides.new}, frozenset(entry.texts_of("involved"))
            )
            self._await(entry, event, required(concerned, event_class, directory), sides, directory)

    def _await(
        self, entry: Entry, event: bytes, readers: Iterable[str], sides: Sides, directory: Directory
    ) -> None:
        """Whoever of the new side was not given it must be ordered for, or named as not reached."""
        members = {one: directory.member(one) for one in readers}
        may = {one for one, member in members.items() if member is not None and not sides.is_left(member)}
        self._must_come(event, entry.number, may - set(entry.readers))


def replayed(
    clear: Callable[[], Iterable[Entry]], inside: Sequence[Entry], directory_of: DirectoryOf
) -> Replayed:
    """Take every decision again: ``clear`` gives the trail's entries, ``inside`` are those of the blocks that open here."""
    whole = [one for one in inside if one.kind == EntryKind.TAKEN and one.text_of("safety") != HIDDEN]
    sealed = frozenset(filter(None, (one.bytes_of("event") for one in whole)))
    going = Replay(directory_of, sealed)
    going.take(clear())
    result = going.finish()
    if not inside:
        return result
    children, events = ({one.bytes_of(name) for one in inside} - {None} for name in ("child", "event"))
    about = (
        one
        for one in clear()
        if one.bytes_of("child") in children
        or (one.kind == EntryKind.RECEIPT and one.bytes_of("event") in events)
    )
    hidden = HiddenReplay(directory_of)
    hidden.take(_in_order([*about, *inside]))
    more = hidden.finish()
    skipped = Counter(result.skipped) + Counter(more.skipped)
    return Replayed(
        result.decisions + more.decisions, [*result.differences, *more.differences], dict(skipped)
    )


def _in_order(entries: Iterable[Entry]) -> list[Entry]:
    """As they happened: a block comes at the end of its slot, with the times of what is in it."""
    return sorted(entries, key=lambda one: (one.at_ms, one.inner > 0, one.number, one.inner))
