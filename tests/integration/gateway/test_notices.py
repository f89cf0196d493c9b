"""People are told by the member's own gateway, the router hears of it, and the operator steps in where nobody was."""

import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from adapters.gateway.commands.notices import notices
from adapters.gateway.duties.notifying import Notifying
from broker.clock import from_ms
from broker.notices.words import reference
from broker.operator.lines import Verdict
from broker.operator.notices import judge_notices
from broker.operator.notifier import FOLDER, PATIENCE, Notifier
from broker.operator.situation import look
from schemas.deadlines import RUNGS, SEEN
from schemas.handover import HandoverView
from schemas.members import DutyContact
from schemas.wire import Urgency
from tests.support.events import CUMBERLAND, WESTMORLAND, a_document
from tests.support.exchange import Exchange, exchange, settled
from tests.support.listeners import Mailbox, mail_server

HERE: Final = {"residence": {"gss": CUMBERLAND}}


@pytest.fixture
async def it(tmp_path: Path) -> AsyncIterator[Exchange]:
    async with exchange(tmp_path) as made, made.router():
        yield made


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mail_server() as made:
        yield made


def with_contacts(it: Exchange, name: str) -> None:
    contacts = tuple(
        DutyContact.model_validate(
            {"hours": hours, "rung": rung, "role": f"{rung} on duty", "contact": f"{rung}@example.org"}
        )
        for rung in RUNGS
        for hours in ("day", "night", "holiday")
    )
    it.issuer().set_contacts(it.members[name], contacts)


def by_mail(folder: Path, box: Mailbox) -> None:
    folder.mkdir(exist_ok=True, mode=0o700)
    (folder / "notices.toml").write_text(
        f'where = "the example gateway"\n[smtp]\nhost = "127.0.0.1"\nport = {box.port}\ntls = "none"\n'
        'sender = "handrail@example.org"\n'
    )


async def noticed(it: Exchange, **details: object) -> HandoverView:
    """A child on a plan in Cumberland is reported to have moved."""
    async with it.gateway("cumberland") as cumberland, it.gateway("health") as health:
        cumberland.publish(a_document("plan.opened", n=1, **HERE))
        await settled(lambda: all(one.sent_ms for one in cumberland.outbox()))
        await settled(cumberland.inbox)
        health.publish(a_document("move.notified", n=2, residence={"gss": WESTMORLAND}, details=details))
        return (await settled(cumberland.actions.handovers))[0]


def owed_by(view: HandoverView, member: str) -> datetime:
    return from_ms(next(one.due_ms for one in view.due if one.owner == member))


async def tell(it: Exchange, now: datetime) -> None:
    """One pass of the old area's gateway as if it were that late; what it says to the router waits in its outbox."""
    with (
        it.open("cumberland", clock=lambda: now) as gateway,
        Notifying(gateway.home, gateway.publishing) as notifying,
    ):
        await notifying.tick()


async def test_a_gateway_tells_its_people_and_the_router_hears_that_they_were_told(
    it: Exchange, box: Mailbox
) -> None:
    with_contacts(it, "cumberland")
    by_mail(it.home("cumberland"), box)
    view = await noticed(it)
    due = owed_by(view, it.members["cumberland"])
    await tell(it, due + timedelta(minutes=1))
    async with it.gateway("cumberland"):
        told = await settled(lambda: _told(it.layout.router / "router.db"))

        assert {"worker", "team_manager"} >= {rung for _, rung in told}
    assert ["worker@example.org", "team_manager@example.org"] == box.to
    assert all(reference(view.handover) in text for text in box.texts)


@pytest.mark.parametrize("told", [True, False], ids=["told by its gateway", "told by nobody"])
async def test_the_operator_steps_in_only_where_nobody_was_told(
    it: Exchange, box: Mailbox, told: bool
) -> None:
    with_contacts(it, "cumberland")
    view = await noticed(it)
    due = owed_by(view, it.members["cumberland"])
    by_mail(it.layout.data / FOLDER, box)
    if told:
        with mail_server() as own:
            by_mail(it.home("cumberland"), own)
            await tell(it, due + timedelta(minutes=1))
            async with it.gateway("cumberland"):
                await settled(lambda: _told(it.layout.router / "router.db"))
    with closing(Notifier(it.layout)) as notifier:
        early = notifier.tick(due + PATIENCE - timedelta(seconds=1))
        then = notifier.tick(due + PATIENCE)
        again = notifier.tick(due + PATIENCE + timedelta(minutes=1))

    assert [] == early == again
    assert ([] if told else ["worker", "team_manager"]) == [one.rung for one in then]
    assert len(then) == len(box.mails)


async def test_a_mail_server_that_is_away_is_seen_and_holds_up_nothing(it: Exchange) -> None:
    with_contacts(it, "cumberland")
    view = await noticed(it)
    due = owed_by(view, it.members["cumberland"])
    with mail_server() as gone:
        by_mail(it.home("cumberland"), gone)
    await tell(it, due + timedelta(minutes=1))
    async with it.gateway("cumberland"), it.gateway("health") as health:
        health.publish(a_document("appointment.missed", n=3, **HERE))
        await settled(lambda: all(one.sent_ms for one in health.outbox()))
        [failing, fine] = judge_notices(look(it.layout, due + timedelta(minutes=2)))

    assert (Verdict.LOOK, Verdict.OK) == (failing.verdict, fine.verdict)
    assert {"no-connection": 2} == failing.facts["failing"]


