"""By commands alone: an acceptance that is contested, a history that is returned, a handover after a wrong link."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result

from broker.cli.main import main
from tests.support.events import CHILD, CUMBERLAND, PUPIL, a_document
from tests.support.postroom import PostRoom

HERE = {"residence": {"gss": CUMBERLAND}}
BY = "Rowan Example, team manager"
Run = Callable[..., Result]


@pytest.fixture
def run(room: PostRoom) -> Run:
    """Run one command in a member's home; everything is carried where it belongs afterwards."""

    def go(name: str, *arguments: str) -> Result:
        home = str(room.exchange.home(name))
        result = CliRunner().invoke(main, list(arguments), env={"HANDRAIL_HOME": home, "COLUMNS": "160"})
        room.settle()
        return result

    return go


def shown(run: Run, name: str, handover: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(name, "handover", "show", handover, "--json").stdout)
    return found


def test_an_acceptance_on_ones_own_word_is_contested_and_settled(run: Run, room: PostRoom) -> None:
    room["cumberland"].publish(a_document("plan.opened", n=1, **HERE))
    room["westmorland"].publish(a_document("move.notified", n=2, acting_area="E06000064"))
    room.settle()
    handover = room["westmorland"].actions.handovers()[0].handover.hex()
    accepted = run("westmorland", "handover", "accept", handover, "--by", BY)
    waiting = run("cumberland", "handover", "show", handover)
    contested = run("cumberland", "handover", "contest", handover, "--by", BY, "--because", "Not there.")
    disputed = shown(run, "westmorland", handover)
    released = run("cumberland", "handover", "release", handover, "--by", BY)

    assert "may contest it" in accepted.output
    assert "may contest that within one working day" in waiting.output
    assert "case holder: Cumberland" in waiting.output
    assert "this area keeps the case" in contested.output
    assert ("disputed", CUMBERLAND) == (disputed["state"], disputed["case_holder"])
    assert 0 == released.exit_code
    assert ("closed", "E06000064") == (
        shown(run, "cumberland", handover)["state"],
        shown(run, "cumberland", handover)["case_holder"],
    )


def test_a_history_that_was_read_in_vain_is_returned(run: Run, room: PostRoom) -> None:
    room["cumberland"].publish(a_document("plan.opened", n=1, **HERE))
    room["health"].publish(a_document("move.notified", n=2))
    room.settle()
    handover = room["westmorland"].actions.handovers()[0].handover.hex()
    run("cumberland", "handover", "release", handover, "--by", BY)
    run("cumberland", "handover", "withdraw", handover, "--by", BY, "--because", "Came back.")
    before = run("westmorland", "handover", "show", handover)
    decided = run(
        "westmorland",
        *("handover", "return-or-retain", handover, "--by", BY),
        *("--decision", "return", "--because", "Not needed."),
    )

    assert "a person there must decide" in before.output
    assert 0 == decided.exit_code
    assert "return" == shown(run, "cumberland", handover)["history_read"]
    assert "return" == shown(run, "westmorland", handover)["history_read"]


def test_after_a_wrong_link_each_front_door_acts_for_its_own_child(run: Run, room: PostRoom) -> None:
    """The pupil moves while the records are one; parted again, its handover is accepted, and the other child's stays."""
    room["cumberland"].publish(a_document("plan.opened", n=1, subject={"nhs_number": CHILD}, **HERE))
    room["cumberland"].publish(
        a_document("plan.opened", n=2, subject={"upn": PUPIL}, details={"plan_ref": "of the pupil"}, **HERE)
    )
    room.settle()
    both = ("--nhs", CHILD, "--upn", PUPIL, "--by", BY, "--why", "Compared.")
    run("cumberland", "identity", "link", *both)
    room["school"].publish(a_document("move.notified", n=3, subject={"upn": PUPIL}))
    room.settle()
    [link] = [
        str(one.event_id)
        for one in room["cumberland"].outbox()
        if str(one.event_id) not in {a_document("plan.opened", n=n)["id"] for n in (1, 2)}
    ]
    undone = run("cumberland", "identity", "unlink", *both, "--link", link)
    handover = room["westmorland"].actions.handovers()[0].handover.hex()
    accepted = run("westmorland", "handover", "accept", handover, "--by", BY)

    assert 0 == undone.exit_code, undone.output
    assert 0 == accepted.exit_code, accepted.output
    assert ("closed", "E06000064") == (
        shown(run, "cumberland", handover)["state"],
        shown(run, "cumberland", handover)["case_holder"],
    )
    assert {"E06000064"} == {view.holder for view in room["cumberland"].actions.handovers()}
