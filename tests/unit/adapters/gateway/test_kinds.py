"""Kinds of handover, each by real gateways and a real router: who holds the case, who keeps the child safe, what is owed."""

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from adapters.gateway.frontdoor.actions import Person
from broker.cli.main import main
from schemas.codes.cases import HandoverKind, PlanKind
from schemas.default_policy import default_policy
from schemas.handover import HandoverView
from schemas.kinds import Terms
from schemas.wire import EventClass
from tests.support.events import CUMBERLAND, MOTHER, WESTMORLAND, a_document
from tests.support.other_program import accept_anyhow
from tests.support.postroom import PostRoom

HERE: Final[dict[str, Any]] = {"residence": {"gss": CUMBERLAND}}
WORKER: Final = Person("Rowan Example", "team manager")
PLAN: Final = PlanKind.CHILD_PROTECTION


def the(room: PostRoom, name: str = "cumberland") -> HandoverView:
    """The one handover, as a front door sees it now."""
    [view] = room[name].actions.handovers()
    return view


def owed(view: HandoverView) -> set[str]:
    return {due.kind for due in view.due if not due.met_ms}


def kind(room: PostRoom, name: str) -> HandoverKind | None:
    row, view = room[name].actions.handover("")
    return room[name].asking.kind_of(row, view)


def a_reported_move(room: PostRoom, **details: Any) -> str:
    room["cumberland"].publish(a_document("plan.opened", n=1, **HERE))
    room["health"].publish(a_document("move.notified", n=2, details=details))
    room.settle()
    return the(room).handover.hex()


def test_a_temporary_stay_keeps_the_case_and_is_looked_at_again(room: PostRoom) -> None:
    handover = a_reported_move(room)
    room["cumberland"].asking.ask(handover, WORKER, HandoverKind.TEMPORARY, PLAN)
    room.settle()
    there, here = the(room, "westmorland"), the(room)

    assert there == here
    assert ("staying", CUMBERLAND, WESTMORLAND) == (here.state, here.holder, here.safety)
    assert {"release", "temporary-review"} == owed(here)
    assert HandoverKind.TEMPORARY is kind(room, "westmorland") is kind(room, "cumberland")


def test_nobody_accepts_a_stay(room: PostRoom) -> None:
    """Said at the command, and nothing is sent; after the old area has asked for the case to pass it is accepted."""
    handover = a_reported_move(room)
    room["cumberland"].asking.ask(handover, WORKER, HandoverKind.TEMPORARY, PLAN)
    room.settle()
    before = room["westmorland"].outbox()
    home = str(room["westmorland"].home.folder)
    command = ["handover", "accept", handover[:8], "--home", home, "--by", "Kim Specimen, team manager"]
    told = CliRunner().invoke(main, command)

    assert 2 == told.exit_code
    assert "Cumberland keeps the case: it says that the child only stays here" in told.output
    assert "handover ask ID" in told.output
    assert before == room["westmorland"].outbox()

    room["cumberland"].asking.ask(handover, WORKER, HandoverKind.PERMANENT, PLAN)
    room.settle()
    assert 0 == CliRunner().invoke(main, command).exit_code
    room.settle()
    assert WESTMORLAND == the(room, "westmorland").holder


def test_an_acceptance_of_a_stay_by_another_program_is_given_back(room: PostRoom) -> None:
    """The router holds it against what it knows, whatever a gateway lets out, and says why."""
    handover = a_reported_move(room)
    room["cumberland"].asking.ask(handover, WORKER, HandoverKind.TEMPORARY, PLAN)
    room.settle()
    accept_anyhow(room["westmorland"].actions, handover, WORKER)
    room.settle()

    [back] = [one for one in room["westmorland"].outbox() if one.returned]
    assert "the old area keeps the case" in (back.returned or "")
    assert ("staying", CUMBERLAND) == (the(room).state, the(room).holder)


def test_a_stay_that_becomes_a_move_passes_only_when_both_say_so(room: PostRoom) -> None:
    handover = a_reported_move(room)
    asking = room["cumberland"].asking
    asking.ask(handover, WORKER, HandoverKind.TEMPORARY, PLAN)
    room["cumberland"].actions.release(handover, WORKER)
    room.settle()
    asking.ask(handover, WORKER, HandoverKind.PERMANENT, PLAN)
    room.settle()
    asked = the(room)
    room["westmorland"].actions.accept(handover, WORKER)
    room.settle()
    passed = the(room)

    assert "verified" == asked.state
    assert "acceptance" in owed(asked)
    assert "temporary-review" not in owed(asked)
    assert ("closed", WESTMORLAND) == (passed.state, passed.holder)
    assert "permanence_agreed" in dict(passed.moments)


