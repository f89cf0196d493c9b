"""Publishing and pulling on a real server that is killed, frozen and full: nothing lost, nothing twice."""

import asyncio
import functools
import os
import signal

import pytest

from broker.bus.connection import Bus, BusError
from broker.bus.publisher import MSG_ID, Outgoing, Publisher
from broker.bus.puller import Delivery, Puller
from broker.bus.streams import erase_message, get_message, stream_facts
from broker.bus.subjects import OutSubject, shard_of
from broker.bus.topology import AUDIT, DEFAULT_SHARDS, OUT, in_stream, router_durable, shard_subject
from broker.errors import UnavailableError
from schemas.wire import Lane
from tests.support.exchange import Exchange, settled


def to(it: Exchange, name: str) -> str:
    return shard_subject(it.members[name], DEFAULT_SHARDS)


def stream_of(it: Exchange, name: str) -> str:
    return in_stream(shard_of(it.members[name], DEFAULT_SHARDS))


def inbox(it: Exchange, bus: Bus, name: str, **more: int) -> Puller:
    return Puller(bus, stream_of(it, name), it.members[name], **more)


def entries(count: int, start: int = 0) -> list[Outgoing]:
    return [Outgoing("audit.0", b"%d" % number, f"id-{number}") for number in range(start, start + count)]


async def held(bus: Bus, stream: str) -> int:
    return int((await stream_facts(bus, stream))["messages"])


async def test_the_same_id_is_stored_once_and_keeps_its_place(it: Exchange) -> None:
    router = await it.connect("router")
    async with Publisher(router) as publisher:
        first = await publisher.publish(Outgoing("audit.0", b"one", "same"))
        again = await publisher.publish(Outgoing("audit.0", b"one", "same"))

    assert (1, 1) == (first, again)
    assert 1 == await held(router, AUDIT)


async def test_many_at_once_are_all_stored_once(it: Exchange) -> None:
    router = await it.connect("router")
    async with Publisher(router) as publisher:
        places = await asyncio.gather(*(publisher.publish(message) for message in entries(700)))

    assert list(range(1, 701)) == sorted(places)


async def test_a_batch_gives_each_message_its_place(it: Exchange) -> None:
    router = await it.connect("router")
    async with Publisher(router) as publisher:
        places = await publisher.publish_batch(entries(20))
    stored = await get_message(router, AUDIT, places[7])

    assert list(range(1, 21)) == places
    assert stored
    assert b"7" == stored.data


async def test_a_batch_with_one_that_was_there_is_sent_singly_and_complete(it: Exchange) -> None:
    router = await it.connect("router")
    async with Publisher(router) as publisher:
        await publisher.publish(entries(1, start=3)[0])
        places = await publisher.publish_batch(entries(6))

    assert 6 == await held(router, AUDIT)
    assert 1 == places[3], "where it was the first time"


async def test_a_batch_that_was_never_finished_leaves_its_ids_free(it: Exchange) -> None:
    """Its sender died midway: the same messages, sent anew at once, are stored and not taken for repeats."""
    author, admin = await it.connect("health"), await it.connect("admin")
    messages = [
        Outgoing(f"out.{it.members['health']}.normal.0", b"%d" % number, f"id-{number}")
        for number in range(3)
    ]
    for number, message in enumerate(messages, start=1):
        staged = {MSG_ID: message.msg_id, "Nats-Batch-Id": "cut-short", "Nats-Batch-Sequence": str(number)}
        await author.client.publish(message.subject, message.data, headers=staged)
    await author.client.flush()
    async with Publisher(author) as publisher:
        places = await publisher.publish_batch(messages, in_order=True)

    assert [1, 2, 3] == places
    assert 3 == await held(admin, OUT)


async def test_a_batch_with_one_that_is_refused_stores_none(it: Exchange) -> None:
    admin, router = await it.connect("admin"), await it.connect("router")
    stream = await with_quota(it, admin, "school", 2)
    async with Publisher(router) as publisher:
        with pytest.raises(BusError, match="maximum messages per subject"):
            await publisher.publish_batch(
                [Outgoing(to(it, "school"), b"x", f"{number}") for number in range(3)]
            )

    assert 0 == await held(admin, stream)


async def with_quota(it: Exchange, admin: Bus, name: str, quota: int) -> str:
    """A small quota for the stream of one member; gives the stream."""
    stream = stream_of(it, name)
    config = (await admin.api(f"STREAM.INFO.{stream}"))["config"]
    await admin.api(f"STREAM.UPDATE.{stream}", config | {"max_msgs_per_subject": quota})
    return stream


