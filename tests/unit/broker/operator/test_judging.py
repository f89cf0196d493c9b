"""From facts to what a person is to do: each thing at its thresholds. Pure; the facts are made up here."""

import random
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from broker.bus.credentials import new_user_key
from broker.bus.subjects import shard_of
from broker.bus.topology import DEFAULT_SHARDS, durables, in_stream, standby_durable, streams
from broker.clock import to_ms
from broker.operator.judging import judge, worst
from broker.operator.lines import Line, Verdict, size, span
from broker.operator.monitor import DurableFacts, ServerFacts, StreamFacts
from broker.operator.situation import Home, Situation
from broker.store.overview import GatewayOverview, RouterOverview, Waiting
from broker.store.standing import StandingAlarms
from tests.support.directory import a_directory

ROOT = Path(__file__).parents[4]
WORLD = a_directory()
NOW = WORLD.directory.issued_at + timedelta(days=1)
QUIET = Waiting(0, None)
ROUTER = RouterOverview(0, 0, QUIET, {}, QUIET, QUIET, {})
GATEWAY = GatewayOverview(QUIET, 0, 0, 0, 0)
SERVER = ServerFacts("2.15.1", NOW - timedelta(days=30), NOW, synced_always=True, healthy=True)


def _streams(**changed: DurableFacts) -> dict[str, StreamFacts]:
    members = [member.id for member in WORLD.directory.members]
    expected = durables(members, [WORLD["board"].id], DEFAULT_SHARDS)
    found = {}
    for stream in streams(DEFAULT_SHARDS):
        readers = [
            changed.get(one.name, DurableFacts(one.stream, one.name, 0, reading=True, last_read=NOW))
            for one in expected
            if one.stream == stream.name
        ]
        found[stream.name] = StreamFacts(stream.name, 10, 1000, 0, tuple(readers))
    return found


WELL = Situation(
    now=NOW,
    server=SERVER,
    server_trouble="",
    streams=_streams(),
    router=ROUTER,
    homes=(Home("m-aaaaaaaaaa", "Example school", GATEWAY, None),),
    directory=WORLD.directory,
    directory_trouble="",
    certificates={"the server": NOW + timedelta(days=300)},
    disk_free=500_000_000_000,
    disk_size=1_000_000_000_000,
)


def _line(topic: str, situation: Situation) -> Line:
    return next(line for line in judge(situation) if line.topic == topic)


def test_all_is_well() -> None:
    assert [] == [line for line in judge(WELL) if line.verdict is not Verdict.OK]


def _router(**more: Any) -> dict[str, Any]:
    return {"router": replace(ROUTER, **more)}


def _since(**length: float) -> Waiting:
    return Waiting(2, to_ms(NOW - timedelta(**length)))


def _order(**length: float) -> Waiting:
    return Waiting(1, to_ms(NOW - timedelta(**length) + timedelta(days=45)))