def test_the_new_area_may_say_that_it_is_no_stay(room: PostRoom) -> None:
    handover = a_reported_move(room)
    room["cumberland"].asking.ask(handover, WORKER, HandoverKind.TEMPORARY, PLAN)
    room.settle()
    room["westmorland"].actions.decline(handover, WORKER, "other", "They have signed a tenancy here.")
    room.settle()

    assert ("declined", CUMBERLAND) == (the(room).state, the(room).holder)
    assert "response" in owed(the(room))


def test_a_child_who_is_back_ends_the_stay_and_the_history_is_decided_on(room: PostRoom) -> None:
    handover = a_reported_move(room)
    room["cumberland"].asking.ask(handover, WORKER, HandoverKind.TEMPORARY, PLAN)
    room["cumberland"].actions.release(handover, WORKER)
    room.settle()
    room["cumberland"].actions.withdraw(handover, WORKER, "They are back.")
    room.settle()

    assert ("withdrawn", "owed") == (the(room).state, the(room).keeping)
    assert {"return-or-retain"} == owed(the(room))


@pytest.mark.parametrize(
    ("event", "details", "expected"),
    [
        ("placement.out_of_area", {}, HandoverKind.PLACEMENT),
        (
            "placement.out_of_area",
            {"at_a_distance": True, "approved_by": "director of children's services"},
            HandoverKind.PLACEMENT,
        ),
        ("secure.entered", {"home_area": CUMBERLAND, "host_area": WESTMORLAND}, HandoverKind.SECURE),
    ],
    ids=["placed next door", "placed at a distance", "secure setting"],
)
def test_its_own_signed_event_says_that_the_case_stays(
    room: PostRoom, event: str, details: dict[str, Any], expected: HandoverKind
) -> None:
    """Home and host are both shown, in the moment of the event: nobody need press anything."""
    room["cumberland"].publish(a_document("plan.opened", n=1, **HERE))
    room.settle()
    room["cumberland"].publish(a_document(event, n=2, details=details, **HERE))
    room.settle()
    view = the(room, "westmorland")

    assert ("staying", CUMBERLAND, WESTMORLAND) == (view.state, view.holder, view.safety)
    assert expected is kind(room, "westmorland")


def test_the_new_areas_own_word_does_not_make_the_old_one_say_that_the_case_stays(room: PostRoom) -> None:
    room["cumberland"].publish(a_document("plan.opened", n=1, **HERE))
    room.settle()
    there: dict[str, Any] = {"residence": {"gss": WESTMORLAND}, "acting_area": WESTMORLAND}
    room["westmorland"].publish(a_document("placement.out_of_area", n=2, **there))
    room.settle()

    assert ("noticed", CUMBERLAND, WESTMORLAND) == (
        the(room).state,
        the(room).holder,
        the(room).safety,
    )


def test_a_placement_at_a_distance_is_refused_without_an_approval(room: PostRoom) -> None:
    with pytest.raises(Exception, match="approv"):
        room["cumberland"].publish(
            a_document("placement.out_of_area", details={"at_a_distance": True}, **HERE)
        )


