"""Members' gateways on a real server with a real router: what each side can see at the end of each story."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import adapters.gateway
from adapters.gateway.api import Gateway, Item
from adapters.gateway.frontdoor.actions import Person
from adapters.gateway.record.reading import Read
from adapters.gateway.run import GatewayService
from broker.directory.apply import apply
from broker.directory.issue import NewMember
from broker.directory.places import area_entry
from broker.directory.publishing import Lifetimes
from schemas.codes.members import MemberKind
from schemas.ids import KeyId
from schemas.members import Algorithm, KeyUse
from schemas.wire import InKind
from tests.support.directory import AREAS
from tests.support.events import CHILD, CUMBERLAND, PUPIL, WESTMORLAND, a_document
from tests.support.exchange import Exchange, exchange, settled

WORKER = Person("Rowan Example", "social worker")
HERE = {"residence": {"gss": CUMBERLAND}}


@pytest.fixture
async def it(tmp_path: Path) -> AsyncIterator[Exchange]:
    """A running exchange with its router at work."""
    async with exchange(tmp_path) as made, made.router():
        yield made


def views(gateway: Gateway) -> list[Item]:
    """The events in an inbox that were sent to it."""
    return [item for item in gateway.inbox() if item.kind is InKind.VIEW]


def granted(gateway: Gateway) -> list[Read]:
    """The events in an inbox that a front door shared, opened."""
    return [gateway.read(item.number, role="lead") for item in gateway.inbox() if item.kind is InKind.GRANTED]


def events_of(gateway: Gateway) -> list[str]:
    """The chronology of the one child that a member knows of, by event id."""
    child = next(item.child for item in gateway.inbox(everything=True) if item.child)
    return sorted(line.read.document["id"] for line in gateway.chronology(child))


async def test_receipts_of_every_kind_reach_the_author(it: Exchange) -> None:
    async with it.gateway("health") as health, it.gateway("cumberland") as cumberland:
        health.publish(a_document("concern.raised", n=1, **HERE))
        number = (await settled(cumberland.inbox))[0].number
        await settled(lambda: health.outbox()[0].readers[0].delivered_ms)
        before = health.outbox()[0].readers[0]
        cumberland.read(number, role="front-door worker")
        await settled(lambda: health.outbox()[0].readers[0].opened_ms)
        cumberland.take_on(number, by="Rowan Example, team manager")
        await settled(lambda: health.outbox()[0].readers[0].taken_on_ms)

        assert (None, None) == (before.opened_ms, before.taken_on_ms)


@pytest.mark.parametrize("away", ["cumberland", "westmorland"])
async def test_a_front_door_that_was_away_for_the_whole_move(it: Exchange, away: str) -> None:
    """Everything is there afterwards, once, in order; and the handover completes."""
    other = "westmorland" if away == "cumberland" else "cumberland"
    with it.open("cumberland") as cumberland:
        cumberland.publish(a_document("plan.opened", n=1, **HERE))
    async with it.gateway("cumberland") as cumberland:
        await settled(lambda: views(cumberland))
    with it.open("health") as offline:
        offline.publish(a_document("appointment.missed", n=2, **HERE))
    async with it.gateway("health") as health, it.gateway(other):
        health.publish(a_document("health.presentation", n=3, **HERE))
        health.publish(a_document("move.notified", n=4, residence={"gss": WESTMORLAND}))
        health.publish(a_document("appointment.missed", n=5, residence={"gss": WESTMORLAND}))
        await settled(lambda: all(one.sent_ms for one in health.outbox()))

    async with it.gateway("cumberland") as cumberland, it.gateway("westmorland") as westmorland:
        handover = (await settled(cumberland.actions.handovers))[0].handover.hex()
        await settled(westmorland.actions.handovers)
        cumberland.actions.release(handover, WORKER)
        await settled(lambda: westmorland.actions.handovers()[0].verified)
        westmorland.actions.accept(handover, WORKER)
        await settled(
            lambda: all(g.actions.handovers()[0].state == "closed" for g in (cumberland, westmorland))
        )
        await settled(lambda: events_of(cumberland) == events_of(westmorland))

        items = views(cumberland if away == "cumberland" else westmorland)
    assert len(items) == len({item.message_id for item in items})
    numbers = [item.taken_ms for item in items]
    assert sorted(numbers) == numbers
    assert {"applied"} == {item.state for item in items}


async def test_records_meet_by_a_persons_decision_and_part_by_another(it: Exchange) -> None:
    """By NHS number and by UPN: two children until linked; after the unlink those told are told, and they are two."""
    async with (
        it.gateway("cumberland") as cumberland,
        it.gateway("health") as health,
        it.gateway("school") as school,
    ):
        health.publish(a_document("concern.raised", n=1, **HERE))
        school.publish(a_document("eha.opened", n=2, subject={"upn": PUPIL}, **HERE))
        await settled(lambda: len(views(cumberland)) == 2)
        apart = {item.child for item in views(cumberland)}
        link = cumberland.actions.link(
            [{"nhs_number": "999 000 0018"}, {"upn": PUPIL.lower()}], WORKER, "Seen.", "official_document"
        )
        await settled(lambda: len(views(cumberland)) == 3)
        school.publish(a_document("attendance.summary", n=4, subject={"upn": PUPIL}, **HERE))
        health.publish(a_document("appointment.missed", n=5, **HERE))
        await settled(lambda: len(views(cumberland)) == 5)
        together = {item.child for item in views(cumberland)[2:]}
        cumberland.actions.unlink([{"nhs_number": CHILD}, {"upn": PUPIL}], WORKER, "Wrong.", str(link)[:20])
        await settled(lambda: [one for one in cumberland.inbox() if one.kind is InKind.NOTICE])
        school.publish(a_document("attendance.summary", n=6, subject={"upn": PUPIL}, **HERE))
        health.publish(a_document("appointment.missed", n=7, **HERE))
        await settled(lambda: len(views(cumberland)) == 8)

        after = {item.child for item in views(cumberland)[-2:]}
    assert (2, 1, 2) == (len(apart), len(together), len(after))


async def test_a_declined_handover_says_why_on_both_sides(it: Exchange) -> None:
    async with (
        it.gateway("cumberland") as cumberland,
        it.gateway("westmorland") as westmorland,
        it.gateway("health") as health,
    ):
        cumberland.publish(a_document("plan.opened", n=1, **HERE))
        await settled(lambda: views(cumberland))
        health.publish(a_document("move.notified", n=2))
        view = (await settled(westmorland.actions.handovers))[0]
        westmorland.actions.decline(view.handover.hex(), WORKER, "temporary_stay", "Back on Friday.")
        await settled(cumberland.actions.handovers)
        both = (cumberland, westmorland)
        await settled(lambda: {one.actions.handovers()[0].state for one in both} == {"declined"})

        for gateway in both:
            declined = gateway.actions.handovers()[0]
            assert ("temporary_stay", CUMBERLAND, WESTMORLAND) == (
                declined.reason,
                declined.holder,
                declined.safety,
            )


async def test_a_backlog_signed_with_a_key_that_expired_meanwhile_is_taken(it: Exchange) -> None:
    with it.open("health") as offline:
        old = offline.home.signer().key_id
        offline.publish(a_document("concern.raised", n=1, **HERE))
    issuer = replace(it.issuer(), life=Lifetimes(overlap=timedelta(seconds=1)))
    issuer.rotate_member(it.members["health"])
    await apply(it.layout)
    key = it.directory.key(old)
    assert key is not None
    await settled(lambda: not key.usable(datetime.now(UTC)))

    async with it.gateway("health") as health, it.gateway("cumberland") as cumberland:
        await settled(lambda: views(cumberland))
        await settled(lambda: health.outbox()[0].readers[0].delivered_ms)

        assert "concern.raised" == cumberland.read(views(cumberland)[0].number, role="worker").type
        assert health.home.signer().key_id != old
        assert health.outbox()[0].returned is None


async def test_a_backlog_signed_with_a_revoked_key_comes_back_with_advice_and_goes_again(
    it: Exchange,
) -> None:
    document = a_document("concern.raised", n=1, **HERE)
    with it.open("health") as offline:
        stolen = offline.home.signer().key_id
        offline.publish(document)
    it.issuer().rotate_member(it.members["health"])
    it.issuer().revoke_key(KeyId(stolen), "laptop stolen")
    await apply(it.layout)

    async with it.gateway("health") as health, it.gateway("cumberland") as cumberland:
        await settled(lambda: health.outbox()[0].returned)
        came_back = str(health.outbox()[0].returned)
        says = [item.says for item in health.inbox() if item.kind is InKind.RETURNED]
        again = health.publish(document)
        await settled(lambda: views(cumberland))

        assert "key-revoked" in came_back
        assert 1 == len(says)
        assert [again.raw] == [item.message_id for item in views(cumberland)]


async def test_an_involved_school_is_granted_what_policy_allows(it: Exchange) -> None:
    async with (
        it.gateway("cumberland") as cumberland,
        it.gateway("school") as school,
        it.gateway("police") as police,
    ):
        cumberland.publish(a_document("plan.opened", n=1, **HERE))
        await settled(lambda: views(cumberland))
        cumberland.actions.involve({"nhs_number": CHILD}, it.members["school"], WORKER)
        await settled(lambda: len(views(cumberland)) == 2)
        police.publish(a_document("adult_risk.disclosed", n=3, **HERE))
        cumberland.publish(a_document("plan.changed", n=4, **HERE))
        await settled(lambda: "plan.changed" in {read.type for read in granted(school)})

        reads = granted(school)
    assert "adult_risk.disclosed" not in {read.type for read in reads}
    assert {True} == {"residence" not in read.document for read in reads}


async def test_members_with_p256_keys_send_receive_and_hand_over(it: Exchange) -> None:
    """A member whose hardware knows only P-256 takes part like any other."""
    _, gp = it.issuer().add_member(
        NewMember(
            kind=MemberKind.HEALTH_PROVIDER,
            name="Example hospital",
            areas=tuple(area_entry(area) for area in AREAS),
            p256=True,
        )
    )
    it.members["hospital"] = gp
    await apply(it.layout)
    member = it.directory.member(gp)
    async with it.gateway("cumberland") as cumberland, it.gateway("hospital") as hospital:
        hospital.publish(a_document("concern.raised", n=1, **HERE))
        await settled(lambda: views(cumberland))
        cumberland.actions.involve({"nhs_number": CHILD}, gp, WORKER)
        await settled(lambda: len(views(cumberland)) == 2)
        cumberland.publish(a_document("plan.opened", n=3, **HERE))
        await settled(lambda: "plan.opened" in {read.type for read in granted(hospital)})

    assert member is not None
    assert {Algorithm.P256} == {key.algorithm for key in member.keys if key.use is KeyUse.KEM}


@pytest.mark.parametrize("seed", [1, 2])
async def test_gateways_that_are_stopped_at_any_moment_lose_and_double_nothing(
    it: Exchange, seed: int
) -> None:
    """Author's and reader's services are cancelled at random awaits, again and again, while events go through."""
    chance = random.Random(seed)
    sent = []
    for n in range(8):
        with it.open("health") as health:
            kind = "concern.raised" if n == 0 else "appointment.missed"
            sent.append(health.publish(a_document(kind, n=n + 1, **HERE)).raw)
        for name in ("health", "cumberland"):
            await _run_for(it, name, chance.random() * 0.25)
    async with it.gateway("health") as health, it.gateway("cumberland") as cumberland:
        await settled(lambda: len(views(cumberland)) == len(sent), within=60)
        await settled(lambda: all(one.readers[0].delivered_ms for one in health.outbox()))
        items = views(cumberland)

    assert sent == [item.message_id for item in items]
    assert {"applied"} == {item.state for item in items}


async def _run_for(it: Exchange, name: str, seconds: float) -> None:
    with it.open(name) as gateway:
        task = asyncio.create_task(GatewayService(gateway, it.server.url).run(asyncio.Event()))
        await asyncio.wait([task], timeout=seconds)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait_for(task, timeout=5)


async def test_the_five_lines_for_vendors_run_as_written(
    it: Exchange, capsys: pytest.CaptureFixture[str]
) -> None:
    _, _, lines = str(adapters.gateway.__doc__).partition("\n\n")
    program = lines.replace("members/m-...", str(it.home("cumberland")))
    event = a_document("plan.opened", n=1, **HERE)
    async with AsyncExitStack() as stack:
        exec(program, {"event": event})  # noqa: S102  the documented lines themselves
        running = await stack.enter_async_context(it.gateway("cumberland"))
        await settled(lambda: views(running))
    exec(program, {"event": event})  # noqa: S102

    assert "plan.opened" in capsys.readouterr().out
