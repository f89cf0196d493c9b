"""A damaged stream file: the server drops messages without a word; chains, notes and receipts notice, name and mend it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.gateway.api import Gateway
from broker.bus.subjects import shard_of
from broker.bus.topology import DEFAULT_SHARDS, in_stream
from schemas.ids import EventId
from schemas.wire import InKind
from tests.rig.counting import reading
from tests.rig.damage import flip_a_bit
from tests.support.events import CUMBERLAND, Document, a_document
from tests.support.exchange import Exchange, exchange, settled

HERE = {"residence": {"gss": CUMBERLAND}}
MANY = 9


def _views(gateway: Gateway) -> list[bytes]:
    return [item.message_id for item in gateway.inbox() if item.kind is InKind.VIEW]


def _tomorrow() -> datetime:
    """Late enough for every receipt to be overdue, early enough for every key."""
    return datetime.now(UTC) + timedelta(hours=25)


@pytest.mark.parametrize("rebuilt", [False, True], ids=["one message gone", "the rest of the file gone"])
async def test_events_that_the_bus_lost_before_the_router_took_them_are_sent_again(
    tmp_path: Path, rebuilt: bool
) -> None:
    """Their author's receipts are missing: it sends them once more, and each arrives once."""
    async with exchange(tmp_path) as it:
        async with it.gateway("health") as health:
            sent = [health.publish(a_document("concern.raised", n=n, **HERE)).raw for n in range(1, MANY)]
            await settled(lambda: all(one.sent_ms for one in health.outbox()))
        await it.server.stop()
        flip_a_bit(it, "OUT", sent[MANY // 2], rebuilt=rebuilt)
        await it.server.start()
        async with it.router(), it.board(), it.gateway("cumberland") as cumberland:
            async with it.gateway("health") as health:
                sent.append(health.publish(a_document("concern.raised", n=MANY, **HERE)).raw)
                await settled(lambda: sent[-1] in _views(cumberland))
                before = set(_views(cumberland))
            async with it.gateway("health", clock=_tomorrow) as health:
                await settled(lambda: set(_views(cumberland)) == set(sent), within=30)
                await settled(lambda: all(one.readers[0].delivered_ms for one in health.outbox()))
                await settled(lambda: "chain-gap" in _kinds(it))

                assert before < set(sent)
                assert sorted(sent) == sorted(_views(cumberland))
                assert [] == health.alarms()


def _kinds(it: Exchange) -> set[str]:
    with reading(it.home("board") / "audit.db") as trail:
        return {row[0] for row in trail.execute("SELECT kind FROM entries")}


def _published(it: Exchange) -> int:
    with reading(it.layout.router / "router.db") as state:
        query = "SELECT COUNT(*) FROM sent WHERE reader = ?"
        return int(state.execute(query, (it.members["cumberland"],)).fetchone()[0])


def _whole_again(reader: Gateway, author: Gateway, documents: list[Document]) -> bool:
    """As a case system does: publish again what came back, until the reader has everything and nothing waits."""
    for event_id in _returned(author):
        author.publish(next(one for one in documents if one["id"] == event_id))
    states = {item.state for item in reader.inbox(everything=True)}
    return len(_views(reader)) == len(documents) and states <= {"applied", "failed"}


def _returned(gateway: Gateway) -> list[EventId]:
    """What came back, once there is anything."""
    return [one.event_id for one in gateway.outbox() if one.returned and "lost-on-the-bus" in one.returned]


@pytest.mark.parametrize("rebuilt", [False, True], ids=["one message gone", "the rest of the file gone"])
async def test_deliveries_that_the_bus_lost_hold_nothing_up_and_come_when_their_author_publishes_again(
    tmp_path: Path, rebuilt: bool
) -> None:
    """The reader's gap is answered with a word that it is lost, and the author gets its event back."""
    documents = [a_document("concern.raised", n=n, **HERE) for n in range(1, MANY + 1)]
    async with exchange(tmp_path) as it:
        async with it.router(), it.gateway("health") as health:
            for document in documents[:-1]:
                health.publish(document)
            await settled(lambda: all(one.sent_ms for one in health.outbox()))
            await settled(lambda: _published(it) == MANY - 1)
        await it.server.stop()
        inbox = in_stream(shard_of(it.members["cumberland"], DEFAULT_SHARDS))
        flip_a_bit(it, inbox, EventId(documents[MANY // 2]["id"]).raw, rebuilt=rebuilt)
        await it.server.start()
        async with it.router(), it.gateway("health") as health, it.gateway("cumberland") as cumberland:
            health.publish(documents[-1])
            await settled(lambda: _whole_again(cumberland, health, documents), within=40)

            says = [item.says for item in cumberland.inbox() if item.kind is InKind.NOTICE]
            assert sorted(EventId(one["id"]).raw for one in documents) == sorted(_views(cumberland))
            assert says
            assert all("lost on the bus" in str(text) for text in says)
            assert [] == [alarm for alarm in cumberland.alarms() if alarm.code == "delivery-missing"]