def test_a_step_down_inside_one_area_moves_nothing_between_areas(room: PostRoom) -> None:
    room["cumberland"].publish(a_document("plan.opened", n=1, **HERE))
    room.settle()
    inside = {"to_area": CUMBERLAND, "kind": "service"}
    room["cumberland"].publish(a_document("transfer.requested", n=2, details=inside, **HERE))
    room["cumberland"].publish(a_document("transfer.accepted", n=3, details={"to_area": CUMBERLAND}, **HERE))
    room.settle()

    assert [] == room["cumberland"].actions.handovers() == room["westmorland"].actions.handovers()
    assert 2 == sum(item.kind.name == "VIEW" for item in room["cumberland"].inbox()[1:])


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (["--accept"], "transfer.accepted"),
        (
            ["--refuse", "assessment_unfinished", "--because", "The assessment is not done."],
            "transfer.refused",
        ),
    ],
)
def test_one_service_asks_another_by_a_command(room: PostRoom, answer: list[str], told: str) -> None:
    room["cumberland"].publish(a_document("plan.opened", n=1, **HERE))
    room.settle()
    run, home = CliRunner().invoke, {"HANDRAIL_HOME": str(room.exchange.home("cumberland"))}
    words = ["handover", "inside", "--nhs", "999 000 0018", "--plan", "child_in_need", "--by", "Rowan, lead"]
    said = [run(main, [*words, *more], env=home) for more in ([], answer)]
    wrong = run(main, [*words, "--accept", *answer, "--because", "No."], env=home)
    room.settle()
    child = next(item.child for item in room["cumberland"].inbox() if item.child is not None)
    read = [line.read.type for line in room["cumberland"].chronology(child) if line.read is not None]

    assert [0, 0] == [one.exit_code for one in said], said[0].output + said[1].output
    assert 2 == wrong.exit_code
    assert ["plan.opened", "transfer.requested", told] == read
    assert [] == room["cumberland"].actions.handovers()


def test_the_router_learns_of_no_kind_but_whether_the_case_is_to_pass(room: PostRoom) -> None:
    handover = a_reported_move(room)
    room["cumberland"].asking.ask(handover, WORKER, HandoverKind.TEMPORARY, PLAN)
    room.settle()
    with room.store.work() as work:
        entries = [row.body for row in work.outgoing.waiting_audit(1000)]

    assert any(b"stays" in body for body in entries)
    assert not any(
        word in body for body in entries for word in (b"temporary\x00", b"transfer", b"child_protection")
    )


def test_an_area_outside_the_exchange_gets_a_pack_and_its_receipt_is_unproven(
    room: PostRoom, tmp_path: Path
) -> None:
    """Leeds is no member. What may be shared only after asking is not printed; the case moves nowhere."""
    voice = {"words": "<script>alert(1)</script>", "setting": "school", "on": "2026-02-27"}
    room["cumberland"].publish(a_document("plan.opened", n=1, **HERE))
    room["health"].publish(a_document("voice.recorded", n=2, details={"voice": voice}, **HERE))
    room["health"].publish(a_document("concern.raised", n=3, onward="ask_me", **HERE))
    room.settle()
    room["health"].publish(a_document("move.notified", n=4, details={"to_area": "E08000035"}))
    room.settle()
    view, out = the(room), tmp_path / "pack.html"
    before = kind(room, "cumberland")
    run, home = CliRunner().invoke, {"HANDRAIL_HOME": str(room.exchange.home("cumberland")), "COLUMNS": "160"}
    begin = view.handover.hex()[:8]
    by = ["--by", "Rowan Example, team manager"]
    made = run(
        main, ["handover", "pack", begin, *by, "--to", "duty desk, Leeds", "--out", str(out)], env=home
    )
    noted = run(
        main, ["handover", "receipt", begin, *by, "--from", "duty manager", "--on", "2026-03-05"], env=home
    )
    room.settle()
    page, shown = out.read_text(), run(main, ["handover", "show", begin], env=home).output

    assert (0, 0) == (made.exit_code, noted.exit_code), made.output + noted.output
    assert HandoverKind.NON_MEMBER is before
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "1 entries are not here" in page
    assert not {"<script", "http://", "https://", "src="} & set(re.findall(r"<script|https?://|src=", page))
    assert 0o600 == out.stat().st_mode & 0o777
    assert "duty manager (typed by team manager): unproven" in shown
    assert ("noticed", CUMBERLAND) == (the(room).state, the(room).holder)