@pytest.mark.parametrize(
    ("change", "topic", "verdict"),
    [
        ({"server": None, "server_trouble": "down", "streams": {}}, "server", Verdict.ACT),
        ({"server": replace(SERVER, healthy=False)}, "server", Verdict.ACT),
        ({"server": replace(SERVER, synced_always=False)}, "server", Verdict.ACT),
        ({"server": replace(SERVER, now=NOW - timedelta(seconds=1))}, "clock", Verdict.OK),
        ({"server": replace(SERVER, now=NOW - timedelta(seconds=3))}, "clock", Verdict.LOOK),
        ({"server": replace(SERVER, now=NOW + timedelta(minutes=2))}, "clock", Verdict.ACT),
        ({"disk_free": 190_000_000_000}, "disk", Verdict.LOOK),
        ({"disk_free": 40_000_000_000}, "disk", Verdict.ACT),
        ({"disk_free": 1_900_000_000, "disk_size": 2_000_000_000}, "disk", Verdict.ACT),
        ({"streams": {}}, "streams", Verdict.ACT),
        (_router(inbox_waiting=1_000), "to publish", Verdict.LOOK),
        (_router(audit_waiting=20_000), "to publish", Verdict.ACT),
        (_router(quarantine=_since(hours=3), quarantine_codes={"malformed": 2}), "quarantine", Verdict.LOOK),
        (_router(quarantine=None), "quarantine", Verdict.LOOK),
        (_router(overdue=_since(minutes=5)), "deadlines", Verdict.LOOK),
        (_router(overdue=_since(days=2)), "deadlines", Verdict.ACT),
        (_router(orders=_order(minutes=2)), "orders", Verdict.OK),
        (_router(orders=_order(hours=2)), "orders", Verdict.LOOK),
        ({"directory": None, "directory_trouble": "damaged"}, "directory", Verdict.ACT),
        ({"now": WORLD.directory.expires_at - timedelta(days=3)}, "directory", Verdict.LOOK),
        ({"now": WORLD.directory.expires_at + timedelta(days=3)}, "directory", Verdict.ACT),
        ({"certificates": {"the router": NOW + timedelta(days=20)}}, "certificates", Verdict.LOOK),
        ({"certificates": {"the router": NOW - timedelta(days=1)}}, "certificates", Verdict.ACT),
    ],
)
def test_each_thing_at_its_threshold(change: dict[str, Any], topic: str, verdict: Verdict) -> None:
    line = _line(topic, replace(WELL, **change))

    assert verdict is line.verdict, line.says
    assert bool(line.todo) == (verdict is not Verdict.OK)


@pytest.mark.parametrize("stream", ["AUDIT", "IN_0", "DIRECTORY"])
def test_a_hole_in_the_middle_of_a_stream_is_a_damaged_file(stream: str) -> None:
    damaged = replace(WELL.streams[stream], deleted=3)

    line = _line(f"stream {stream}", replace(WELL, streams={**WELL.streams, stream: damaged}))

    assert (Verdict.ACT, 3) == (line.verdict, line.facts["deleted"])


def test_messages_gone_from_the_middle_of_out_are_no_surprise() -> None:
    """The router erases there what it has taken."""
    used = replace(WELL.streams["OUT"], deleted=3000)

    assert Verdict.OK is _line("stream OUT", replace(WELL, streams={**WELL.streams, "OUT": used})).verdict


@pytest.mark.parametrize(("reading", "verdict"), [(True, Verdict.OK), (False, Verdict.LOOK)])
def test_a_standby_that_does_not_run_is_said_before_it_is_needed(reading: bool, verdict: Verdict) -> None:
    door = next(member for member in WORLD.directory.members if member.front_door)
    user = new_user_key(random.Random(1).randbytes).public
    members = tuple(
        member.model_copy(update={"standby_user": user}) if member is door else member
        for member in WORLD.directory.members
    )
    stream = in_stream(shard_of(door.id, DEFAULT_SHARDS))
    standby = DurableFacts(stream, standby_durable(door.id), 0, reading=reading, last_read=None)
    there = WELL.streams[stream]
    line = _line(
        "members",
        replace(
            WELL,
            directory=WORLD.directory.model_copy(update={"members": members}),
            streams=dict(WELL.streams) | {stream: replace(there, durables=(*there.durables, standby))},
        ),
    )

    assert verdict is line.verdict
    assert ([] if reading else [door.id]) == list(line.facts["standbys_idle"])


@pytest.mark.parametrize(
    ("heard", "published", "verdict"),
    [
        pytest.param(NOW - timedelta(days=6), None, Verdict.OK, id="read six days ago"),
        pytest.param(NOW - timedelta(days=8), None, Verdict.LOOK, id="read eight days ago"),
        pytest.param(None, None, Verdict.LOOK, id="not since the server started a month ago"),
        pytest.param(None, NOW - timedelta(days=1), Verdict.OK, id="published yesterday"),
        pytest.param(None, NOW - timedelta(days=9), Verdict.LOOK, id="published nine days ago"),
    ],
)
def test_a_member_is_silent_when_it_neither_reads_nor_publishes(
    heard: datetime | None, published: datetime | None, verdict: Verdict
) -> None:
    me = WORLD["school"].id
    durable = next(one for s in WELL.streams.values() for one in s.durables if one.name == me)
    quiet = replace(durable, reading=False, last_read=heard)
    router = replace(ROUTER, published={me: to_ms(published)} if published else {})

    line = _line("members", replace(WELL, streams=_streams(**{me: quiet}), router=router))

    assert verdict is line.verdict
    assert ([me] if verdict is Verdict.LOOK else []) == list(line.facts["silent"])


