"""People are told by the member's own gateway, the router hears of it, and the operator steps in where nobody was."""

import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from adapters.gateway.notifying import Notifying
from adapters.gateway.notifying_cli import notices
from broker.clock import from_ms
from broker.notices.words import reference
from broker.operator.lines import Verdict
from broker.operator.notices import judge_notices
from broker.operator.notifier import FOLDER, PATIENCE, Notifier
from broker.operator.situation import look
from schemas.deadlines import RUNGS
from schemas.handover import HandoverView
from schemas.members import DutyContact
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


async def noticed(it: Exchange) -> HandoverView:
    """A child on a plan in Cumberland is reported to have moved."""
    async with it.gateway("cumberland") as cumberland, it.gateway("health") as health:
        cumberland.publish(a_document("plan.opened", n=1, **HERE))
        await settled(lambda: all(one.sent_ms for one in cumberland.outbox()))
        await settled(cumberland.inbox)
        health.publish(a_document("move.notified", n=2, residence={"gss": WESTMORLAND}))
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
