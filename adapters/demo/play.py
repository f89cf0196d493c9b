"""The play itself: what each agency does, in order, and what was seen at each step. Checks are in ``promises``."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from adapters.demo.cast import Plot
from adapters.demo.history import Scene, after_the_link, before_the_link, of_no_concern
from adapters.demo.missing import Missing
from adapters.demo.refuge import Refuge
from adapters.demo.stage import Stage
from adapters.demo.teller import Teller
from adapters.gateway import Gateway
from adapters.gateway.feeding import feed_nems
from adapters.gateway.frontdoor.actions import Person
from broker.bus.connection import connect
from broker.bus.publisher import Outgoing, Publisher
from schemas import canonical
from schemas.control import frame, unframe
from schemas.envelope import FullEnvelope
from schemas.handover import HandoverView
from schemas.ids import EventId
from schemas.wire import PROTOCOL_VERSION, InKind, OutKind

OLD_WORKER: Final = Person("Rowan Example", "team manager")
NEW_WORKER: Final = Person("Kim Specimen", "team manager")
UNSEALED: Final = "Wilhelmina Unsealed"
"""Said in clear on purpose, so that the search for words is known to find what is there."""


@dataclass(frozen=True, slots=True)
class Step:
    """What both front doors showed after one step: case holder and safety duty, never one without the other."""

    after: str
    holder: str
    safety: str
    same_on_both_sides: bool


@dataclass(slots=True)
class Play:
    """One performance. What it gathers on the way is what the promises are checked against."""

    stage: Stage
    plot: Plot
    message: bytes
    teller: Teller
    now: datetime
    scenes: list[tuple[Scene, EventId]] = field(default_factory=list)
    message_ids: list[EventId] = field(default_factory=list)
    routine_id: EventId | None = None
    handles_before_link: frozenset[str] = frozenset()
    handles_after_link: frozenset[str] = frozenset()
    steps: list[Step] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    refuge: Refuge | None = None
    missing: Missing | None = None

    def perform(self) -> None:
        """All acts. Raises StageError where something did not come in time."""
        self._history()
        self._message()
        self._attack()
        if self.plot.moves:
            self._handover()
        self._read()
        self.refuge = Refuge(self.stage, self.plot, self.teller, self.now)
        self.refuge.perform()
        self.missing = Missing(self.stage, self.plot, self.teller, self.now)
        self.missing.perform()

    def gateway(self, key: str) -> Gateway:
        """A role's gateway."""
        return self.stage.gateways[key]

    def place(self, gss: str) -> str:
        """An area's name, where it is one of the story's."""
        return next((one.name for one in (self.plot.old, self.plot.new) if one.gss == gss), gss)

    def view(self, key: str) -> HandoverView | None:
        """The handover as one front door shows it, or None."""
        views = self.gateway(key).actions.handovers()
        return views[0] if views else None

    def handle(self, key: str) -> str:
        """The child's handle at one front door: each reader has its own."""
        ids = {event_id.raw for event_id in (*(event_id for _, event_id in self.scenes), *self.message_ids)}
        found = {item.child for item in self.gateway(key).inbox() if item.message_id in ids and item.child}
        return min(found) if found else ""

    def _history(self) -> None:
        self.teller.act("What several agencies know before anything happens")
        self._publish_all(before_the_link(self.plot.child, self.plot.old, self.now))
        self.handles_before_link = self._handles_at_old()
        self.teller.say(
            f"At {self.plot.old.name}'s front door these are {len(self.handles_before_link)} strangers: nothing guesses."
        )
        child = self.plot.child
        link = self.gateway("old").actions.link(
            [{"nhs_number": child.nhs_number}, {"upn": child.upn}],
            OLD_WORKER,
            "Birth certificate and school roll compared.",
            "official_document",
        )
        self._until_delivered("old", [link], "the link")
        self.teller.say(
            f"{OLD_WORKER.name}, {OLD_WORKER.role}, signs: the NHS number and the pupil number are one child."
        )
        self._publish_all(after_the_link(child, self.plot.old, self.now))
        self.handles_after_link = self._handles_at_old()
        routine = of_no_concern(self.plot.old, self.now)
        self.routine_id = self.gateway(routine.author).publish(routine.document)
        self._until("the routine event", lambda: self._on_bus("school", self.routine_id))
        self.teller.say(f"Example primary school {routine.says}.")

    def _message(self) -> None:
        self.teller.act("An NHS message arrives at the health provider's gateway")
        fed = feed_nems(self.gateway("health"), self.message)
        self.message_ids = list(fed.event_ids)
        report = fed.report
        for one in fed.published:
            self.teller.say(f"Mapped, validated, signed, sealed and queued: {one.type}")
        self.teller.say(
            f"Of {report.values} values {report.mapped} are in it, {sum(report.ignored.values())} are left out by rule,"
            f" {len(report.unmapped)} without a place are named in the report."
        )
        self._until_delivered("old", self.message_ids, "the message")
        if self.plot.hidden:
            self._until("the handover in the new area", lambda: self.view("new") is not None)
            self.teller.say(
                f"The record is restricted: {self.plot.new.name}'s front door was told, {self.plot.old.name} is not told where."
            )
            return
        if not self.plot.moves:
            self.teller.say(
                "The message tells of no move to another area: nothing is handed over, the case stays where it is."
            )
            return
        self._until_delivered("new", self.message_ids, "the message in the new area")
        self._until("the handover", lambda: self.view("old") is not None and self.view("new") is not None)
        self._note("the move was reported")
        self.teller.say(
            f"{self.plot.new.name}'s front door was told at once; the safety duty is there, the case still in {self.plot.old.name}."
        )

    def _attack(self) -> None:
        self.teller.act("Somebody tries to cheat")
        asyncio.run(self._forge())
        self._until("the refusals", lambda: len(self._returned()) >= 2)  # noqa: PLR2004  both attempts
        self.refused = self._returned()
        self.teller.say(
            f"A copy with one bit changed, and an unsealed message: refused ({', '.join(self.refused)})."
        )

    def _handover(self) -> None:
        self.teller.act("The handover")
        view = self.view("old")
        if view is None:
            return
        reference = view.handover.hex()
        self.gateway("old").actions.release(reference, OLD_WORKER)
        self.teller.say(f"{OLD_WORKER.name} in {self.plot.old.name} releases the history, in one step.")
        self._until("the whole history", lambda: self._both(lambda one: one.verified))
        checked = self.view("new")
        if checked is not None:
            self._note("the history was granted and checked whole")
            self.teller.say(
                f"{checked.granted} of {checked.expected} ordered events granted to {self.plot.new.name}; its gateway"
                " checked each author's signature and found the history whole."
            )
        self.gateway("new").actions.accept(reference, NEW_WORKER)
        self._until("the acceptance", lambda: self._both(lambda one: one.state == "closed"))
        self._note("the new area accepted")
        self.teller.say(
            f"{NEW_WORKER.name} in {self.plot.new.name} signs for the child: the case has passed."
        )

    def _read(self) -> None:
        gateway = self.gateway(self.plot.reader)
        wanted = {event_id.raw for event_id in self.message_ids}
        for item in gateway.inbox():
            if item.message_id in wanted:
                gateway.read(item.number, role="front-door worker")
                gateway.take_on(item.number, by=f"{NEW_WORKER.name}, {NEW_WORKER.role}")
        self._until("the receipts", self._receipts_are_back)

    def _publish_all(self, scenes: Iterable[Scene]) -> None:
        for scene in scenes:
            event_id = self.gateway(scene.author).publish(scene.document)
            self.scenes.append((scene, event_id))
            self.teller.say(f"{self._who(scene.author)} {scene.says}")
            # In the story's order: an event that overtakes the plan which opens the matter is routine, and forgotten (P12).
            self._until_delivered("old", [event_id], "the history")

    def _who(self, key: str) -> str:
        return next(role.name for role in self.stage.roles if role.key == key)

    def _handles_at_old(self) -> frozenset[str]:
        ids = {event_id.raw for _, event_id in self.scenes}
        newest = [event_id.raw for _, event_id in self.scenes[-3:]]
        items = [item for item in self.gateway("old").inbox() if item.message_id in ids and item.child]
        return frozenset(item.child for item in items if item.message_id in newest and item.child)

    def _until(self, what: str, condition: Any) -> None:
        with self.teller.waiting(f"waiting for {what} ..."):
            self.stage.wait(condition, what)

    def _until_delivered(self, key: str, ids: list[EventId], what: str) -> None:
        wanted = {event_id.raw for event_id in ids}
        self._until(
            what,
            lambda: (
                wanted <= {item.message_id for item in self.gateway(key).inbox() if item.state == "applied"}
            ),
        )

    def _on_bus(self, key: str, event_id: EventId | None) -> bool:
        return any(one.event_id == event_id and one.sent_ms for one in self.gateway(key).outbox())

    def _both(self, condition: Any) -> bool:
        views = [self.view(key) for key in ("old", "new")]
        return all(view is not None and condition(view) for view in views)

    def _note(self, after: str) -> None:
        old, new = self.view("old"), self.view("new")
        if old is not None and new is not None:
            same = (old.holder, old.safety) == (new.holder, new.safety)
            self.steps.append(Step(after, new.holder, new.safety, same))

    def _returned(self) -> list[str]:
        """Reason codes of what came back to the health provider, oldest first."""
        with self.gateway("health").home.store.work() as work:
            rows = work.inbox.of_kind([int(InKind.RETURNED)])
        return [str(canonical.decode(row.body)[0]) for row in rows]

    async def _forge(self) -> None:
        """As the health provider's own connection: the bus lets it through, the router must not believe it."""
        home = self.gateway("health").home
        with home.store.work() as work:
            row = next(row for row in work.outbox.events() if row.event_id == self.message_ids[0].raw)
        kind, body = unframe(row.body, 2, PROTOCOL_VERSION)
        genuine = FullEnvelope.from_bytes(body)
        signature_changed = genuine.signed[:-1] + bytes([genuine.signed[-1] ^ 1])
        forged = FullEnvelope(signature_changed, genuine.openings, genuine.parts, genuine.slips).to_bytes()
        bus = await connect(home.access())
        try:
            async with Publisher(bus) as publisher:
                await publisher.publish(
                    Outgoing(row.subject, frame(PROTOCOL_VERSION, kind, forged), "demo.forged")
                )
                unsealed = frame(PROTOCOL_VERSION, int(OutKind.EVENT), UNSEALED.encode())
                await publisher.publish(Outgoing(row.subject, unsealed, "demo.unsealed"))
        finally:
            await bus.close()

    def _receipts_are_back(self) -> bool:
        """Every reader of every event has said that it was delivered, and the reader of the message that it was opened."""
        sent = {
            one.event_id: one
            for key in ("old", "health", "school", "police")
            for one in self.gateway(key).outbox()
        }
        story = [event_id for _, event_id in self.scenes] + self.message_ids
        delivered = all(reader.delivered_ms for event_id in story for reader in sent[event_id].readers)
        opened = all(any(reader.taken_on_ms for reader in sent[one].readers) for one in self.message_ids)
        return delivered and opened
