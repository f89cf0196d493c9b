"""Try doors on the real server: what it refuses is in its own words, what it did is looked up at the victims."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from broker.bus.connection import Bus
from broker.bus.publisher import Outgoing, Publisher
from broker.bus.puller import Puller
from broker.bus.subjects import DIRECTORY, HEAD, PROOF, OutSubject, audit_subject, shard_of
from broker.bus.topology import (
    AUDIT,
    DEFAULT_SHARDS,
    DIRECTORY_STREAM,
    HEADS,
    LOG,
    OUT,
    audit_durable,
    durables,
    in_stream,
    router_durable,
    shard_subject,
    streams,
)
from schemas.wire import Lane
from tests.isolation.doors import ROUTER, Door, ears
from tests.support.exchange import Exchange

BOARDS: Final = frozenset({"board"})
PARTIES: Final = ("cumberland", "health", "school", "police", "board", ROUTER, LOG)
"""Of every kind of party one; each tries what all the others may do."""
_REFUSED: Final = re.compile(r'permissions violation for (publish|subscription) to "([^"]+)"', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of everything that one party tried."""

    let_in: tuple[Door, ...]
    """Another's door, and the server said nothing."""
    kept_out: tuple[Door, ...]
    """The party's own door, and the server refused."""
    heard: tuple[str, ...]
    """Listened to, and not refused."""
    listened: int
    """How many patterns it tried to listen to."""
    tried: tuple[Door, ...]


async def wait_for_each_other(it: Exchange) -> None:
    """Something waits at every durable, and its reader has taken it and not yet acknowledged: it can be spoilt."""
    router = await it.connect(ROUTER)
    async with Publisher(router) as sends:
        await sends.publish(Outgoing(audit_subject(0), b"entry", "audit"))
        for name, member in it.members.items():
            await sends.publish(Outgoing(shard_subject(member, DEFAULT_SHARDS), b"delivery", name))
            bus = await it.connect(name)
            async with Publisher(bus) as own:
                await own.publish(Outgoing(str(OutSubject(member, Lane.NORMAL, 0)), b"event", name))
            await _take(bus, in_stream(shard_of(member, DEFAULT_SHARDS)), member)
            if name in BOARDS:
                await _take(bus, AUDIT, audit_durable(member))
    await _take(router, OUT, router_durable(Lane.NORMAL))


async def _take(bus: Bus, stream: str, durable: str) -> None:
    async with Puller(bus, stream, durable) as waiting:
        await waiting.next_batch()


async def tries(it: Exchange, party: str, all_doors: Sequence[Door]) -> Trial:
    """One party tries every door that is not its own, then all that are; and to listen to everything."""
    bus = await it.connect(party)
    said = _listening_for_refusals(bus)
    others = [door for door in all_doors if party not in door.owners and not _answers(door, bus)]
    own = [door for door in all_doors if party in door.owners]
    before = await state(it)
    await _knock(bus, others)
    refused = {subject for verb, subject in said if verb == "publish"}
    let_in = tuple(door for door in others if door.subject.lower() not in refused)
    if before != await state(it):
        raise AssertionError(f"{party} changed something by what it was refused")
    said.clear()
    await _knock(bus, own)
    kept_out = tuple(door for door in own if door.subject.lower() in {subject for _, subject in said})
    said.clear()
    answers = PROOF if party == LOG else ""
    subjects = [
        one for one in ears(it.members) if one != answers and not one.startswith(f"_INBOX_{bus.user}.")
    ]
    for subject in subjects:
        await bus.client.subscribe(subject)
    await _answered(bus)
    deaf = {subject for verb, subject in said if verb == "subscription"}
    heard = tuple(subject for subject in subjects if subject.lower() not in deaf)
    return Trial(let_in, kept_out, heard, len(subjects), (*others, *own))


async def state(it: Exchange) -> dict[str, Any]:
    """All that a stranger could change: what streams and durables there are, how far each is, how each is set."""
    admin = await it.connect("admin")
    found: dict[str, Any] = {"names": sorted((await admin.api("STREAM.NAMES"))["streams"])}
    for stream in streams():
        info = await admin.api(f"STREAM.INFO.{stream.name}")
        found[stream.name] = info["config"], info["state"]
    for durable in durables(it.members.values(), [it.members[name] for name in BOARDS]):
        info = await admin.api(f"CONSUMER.INFO.{durable.stream}.{durable.name}")
        # What was taken and not acknowledged comes again by itself: how often is nobody's doing.
        kept = ("config", "ack_floor", "num_ack_pending", "num_pending")
        found[f"{durable.stream} {durable.name}"] = [info[key] for key in kept]
    await admin.close()
    return found


def _listening_for_refusals(bus: Bus) -> list[tuple[str, str]]:
    said: list[tuple[str, str]] = []

    async def on_error(error: Exception) -> None:
        if found := _REFUSED.search(str(error)):
            said.append((found[1].lower(), found[2].lower()))  # the library says it in small letters

    bus.client._error_cb = on_error
    return said


def _answers(door: Door, bus: Bus) -> bool:
    return door.subject.startswith(f"_INBOX_{bus.user}.")


async def _knock(bus: Bus, wanted: Iterable[Door]) -> None:
    for door in wanted:
        await bus.client.publish(door.subject, b"{}", reply=bus.client.new_inbox())
    await _answered(bus)


async def _answered(bus: Bus) -> None:
    """What the server had to say to all before has come: it answers one connection in its order."""
    question = f"{HEADS}.{HEAD}" if bus.user == LOG else f"{DIRECTORY_STREAM}.{DIRECTORY}"
    await bus.request(f"$JS.API.DIRECT.GET.{question}")
