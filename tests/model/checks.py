"""The promises, held against town and book after every step. Each check names the promise that it breaks."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from broker.clock import to_ms
from broker.routing.intake import Outcome
from broker.store.router.tables import METADATA
from schemas.audit import AuditEntry, EntryKind
from schemas.orders import OrderKind
from schemas.wire import InKind
from tests.model.book import Book, Said
from tests.model.files import File
from tests.model.passages import GIVEN_MORE, WAITS, Passage
from tests.model.promises import must
from tests.model.town import CAST, Statement, Taken, Town, note_of

_IN_FLIGHT: Final = frozenset({"inbox_outgoing", "audit_outgoing", "quarantine"})
"""What waits for the bus, and what was refused and is kept for two weeks: bytes in them are no register."""
_TABLES: Final = sorted(set(METADATA.tables) - _IN_FLIGHT)
_EVENTS: Final = frozenset({InKind.VIEW, InKind.GRANTED})
_ALOUD: Final = frozenset({"kept-by-policy", "some-kept-by-policy", "not-concerned", "link-undone"})
"""What a front door may answer for good: it is written down, and the reader is told. Any other refusal is a hole."""
_MATTERS: Final = "SELECT author, ref FROM matters WHERE child = ?"
_REVIEWS: Final = "SELECT 1 FROM deadlines WHERE about = ? AND kind = 'temporary-review' AND met_ms IS NULL"
_DAY: Final = 86_400_000
_LEAST: Final = {"uncontested": 1, "disputed": 13}
"""How many days must have gone by, whatever the calendar: one working day, ten working days."""
_OUTCOMES: Final = {
    "taken": Outcome.TAKEN,
    "routine": Outcome.ROUTINE,
    "repeat": Outcome.REPEAT,
    "refused": Outcome.REFUSED,
}


@dataclass(frozen=True, slots=True)
class _Line:
    """One row of a reader's ledger."""

    number: int
    kind: InKind
    state: str
    event: bytes


