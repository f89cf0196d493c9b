"""Over the real bus: each item of a history that is missing, altered, foreign or replayed is refused by name, and comes again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from adapters.gateway.api import Gateway
from adapters.gateway.frontdoor.actions import Person
from adapters.gateway.run import GatewayService
from broker.bus.streams import next_message
from broker.bus.subjects import audit_subject
from broker.bus.topology import AUDIT
from broker.routing.desk import AUDIT_PARTITION
from schemas.audit import AuditEntry, EntryKind
from schemas.orders import SENT_AGAIN_MOST
from tests.attack.granting import Liar
from tests.support.events import CUMBERLAND, SIBLING, a_document
from tests.support.exchange import Exchange, exchange, running, settled
from tests.support.turning import Watch

EVENTS = 8
WORKER = Person("Rowan Example", "team manager")
HERE = {"residence": {"gss": CUMBERLAND}}
FAULTS = ("missing", "altered", "foreign", "replayed")


@dataclass
class Bundle:
    """A history that was released by a front door that lies about four of its items."""

    it: Exchange
    old: Gateway
    new: Gateway
    watch: Watch
    lies: dict[bytes, str]

    def look(self) -> int:
        """The new front door's gateway looks for what is missing, as it does every few seconds."""
        with self.it.open("westmorland", clock=self.watch) as looking:
            return looking.orders.refusing.look()

    def here(self) -> set[bytes]:
        with self.new.home.store.look() as work:
            return {row.event_id for row in work.inbox.history()}

    def times(self) -> list[int]:
        """How often each item has been refused."""
        with self.new.home.store.look() as work:
            [order] = work.inbox.orders_for(self.new.actions.handovers()[0].handover)
            return [row.times for row in work.faulty.of(order.order_id).values()]

    def whole(self) -> bool:
        return self.new.actions.handovers()[0].verified

    def owed(self) -> list[str]:
        return [due.kind for due in self.new.actions.handovers()[0].due if not due.met_ms]

    async def refused(self) -> dict[bytes, tuple[str, int]]:
        """What the trail says that the new front door has refused: each item, why, and how often."""
        bus, place = await self.it.connect("router"), 0
        found: dict[bytes, tuple[str, int]] = {}
        while (
            stored := await next_message(bus, AUDIT, audit_subject(AUDIT_PARTITION), place + 1)
        ) is not None:
            place, entry = stored.sequence, AuditEntry.from_bytes(stored.data)
            if entry.kind is EntryKind.ITEMS_REFUSED:
                said = {event: (fault, times) for event, fault, times in entry.fields["items"]}
                found |= {event: what for event, what in said.items() if what[0] != "here"}
        return found


@asynccontextmanager
async def a_bundle(folder: Path, *, lied: int) -> AsyncIterator[Bundle]:
    """``lied``: how often to each item before the truth is told."""
    watch = Watch()
    async with (
        exchange(folder) as it,
        it.router(),
        it.gateway("health") as health,
        it.gateway("westmorland", clock=watch) as new,
    ):
        with it.open("cumberland") as working, it.open("cumberland") as old:
            lies: dict[bytes, str] = {}
            liar = Liar(working, lies, lied)
            working.orders.granting = liar
            async with running(GatewayService(working, it.server.url).run):
                old.publish(a_document("plan.opened", n=1, **HERE))
                other = {"subject": {"nhs_number": SIBLING}, "details": {"plan_ref": "other"}}
                stranger = old.publish(a_document("plan.opened", n=2, **other, **HERE))
                await settled(lambda: len(old.inbox()) == 2)
                sent = health.publish_many(
                    a_document("appointment.missed", n=20 + n, **HERE) for n in range(EVENTS)
                )
                await settled(lambda: len(old.inbox()) == EVENTS + 2)
                health.publish(a_document("move.notified", n=6))
                await settled(lambda: len(old.inbox()) == EVENTS + 3)
                lies |= dict(zip([event.raw for event in sent[1:]], FAULTS, strict=False))
                liar.use(stranger.raw)
                [view] = await settled(old.actions.handovers)
                old.actions.release(view.handover.hex(), WORKER)
                yield Bundle(it, old, new, watch, lies)


async def test_each_faulty_item_is_refused_by_name_and_healed_by_being_sent_again(tmp_path: Path) -> None:
    async with a_bundle(tmp_path, lied=1) as bundle:
        missing = {event for event, how in bundle.lies.items() if how == "missing"}
        await settled(lambda: len(bundle.here()) == EVENTS)
        assert missing == set(bundle.lies) - bundle.here()
        assert not bundle.whole()
        bundle.watch.ahead = timedelta(seconds=6)
        bundle.look()
        await settled(bundle.whole)

        assert {event: (how, 1) for event, how in bundle.lies.items()} == await bundle.refused()
        assert "items" not in bundle.owed()


async def test_items_of_a_front_door_that_lies_on_end_as_a_named_gap_with_a_clock(tmp_path: Path) -> None:
    async with a_bundle(tmp_path, lied=99) as bundle:
        await settled(lambda: len(bundle.here()) == EVENTS + 1 - len(FAULTS))
        # What came wrong is refused within a moment each time; only what stays away is waited for.
        await settled(lambda: bundle.times() == [SENT_AGAIN_MOST + 1] * 3)
        for _ in range(SENT_AGAIN_MOST + 1):
            bundle.watch.ahead += timedelta(minutes=11)
            bundle.look()
        await settled(lambda: "items" in bundle.owed())
        refused = await bundle.refused()

        assert {event: (how, SENT_AGAIN_MOST + 1) for event, how in bundle.lies.items()} == refused
        [due] = [due for due in bundle.old.actions.handovers()[0].due if due.kind == "items"]
        assert bundle.old.home.member_id == due.owner
        assert not bundle.whole()
        # Nobody goes on: however long it is, nothing more is said or sent by itself.
        bundle.watch.ahead += timedelta(days=1)
        assert 0 == bundle.look()
        # A person of the old area finds the cause, and sends them again.
        bundle.lies.clear()
        assert len(FAULTS) == bundle.old.orders.send_again(bundle.old.actions.handovers()[0].handover)
        await settled(bundle.whole)
        await settled(lambda: "items" not in bundle.owed())