def test_a_newborn_carries_on_the_unborn_record_by_a_persons_word(room: PostRoom) -> None:
    """The history before the birth, an open handover and the number of the child: one child from then on."""
    unborn = {"unborn": {"mother_nhs_number": MOTHER, "pregnancy_ref": "preg-1"}}
    room["cumberland"].publish(a_document("plan.opened", n=1, subject=unborn, **HERE))
    room.settle()
    room["health"].publish(a_document("move.notified", n=2, subject=unborn))
    room.settle()
    before = kind(room, "westmorland")
    run, home = CliRunner().invoke, {"HANDRAIL_HOME": str(room.exchange.home("cumberland")), "COLUMNS": "160"}
    said = run(
        main,
        [
            "identity",
            "link",
            "--nhs",
            "999 000 0018",
            "--unborn",
            MOTHER,
            "preg-1",
            "--by",
            "Rowan Example, social worker",
            "--why",
            "Birth seen in the hospital's record.",
        ],
        env=home,
    )
    room.settle()
    room["health"].publish(a_document("appointment.missed", n=3))
    room.settle()
    child = the(room).handover.hex()
    row, _ = room["cumberland"].actions.handover(child)
    told = [line.read.type for line in room["cumberland"].chronology(row.child.hex())]  # type: ignore[union-attr]

    assert 0 == said.exit_code, said.output
    assert HandoverKind.UNBORN is before
    assert ["plan.opened", "move.notified", "appointment.missed"] == [
        t for t in told if t != "identity.linked"
    ]
    assert 1 == len(room["westmorland"].actions.handovers())


def test_twins_move_apart_and_each_is_born_by_itself(room: PostRoom) -> None:
    """One pregnancy, two children: each has a record, a handover and a number of its own; one may go while one stays."""
    first = {"unborn": {"mother_nhs_number": MOTHER, "pregnancy_ref": "preg-1"}}
    second = {"unborn": {"mother_nhs_number": MOTHER, "pregnancy_ref": "preg-1", "child": 2}}
    for n, one in enumerate((first, second)):
        more = {"details": {"plan_ref": f"pre-birth-{n}"}, **HERE}
        room["cumberland"].publish(a_document("plan.opened", n=1 + n, subject=one, **more))
    room.settle()
    for n, one in enumerate((first, second)):
        room["health"].publish(a_document("move.notified", n=3 + n, subject=one))
    room.settle()
    both = [view.handover.hex() for view in room["westmorland"].actions.handovers()]
    assert 2 == len(both)
    taken = both[1]
    room["westmorland"].actions.accept(taken, WORKER)
    room.settle()
    run, home = CliRunner().invoke, {"HANDRAIL_HOME": str(room.exchange.home("cumberland")), "COLUMNS": "160"}
    words = ["--by", "Rowan Example, social worker", "--why", "Both births seen in the hospital's record."]
    for number, which in (("999 000 0018", []), ("999 000 0026", ["--child", "2"])):
        ends = ["--nhs", number, "--unborn", MOTHER, "preg-1", *which]
        said = run(main, ["identity", "link", *ends, *words], env=home)
        assert 0 == said.exit_code, said.output
        room.settle()

    states = {view.handover.hex(): view.state for view in room["westmorland"].actions.handovers()}
    assert 2 == len(states)
    assert ["closed", "noticed"] == sorted(states.values())
    assert "closed" == states[taken]
    children = {row.child for row in (room["cumberland"].actions.handover(one)[0] for one in both)}
    assert 2 == len(children)
    said = run(main, ["identity", "link", "--nhs", "999 000 0018", "--child", "2", *words], env=home)
    assert 2 == said.exit_code


def test_people_say_and_see_it_by_commands(room: PostRoom) -> None:
    handover = a_reported_move(room)
    run = CliRunner().invoke
    home = {"HANDRAIL_HOME": str(room.exchange.home("cumberland")), "COLUMNS": "160"}
    words = ["--kind", "temporary", "--plan", "child_protection", "--by", "Rowan Example, team manager"]
    said = run(main, ["handover", "ask", handover[:8], *words], env=home)
    room.settle()
    shown = run(main, ["handover", "show", handover[:8]], env=home).output
    document = json.loads(run(main, ["handover", "show", handover[:8], "--json"], env=home).output)

    assert 0 == said.exit_code, said.output
    assert "stays elsewhere for a while" in shown
    assert ("temporary", "staying") == (document["move"], document["state"])


def test_every_kind_has_a_rule_and_every_rule_a_clock_that_the_policy_knows() -> None:
    policy = default_policy()

    assert set(HandoverKind) == {rule.kind for rule in policy.kinds}
    assert {key for rule in policy.kinds for key in rule.clocks} <= {clock.key for clock in policy.clocks}
    assert all(
        policy.rule(event).event_class is EventClass.MOVE for rule in policy.kinds for event in rule.opened_by
    )
    assert all(rule.terms is Terms.STAYS for rule in policy.kinds if rule.by_policy)