@dataclass(slots=True)
class Inspector:
    """Compares. Reads the program's databases; changes only the book, where it is told what the program may choose."""

    town: Town
    book: Book
    ordered: dict[bytes, tuple[str, frozenset[bytes]]] = field(default_factory=dict)
    """Open orders by id: their reader and events."""
    kept_back: set[tuple[str, bytes]] = field(default_factory=set)
    burned: set[bytes] = field(default_factory=set)
    """Events of children that the broker has forgotten."""
    _stood: dict[bytes, tuple[str, int]] = field(default_factory=dict)
    """Where each handover stands by the log, and since when."""
    _asked: dict[bytes, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    """What was ordered as the history of each handover, and not refused."""
    _whole: dict[bytes, frozenset[bytes]] = field(default_factory=dict)
    """The same when its new area called it whole."""
    _read: int = 0
    _opened: int = 0
    _in_order: dict[str, set[bytes]] = field(default_factory=lambda: defaultdict(set))

    # Told by whoever carries the post.

    def took(self, taken: Iterable[Taken]) -> None:
        """The router has taken messages: the book takes the same, and both must agree."""
        for one in taken:
            if one.statement is None:
                continue
            expected = self.book.take(_said(one.statement))
            must(
                one.outcome is _OUTCOMES[expected],
                "P1, P4",
                f"the router says {one.outcome.value}, the book {expected}: {one.statement}",
            )
        self._read_log()
        self._burn()

    def after_tick(self) -> None:
        """The router has looked at its clock."""
        self._read_log()
        self._overstayed()
        self._burn()

    def _read_log(self) -> None:
        for entry in self.town.log[self._read :]:
            self._read += 1
            self._entry(entry)
        must(self._opened == len(self.book.opened), "P5", "a handover was not opened that had to be")

    def _entry(self, entry: AuditEntry) -> None:
        said = entry.fields
        must(said.get("event") not in self.book.ordinary_events, "P12", "a routine event is in the log")
        match entry.kind:
            case EntryKind.HANDOVER:
                if said["step"] == "noticed":
                    self._bind(said)
                elif said["step"] == "verify":
                    self._whole[said["handover"]] = frozenset(self._asked[said["handover"]])
                elif said["step"] in _LEAST:
                    self._lapsed(entry)
                if self._stood.get(said["handover"], ("", 0))[0] != said["state"]:
                    self._stood[said["handover"]] = said["state"], entry.at_ms
            case EntryKind.ORDER:
                reader = self.town.names_of[said["reader"]]
                self.ordered[said["order"]] = (reader, frozenset(said["events"]))
                if said["order_kind"] == OrderKind.HANDOVER:
                    self._asked[said["handover"]] |= set(said["events"])
            case EntryKind.ORDER_REFUSED:
                reader, events = self.ordered.pop(said["order"])
                must(said["reason"] in _ALOUD, "P1", f"an order was refused: {said['reason']}")
                self.kept_back |= {(reader, event) for event in events}
                for asked in self._asked.values():
                    asked.difference_update(events)

    def _lapsed(self, entry: AuditEntry) -> None:
        """The router says that a time is over: it must have been long enough, and where it counts."""
        key, step = entry.fields["handover"], entry.fields["step"]
        stage, since = self._stood[key]
        fits = stage == "provisional" if step == "uncontested" else stage in WAITS - {"disputed"}
        must(fits, "P5", f"{step} from {stage}")
        must(entry.at_ms - since >= _LEAST[step] * _DAY, "P5", f"{step} too early")
        self.book.lapse(key, step)

    def _overstayed(self) -> None:
        """P6: no state that has a time is stayed in for long after it."""
        now = to_ms(self.town.now)
        for passage in (one for file in self.book.files() for one in file.running if one.key):
            stage, since = self._stood[passage.key or b""]
            most = 6 if stage == "provisional" else 21 if stage in WAITS - {"disputed"} else None
            must(most is None or now - since < most * _DAY, "P6", f"{stage} for too long")

    def _bind(self, said: dict[str, Any]) -> None:
        must(self._opened < len(self.book.opened), "P5", "a handover was opened that the book does not know")
        passage = self.book.opened[self._opened]
        self._opened += 1
        must(
            (passage.giver, passage.taker) == (said["from_area"], said["to_area"]),
            "P5",
            f"opened from {said['from_area']} to {said['to_area']}, the book says {passage}",
        )
        passage.key = said["handover"]

    def _burn(self) -> None:
        """P12: what is over is forgotten, unless something is still on its way; what is open is not."""
        for file in self.book.files():
            if self._row(file) is None:
                must(file.may_go, "P1", f"a child with something open was forgotten: {file}")
                self.burned |= {event for event, _ in file.story}
                self.book.burn(file)

    def _row(self, file: File) -> Any:
        """The router's (child, case holder, safety duty) behind a file's names."""
        tokens = [token for token, name in self.town.tokens.items() if name in file.names]
        question = (
            "SELECT c.child, c.holder, c.safety FROM tokens t JOIN children c ON c.child = t.child"
            " WHERE t.token = ?"
        )
        rows = sorted({row for token in tokens for row in self._ask(question, [token])})
        must(len(rows) < 2, "P10", f"one child to the book, {len(rows)} to the router: {file.names}")
        return rows[0] if rows else None

    def _ask(self, question: str, values: Sequence[Any] = ()) -> list[Any]:
        return self.town.peek("router").execute(question, values).fetchall()

    # After every step.

    def look(self) -> None:
        """Everything that must hold at any moment."""
        self._two_facts()
        self._no_register()
        for name in CAST:
            self.at_the_door(name)
        self._everybody_hears()

    def _two_facts(self) -> None:
        """P5: one case holder and one place of the safety duty, those of the book; and each passage where it is."""
        seen: dict[bytes, File] = {}
        for file in self.book.files():
            row = self._row(file)
            must(row is not None, "P5", f"a child is gone: {file.names}")
            child, holder, safety = row
            must(seen.setdefault(child, file) is file, "P10", "two children to the book, one to the router")
            must(holder == file.keeper, "P5", f"{holder} holds the case, the book says {file.keeper}")
            must(safety == file.watch, "P5", f"safety duty in {safety}, the book says {file.watch}")
            rows = self._ask(
                "SELECT handover, from_area, to_area, kind, state, released, verified, confirmed, contested, keeping"
                " FROM handovers WHERE child = ?",
                [child],
            )
            found = {row[0]: row[1:] for row in rows}
            must(
                set(found) == {one.key for one in file.passages},
                "P5",
                "the child's handovers are not the book's",
            )
            for passage in file.passages:
                self._passage(passage, found[passage.key or b""])
            matters = {(self.town.names_of[author], ref) for author, ref in self._ask(_MATTERS, [child])}
            must(matters == set(file.matters), "P1", f"open are {matters}, the book says {set(file.matters)}")

    def _passage(self, passage: Passage, theirs: tuple[Any, ...]) -> None:
        ours = (
            *(passage.giver, passage.taker, passage.why, passage.stage, passage.let_go, passage.checked),
            *(passage.seen, passage.fought, passage.left),
        )
        must(ours == theirs, "P5", f"a handover is {theirs}, the book says {ours}")
        if passage.stage == "staying":
            must(self._ask(_REVIEWS, [passage.key]), "P6", "nobody looks again whether a stay is still one")
        if passage.checked and passage.papers:
            door, giver = self.book.doors[passage.taker], self.book.doors[passage.giver]
            has = self._has(door)
            missing = [event.hex() for event in self._whole.get(passage.key or b"", frozenset()) - has]
            must(not missing, "P1", f"the history was called whole at {door} and lacks {missing}")
            # What the giver itself was still waiting for when it let go follows, as soon as it comes.
            late = {event for event in passage.papers - has if event in self._sent_to(giver)}
            lost = [event.hex() for event in late if not self._comes(door, event)]
            must(passage.stage not in GIVEN_MORE or not lost, "P1", f"{door} never has {lost} of the history")

    def _sent_to(self, name: str) -> set[bytes]:
        notes = self.town.sent.get(name, {}).values()
        return {note.message_id for note in notes if note.kind in _EVENTS}

    def _comes(self, name: str, event: bytes) -> bool:
        """An event is on its way to a reader, or on order, or was kept back aloud."""
        waiting = (
            (self.town.names_of[reader], note_of(body).message_id)
            for reader, body in self._ask("SELECT reader, body FROM inbox_outgoing")
        )
        return (
            event in self._sent_to(name)
            or (name, event) in self.kept_back
            or any(reader == name and event in events for reader, events in self.ordered.values())
            or (name, event) in set(waiting)
        )

    def _has(self, name: str) -> set[bytes]:
        return {line.event for line in self._ledger(name) if line.kind in _EVENTS and line.state == "applied"}

    def _no_register(self) -> None:
        """P12: of routine events a count, of forgotten children nothing."""
        values = {value for table in _TABLES for row in self._ask(f"SELECT * FROM {table}") for value in row}  # noqa: S608
        nobody = {token for token, name in self.town.tokens.items() if name not in self.book.of_name}
        must(not values & nobody, "P12", "a token stays of a child that nothing is open about")
        must(not values & self.book.ordinary_events, "P12", "a routine event has left a row")
        # A decision on names is about both: it is remembered as long as one of them is.
        decided = {event for event, names in self.book.decided.items() if names & set(self.book.of_name)}
        must(not values & (self.burned - decided), "P12", "a forgotten child has left an event")
        counted = dict(self._ask("SELECT member, SUM(count) FROM daily_counts GROUP BY member"))
        happened = {self.town.members[name]: count for name, count in self.book.ordinary.items()}
        must(happened == counted, "P12", f"counted {counted}, happened {happened}")

    def _unclocked(self) -> set[bytes]:
        """Open orders without a running clock."""
        rows = self._ask(
            "SELECT order_id FROM orders o WHERE state = 'open' AND NOT EXISTS (SELECT 1 FROM deadlines d"
            " WHERE d.kind = 'grants' AND d.met_ms IS NULL AND d.about IN (o.order_id, o.handover))"
        )
        return {row[0] for row in rows}

    def at_the_door(self, name: str) -> None:
        """P1, P2 at one reader: no letter is lost, none applied twice, none before its predecessor."""
        sent = self.town.sent.get(name, {})
        lines = self._ledger(name)
        waiting = self.town.at_door(name)
        lost = set(sent) - {line.number for line in lines} - waiting
        must(not lost, "P1", f"{name} was sent {sorted(lost)} and does not have it")
        must(sorted(sent) == list(range(1, len(sent) + 1)), "P2", f"{name}: the numbers have a gap")
        failed = [line for line in lines if line.state == "failed"]
        must(not failed, "P1", f"{name} could not apply {failed}")
        applied = [line for line in lines if line.state == "applied"]
        once: set[bytes] = set()
        for line in applied:
            if line.kind in _EVENTS:
                must(line.event not in once, "P2", f"{name} has applied an event twice: {line}")
                once.add(line.event)
        numbers = {line.event: line.number for line in lines if line.kind is InKind.VIEW}
        views = {line.event for line in applied if line.kind is InKind.VIEW}
        for event in views - self._in_order[name]:
            self._follows(name, event, numbers, views, sent)
        self._in_order[name] = views

    def _follows(
        self, name: str, event: bytes, numbers: dict[bytes, int], views: set[bytes], sent: Any
    ) -> None:
        announced = {note.message_id: note.number for note in sent.values() if note.kind is InKind.VIEW}
        for earlier in self.book.before.get(event, ()):
            if earlier in announced:
                must(
                    announced[earlier] < announced[event],
                    "P2",
                    f"{name}: an event overtook another at the router",
                )
                must(earlier in views, "P2", f"{name} applied {numbers[event]} before {announced[earlier]}")

    def _everybody_hears(self) -> None:
        """P1: whoever must know has the event, or it waits where people can see it, with a clock."""
        unclocked = self._unclocked()
        waiting = {
            (self.town.names_of[reader], note_of(body).message_id)
            for reader, body in self._ask("SELECT reader, body FROM inbox_outgoing")
        }
        at: dict[str, set[bytes]] = {}
        for name in CAST:
            notes = self.town.sent.get(name, {}).values()
            at[name] = {note.message_id for note in notes if note.kind in _EVENTS}
        on_order: dict[tuple[str, bytes], set[bytes]] = defaultdict(set)
        for order, (reader, events) in self.ordered.items():
            for event in events:
                on_order[reader, event].add(order)
        for event, readers in self.book.must.items():
            for reader in readers:
                if event in at[reader] or (reader, event) in waiting | self.kept_back:
                    continue
                orders = on_order[reader, event]
                must(orders, "P1", f"{reader} never hears of {event.hex()}")
                must(orders - unclocked, "P1, P6", f"{reader} waits for {event.hex()} without a clock")

    def _ledger(self, name: str) -> list[_Line]:
        rows = self.town.peek(name).execute(
            "SELECT number, kind, state, message_id FROM inbox ORDER BY number"
        )
        return [_Line(row[0], InKind(row[1]), row[2], row[3]) for row in rows]

    def _thought_over(self, reader: str, event: bytes) -> bool:
        """Some front door holds an order for it and waits until somebody vouches for the reader."""
        return any(
            self.town.peek(door)
            .execute("SELECT 1 FROM orders WHERE order_id = ? AND answer IS NULL", [order])
            .fetchone()
            for order, (whose, events) in self.ordered.items()
            if whose == reader and event in events
            for door in self.book.doors.values()
            if door != reader
        )

    # When nothing moves any more.

    def at_rest(self) -> None:
        """After everything was brought to everybody: nothing waits, nothing is held, and what is over is gone."""
        for name in CAST:
            held = [line.number for line in self._ledger(name) if line.state == "held"]
            must(not held, "P2", f"{name} holds {held} for ever")
            at = {note.message_id for note in self.town.sent.get(name, {}).values() if note.kind in _EVENTS}
            for event, readers in self.book.must.items():
                if name in readers and (name, event) not in self.kept_back and event not in at:
                    must(
                        self._thought_over(name, event),
                        "P1",
                        f"all is answered and {name} lacks {event.hex()}",
                    )
        for passage in (one for file in self.book.files() for one in file.running):
            silent = passage.stage == "noticed" and not passage.asked and self.book.stays_by_itself(passage)
            must(not silent, "P6", f"nobody says that the case stays: {passage}")
        over = [file.names for file in self.book.files() if file.may_go and not self._on_order(file)]
        must(not over, "P12", f"nothing is open about {over}, and the broker remembers")

    def _on_order(self, file: File) -> bool:
        """An event of the child's has been ordered, and a front door waits for a ground to grant it."""
        about = {event for event, _ in file.story}
        return any(
            self._thought_over(reader, event)
            for reader, events in self.ordered.values()
            for event in events & about
        )


def _said(statement: Statement) -> Said:
    verb, key, member, code = statement.action or (None, None, None, None)
    return Said(
        event=statement.event,
        author=statement.author,
        names=statement.names,
        event_class=statement.event_class,
        acting=statement.acting,
        residence=statement.residence,
        to_area=statement.to_area,
        matter=statement.matter,
        sealed_to=statement.sealed_to,
        verb=code if verb == "ask" else verb,
        key=key,
        member=member,
        conference=statement.conference,
    )
