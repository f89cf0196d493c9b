"""A family moves together, and each child by itself; and what waits for a front door, as its people see it."""

import json
import re
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result

from adapters.gateway.frontdoor.actions import Person
from broker.cli.main import main
from tests.support.events import CHILD, CUMBERLAND, SIBLING, WESTMORLAND, a_document
from tests.support.postroom import PostRoom

HERE: Final[dict[str, Any]] = {"residence": {"gss": CUMBERLAND}}
WORKER: Final = Person("Rowan Example", "team manager")
BY: Final = ("--by", "Rowan Example, team manager", "--kind", "permanent", "--plan", "child_protection")


def two_children(room: PostRoom) -> list[str]:
    """Brother and sister on plans in Cumberland, both reported in Westmorland; their handovers."""
    for n, number in enumerate((CHILD, SIBLING)):
        subject = {"nhs_number": number}
        room["cumberland"].publish(a_document("plan.opened", n=10 + n, subject=subject, **HERE))
        room.settle()
        room["health"].publish(a_document("move.notified", n=20 + n, subject=subject))
        room.settle()
    return [view.handover.hex() for view in room["cumberland"].actions.handovers()]


def run(room: PostRoom, name: str, *arguments: str, columns: int = 160) -> Result:
    home = {"HANDRAIL_HOME": str(room.exchange.home(name)), "COLUMNS": str(columns)}
    result = CliRunner().invoke(main, list(arguments), env=home)
    room.settle()
    return result


def together(room: PostRoom, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run(room, name, "handover", "households", "--json").output)
    return found


def test_children_are_asked_for_together_and_accepted_one_by_one(room: PostRoom) -> None:
    first, second = two_children(room)
    left = ("--left-behind", "half-brother-2,half-brother,child", "--left-behind", "adult-3,father")
    asked = run(
        room, "cumberland", "handover", "household", first, second, *BY, *left, "--adults-asked", "2026-03-02"
    )
    room["westmorland"].actions.accept(first, WORKER)
    room.settle()
    [there] = together(room, "westmorland")

    assert 0 == asked.exit_code, asked.output
    assert [there] == together(room, "cumberland")
    assert {first: WESTMORLAND, second: CUMBERLAND} == {
        one["handover"]: one["case_holder"] for one in there["children"]
    }
    assert ["half-brother-2", "adult-3"] == [one["ref"] for one in there["left_behind"]]
    assert {"asked_not_known_on": "2026-03-02", "listed": []} == there["adults_in_contact"]
    shown = run(room, "westmorland", "handover", "households").output
    assert "left behind: adult-3 (father)" in shown
    assert "asked on 2026-03-02, not known" in shown


def test_nobody_asks_for_a_family_without_a_word_on_the_adults(room: PostRoom) -> None:
    first, second = two_children(room)

    assert 2 == run(room, "cumberland", "handover", "household", first, second, *BY).exit_code
    assert [] == together(room, "westmorland")


def test_the_router_does_not_learn_that_the_children_belong_together(room: PostRoom) -> None:
    first, second = two_children(room)
    run(room, "cumberland", "handover", "household", first, second, *BY, "--adults-asked", "2026-03-02")
    [family] = together(room, "cumberland")
    database = (room.exchange.layout.router / "router.db").read_bytes()
    database += (room.exchange.layout.router / "router.db-wal").read_bytes()

    assert bytes.fromhex(first) in database
    assert family["household"].encode() not in database
    assert bytes.fromhex(family["household"]) not in database


@pytest.mark.parametrize("columns", [50, 160], ids=["narrow", "wide"])
def test_what_waits_is_shown_with_its_date_its_reason_and_both_facts(room: PostRoom, columns: int) -> None:
    two_children(room)
    room["health"].publish(a_document("concern.raised", n=30, **HERE))
    room.settle()
    shown = run(room, "cumberland", "watch", "--once", columns=columns)

    assert 0 == shown.exit_code, shown.output
    assert all(len(line) <= columns for line in shown.output.splitlines())
    for word in ("accept or", "referral-decision", "[P-NOT]", "owed by us", "LATE, was due"):
        assert word in shown.output
    assert re.search("case Cumberland.{0,3}\n? *.*safety Westmorland", shown.output, re.DOTALL)


def test_nothing_waits_where_nothing_happened(room: PostRoom) -> None:
    assert "Nothing waits." in run(room, "westmorland", "watch", "--once").output