async def test_what_a_person_has_seen_holds_the_operator_too_and_only_for_its_time(
    it: Exchange, box: Mailbox
) -> None:
    """The gateway tells worker and team manager, one acknowledges, and then the gateway is gone for good."""
    with_contacts(it, "cumberland")
    by_mail(it.home("cumberland"), box)
    by_mail(it.layout.data / FOLDER, box)
    view = await noticed(it)
    due = owed_by(view, it.members["cumberland"])
    await tell(it, due + timedelta(minutes=1))
    home = str(it.home("cumberland"))
    CliRunner().invoke(notices, ["ack", "--home", home, reference(view.handover), "--by", "Rowan Example"])
    seen_at = datetime.now(UTC)
    await tell(it, due + timedelta(minutes=2))
    async with it.gateway("cumberland"):
        await settled(lambda: SEEN in {rung for _, rung in _told(it.layout.router / "router.db")})
    held = max(due + timedelta(hours=4), seen_at + timedelta(hours=4))
    with closing(Notifier(it.layout)) as notifier:
        during = notifier.tick(held - timedelta(minutes=1))
        after = notifier.tick(held + PATIENCE + timedelta(minutes=1))

    assert [] == during
    assert ["service_manager"] == [one.rung for one in after]


async def test_the_operator_goes_on_where_a_gateway_fell_silent_midway(it: Exchange, box: Mailbox) -> None:
    """Its gateway told worker and team manager, and was never seen again: the next person up hears it from here."""
    with_contacts(it, "cumberland")
    by_mail(it.home("cumberland"), box)
    by_mail(it.layout.data / FOLDER, box)
    view = await noticed(it)
    due = owed_by(view, it.members["cumberland"])
    await tell(it, due + timedelta(minutes=1))
    async with it.gateway("cumberland"):
        await settled(lambda: _told(it.layout.router / "router.db"))
    with closing(Notifier(it.layout)) as notifier:
        soon = notifier.tick(due + timedelta(hours=4))
        then = notifier.tick(due + timedelta(hours=4) + PATIENCE)

    assert [] == soon
    assert ["service_manager"] == [one.rung for one in then]


async def test_what_is_most_urgent_is_most_urgent_to_the_operator_too(it: Exchange, box: Mailbox) -> None:
    """A child on a protection plan: nothing is held back to be told together with something else later."""
    with_contacts(it, "cumberland")
    by_mail(it.layout.data / FOLDER, box)
    view = await noticed(it, live=["child_protection_plan"])
    due = owed_by(view, it.members["cumberland"])
    with closing(Notifier(it.layout)) as notifier:
        then = notifier.tick(due + PATIENCE)

    assert Urgency.U0 == view.urgency
    assert then
    assert all(one.urgent for one in then)


async def test_what_could_not_be_told_is_an_alarm_of_the_gateway(it: Exchange) -> None:
    with_contacts(it, "cumberland")
    view = await noticed(it)
    due = owed_by(view, it.members["cumberland"])
    with mail_server() as gone:
        by_mail(it.home("cumberland"), gone)
    await tell(it, due + timedelta(minutes=1))
    with it.open("cumberland") as gateway:
        found = [alarm for alarm in gateway.alarms() if alarm.code == "notice-not-sent"]

    assert [view.handover.hex()] * 2 == [alarm.about for alarm in found]
    assert all("no-connection" in alarm.says for alarm in found)


async def test_people_are_told_of_a_gateways_own_clocks_and_the_router_is_not(
    it: Exchange, box: Mailbox
) -> None:
    """A concern must be answered within a day: the router cannot know that it is one."""
    with_contacts(it, "cumberland")
    by_mail(it.home("cumberland"), box)
    async with it.gateway("cumberland") as cumberland, it.gateway("health") as health:
        event = health.publish(a_document("concern.raised", n=1, **HERE))
        await settled(cumberland.inbox)
        await settled(lambda: {row.key for row in cumberland.clocking.open()} >= {"referral-decision"})
    await tell(it, datetime.now(UTC))
    async with it.gateway("cumberland") as cumberland:
        await settled(lambda: all(one.sent_ms for one in cumberland.outbox()))
    told = sqlite3.connect(it.layout.router / "router.db")
    with closing(told):
        words = "\n".join(told.iterdump())

    assert any(event.raw.hex()[:8] in text and "referral decision" in text for text in box.texts)
    assert "referral" not in words
    assert [] == _told(it.layout.router / "router.db")


async def test_a_person_lists_and_acknowledges(it: Exchange, box: Mailbox) -> None:
    with_contacts(it, "cumberland")
    by_mail(it.home("cumberland"), box)
    view = await noticed(it)
    await tell(it, owed_by(view, it.members["cumberland"]) + timedelta(minutes=1))
    home = str(it.home("cumberland"))
    run = CliRunner().invoke
    acknowledged = run(notices, ["ack", "--home", home, reference(view.handover), "--by", "Rowan Example"])
    listed = json.loads(run(notices, ["list", "--home", home, "--json"]).output)
    shown = run(notices, ["list", "--home", home]).output

    assert "2 acknowledged. Due dates stand as they are." in acknowledged.output
    assert ["Rowan Example"] * 2 == [one["acknowledged_by"] for one in listed]
    assert reference(view.handover) in shown
    assert 2 == run(notices, ["ack", "--home", home, "ffffffff", "--by", "x"]).exit_code


def _told(database: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return list(connection.execute("SELECT kind, rung FROM notices_sent"))