@pytest.mark.parametrize(
    ("state", "verdict", "says"),
    [
        (replace(GATEWAY, outbox=_since(minutes=1)), Verdict.OK, ""),
        (replace(GATEWAY, outbox=_since(minutes=9)), Verdict.LOOK, "2 messages not sent for 9 minutes"),
        (replace(GATEWAY, outbox=_since(hours=9)), Verdict.ACT, "2 messages not sent for 9 hours"),
        (replace(GATEWAY, not_applied=1), Verdict.LOOK, "1 delivery could not be used"),
        (replace(GATEWAY, missing=2), Verdict.LOOK, "2 deliveries never came"),
        (replace(GATEWAY, outbox=None), Verdict.LOOK, "outbox not measured"),
    ],
)
def test_a_gateway_that_needs_somebody_has_its_own_line(
    state: GatewayOverview, verdict: Verdict, says: str
) -> None:
    situation = replace(WELL, homes=(Home("m-aaaaaaaaaa", "Example school", state, None),))

    line = _line("gateways" if verdict is Verdict.OK else "gateway m-aaaaaaaaaa", situation)

    assert verdict is line.verdict
    assert says in line.says


def test_alarms_that_stand_in_a_gateway_are_a_line_of_their_own() -> None:
    seen = StandingAlarms(
        to_ms(NOW), {"receipt-missing": 2, "not-usable": 1}, to_ms(NOW - timedelta(minutes=9))
    )
    loud = Home("m-aaaaaaaaaa", "Example school", GATEWAY, None, seen)
    quiet = Home("m-bbbbbbbbbb", "Example surgery", GATEWAY, None, StandingAlarms(to_ms(NOW), {}, None))
    situation = replace(WELL, homes=(loud, quiet))

    line = _line("alarms m-aaaaaaaaaa", situation)

    assert Verdict.LOOK is line.verdict
    assert "Example school: 3 alarms, the first for 9 minutes (not-usable 1, receipt-missing 2)" == line.says
    assert "none in 1 gateway here" == _line("alarms", situation).says


def test_the_exit_code_is_the_worst_line() -> None:
    assert Verdict.OK is worst(judge(WELL))
    assert Verdict.ACT is worst(judge(replace(WELL, disk_free=1, certificates={"x": NOW})))


def test_a_line_that_asks_for_something_names_a_page_that_exists() -> None:
    broken = replace(
        WELL,
        server=replace(SERVER, now=NOW - timedelta(hours=1)),
        streams={"AUDIT": replace(WELL.streams["AUDIT"], deleted=1)},
        router=replace(
            ROUTER,
            inbox_waiting=90_000,
            quarantine=_since(days=1),
            overdue=_since(days=3),
            orders=_order(days=1),
        ),
        homes=(
            Home(
                "m-aaaaaaaaaa",
                "Example school",
                replace(GATEWAY, missing=2),
                None,
                StandingAlarms(to_ms(NOW), {"not-usable": 1}, to_ms(NOW)),
            ),
        ),
        certificates={"x": NOW},
        disk_free=1,
    )
    down = replace(WELL, server=None, server_trouble="down", streams={}, directory=None)
    asking = [line for one in (broken, down) for line in judge(one) if line.verdict is not Verdict.OK]

    assert [] == [line.topic for line in asking if not (ROOT / f"docs/runbook/{line.page}.md").is_file()]
    assert [] == [line.topic for line in asking if not line.todo]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 second"), (119, "119 seconds"), (120, "2 minutes"), (7200, "2 hours"), (172_800, "2 days")],
)
def test_lengths_of_time_in_words(seconds: int, words: str) -> None:
    assert words == span(timedelta(seconds=seconds))


def test_sizes_in_words() -> None:
    assert ("999 bytes", "1.5 MB", "12 TB") == (size(999), size(1_500_000), size(12_000_000_000_000))