async def test_a_full_inbox_refuses_and_takes_again_when_there_is_room(it: Exchange) -> None:
    """A quota per member: the next message is refused aloud, none that is there is thrown away."""
    admin, router = await it.connect("admin"), await it.connect("router")
    stream = await with_quota(it, admin, "school", 2)
    async with Publisher(router) as publisher:
        for number in range(2):
            await publisher.publish(Outgoing(to(it, "school"), b"x", f"{number}"))
        with pytest.raises(BusError, match="maximum messages per subject"):
            await publisher.publish(Outgoing(to(it, "school"), b"x", "2"))
        other = to(it, "school").replace(it.members["school"], "m-aaaaaaaaaa")
        await publisher.publish(Outgoing(other, b"x", "other"))
        kept = await held(admin, stream)
        await erase_message(admin, stream, 1)
        await publisher.publish(Outgoing(to(it, "school"), b"x", "2"))

    assert 3 == kept


async def test_what_may_not_be_published_is_an_error_and_not_a_success(it: Exchange) -> None:
    school = await it.connect("school")
    async with Publisher(school) as publisher:
        with pytest.raises(UnavailableError):
            await publisher.publish(Outgoing("audit.0", b"x", "1"), within=0.5)


async def test_a_frozen_server_is_waited_for_and_the_message_stored_once(it: Exchange) -> None:
    router = await it.connect("router")
    async with Publisher(router) as publisher:
        os.kill(it.server.pid, signal.SIGSTOP)
        sending = [asyncio.create_task(publisher.publish(message)) for message in entries(20)]
        # Longer than one attempt: each is sent a second time under its id.
        _, waiting = await asyncio.wait(sending, timeout=6.0)
        os.kill(it.server.pid, signal.SIGCONT)
        await asyncio.gather(*sending)

    assert 20 == len(waiting)
    assert 20 == await held(router, AUDIT)


async def _give_back_soon(admin: Bus, *places: str) -> None:
    """What was on its way to a reader at the kill comes again after two seconds, not after the time of real life."""
    for place in places:
        config = (await admin.api(f"CONSUMER.INFO.{place}"))["config"] | {"ack_wait": 2_000_000_000}
        body = {"stream_name": place.split(".")[0], "config": config}
        await admin.api(f"CONSUMER.DURABLE.CREATE.{place}", body)


async def test_a_server_killed_in_mid_flow_loses_and_doubles_nothing(it: Exchange) -> None:
    """Author to router to reader, the server killed twice on the way."""
    admin, school, router, police = [
        await it.connect(name) for name in ("admin", "school", "router", "police")
    ]
    await _give_back_soon(
        admin, f"{OUT}.{router_durable(Lane.NORMAL)}", f"{stream_of(it, 'police')}.{police.user}"
    )
    total, arrived = 600, list[int]()
    subject = str(OutSubject(it.members["school"], Lane.NORMAL, 0))

    def enough(part: int) -> bool:
        return len(arrived) >= part or tasks[1].done()

    async def send(publisher: Publisher) -> None:
        for start in range(0, total, 50):
            numbers = range(start, start + 50)
            await asyncio.gather(
                *(publisher.publish(Outgoing(subject, b"%d" % number, f"s{number}")) for number in numbers)
            )

    async def route(publisher: Publisher, out: Puller) -> None:
        async for batch in out.batches():
            copies = [
                Outgoing(to(it, "police"), delivery.data, f"r{delivery.data.decode()}") for delivery in batch
            ]
            await publisher.publish_batch(copies)
            for delivery in batch:
                await out.ack(delivery)

    async def receive(puller: Puller) -> None:
        async for batch in puller.batches():
            arrived.extend(int(delivery.data) for delivery in batch)
            for delivery in batch:
                await puller.ack(delivery)

    async with (
        Publisher(school) as sends,
        Publisher(router) as copies,
        Puller(router, OUT, router_durable(Lane.NORMAL)) as out,
        inbox(it, police, "police") as puller,
    ):
        tasks = [asyncio.create_task(work) for work in (send(sends), route(copies, out), receive(puller))]
        for part in (total // 4, total // 2):
            await settled(functools.partial(enough, part), within=40)
            await it.server.kill()
            await it.server.start()
        await settled(lambda: len(set(arrived)) == total or tasks[1].done(), within=40)
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        failed = [end for end in ends if isinstance(end, Exception)]

    assert [] == failed
    assert total == await held(await it.connect("admin"), stream_of(it, "police"))


async def test_a_puller_hears_again_soon_after_the_server_came_back(it: Exchange) -> None:
    router, police = await it.connect("router"), await it.connect("police")
    async with Publisher(router) as publisher, inbox(it, police, "police") as puller:
        await it.server.kill()
        await it.server.start()
        await publisher.publish(Outgoing(to(it, "police"), b"after", "1"))
        (delivery,) = await asyncio.wait_for(puller.next_batch(), 5.0)

    assert b"after" == delivery.data


async def test_what_is_not_acknowledged_comes_again_and_what_is_does_not(it: Exchange) -> None:
    router, police = await it.connect("router"), await it.connect("police")
    async with Publisher(router) as publisher, inbox(it, police, "police") as puller:
        for number in range(2):
            await publisher.publish(Outgoing(to(it, "police"), b"%d" % number, f"{number}"))
        await settled(lambda: puller.waiting == 2)
        first, second = puller.take_now(2)
        await puller.ack(first)
        await puller.again(second, 0.05)
        (again,) = await puller.next_batch()
        await puller.ack(again)

    assert (1, 2) == (second.attempts, again.attempts)
    assert (second.sequence, b"1") == (again.sequence, again.data)


async def test_what_a_puller_has_not_taken_when_it_closes_comes_to_the_next_at_once(it: Exchange) -> None:
    router, school = await it.connect("router"), await it.connect("school")
    async with Publisher(router) as publisher, inbox(it, school, "school") as first:
        for number in range(3):
            await publisher.publish(Outgoing(to(it, "school"), b"%d" % number, f"id-{number}"))
        await settled(lambda: first.waiting == 3)
    async with asyncio.timeout(10), inbox(it, school, "school") as second:
        taken: list[Delivery] = []
        while len(taken) < 3:
            taken += await second.next_batch()

    assert {b"0", b"1", b"2"} == {delivery.data for delivery in taken}


async def test_take_now_never_waits_and_arrived_takes_nothing(it: Exchange) -> None:
    router, police = await it.connect("router"), await it.connect("police")
    async with Publisher(router) as publisher, inbox(it, police, "police") as puller:
        nothing = puller.take_now(10)
        waiting = asyncio.create_task(puller.arrived())
        await publisher.publish(Outgoing(to(it, "police"), b"x", "1"))
        await asyncio.wait_for(waiting, 5.0)
        await puller.arrived()
        taken = puller.take_now(10)

    assert [] == nothing
    assert [b"x"] == [delivery.data for delivery in taken]


async def test_more_than_one_request_asks_for_flows_without_a_pause(it: Exchange) -> None:
    router, police = await it.connect("router"), await it.connect("police")
    taken: list[Delivery] = []
    async with Publisher(router) as publisher, inbox(it, police, "police", batch=10) as puller:
        await publisher.publish_batch(
            [Outgoing(to(it, "police"), b"%d" % number, f"{number}") for number in range(200)]
        )
        while len(taken) < 200:
            batch = await asyncio.wait_for(puller.next_batch(7), 5.0)
            assert len(batch) <= 7
            for delivery in batch:
                await puller.ack(delivery)
            taken += batch

    assert [b"%d" % number for number in range(200)] == [delivery.data for delivery in taken]


@pytest.mark.parametrize(
    "reply",
    ["", "$JS.ACK.OUT.router-normal.1.1.1.1.0", "$JS.ACK.{stream}.{me}.x.y.z.t.0", "$JS.ACK.{stream}.{me}.1"],
    ids=["none", "of another durable", "not numbers", "too short"],
)
async def test_junk_on_a_puller_s_inbox_is_dropped(it: Exchange, reply: str) -> None:
    """Only the server itself can write there; a mistake or a hostile server changes nothing."""
    admin = await it.connect("admin")
    name = router_durable(Lane.URGENT)
    async with Puller(admin, OUT, name) as puller, Publisher(admin) as publisher:
        await admin.client.publish(puller.address, b"junk", reply=reply.format(stream=OUT, me=name))
        await publisher.publish(Outgoing(f"out.{it.members['school']}.urgent.0", b"real", "1"))
        (delivery,) = await puller.next_batch()

    assert b"real" == delivery.data


async def test_a_reader_that_does_not_exist_is_asked_for_calmly(it: Exchange) -> None:
    """A durable that is not there yet: the puller asks a few times a second, and takes up what comes later."""
    admin = await it.connect("admin")
    before = admin.client.stats["out_msgs"]
    async with Puller(admin, AUDIT, "later") as puller:
        await settled(lambda: admin.client.stats["out_msgs"] >= before + 4)
        await asyncio.sleep(1.0)  # the rate is what is measured
        asked = admin.client.stats["out_msgs"] - before
        config = {"durable_name": "later", "ack_policy": "explicit"}
        await admin.api(f"CONSUMER.DURABLE.CREATE.{AUDIT}.later", {"stream_name": AUDIT, "config": config})
        async with Publisher(admin) as publisher:
            await publisher.publish(entries(1)[0])
        (delivery,) = await asyncio.wait_for(puller.next_batch(), 5.0)

    assert asked <= 20
    assert b"0" == delivery.data
