"""Each question of the catalogue over a trail whose answer is known beforehand, and over an empty one."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from broker.board.questions import CATALOGUE, Mark, Takes
from broker.clock import to_ms
from schemas.audit import EntryKind
from schemas.wire import EventClass, ReceiptKind
from tests.support.audit_trail import AT_MS, an_id
from tests.support.board import ASKED_AT, Board, a_board_of, table
from tests.support.directory import CUMBERLAND, WESTMORLAND
from tests.support.exchange import Exchange
from tests.support.telling import DAY_MS, Ask, Telling


@pytest.mark.parametrize("key", CATALOGUE)
def test_a_node_without_an_entry_measures_nothing_and_says_what_to_do(board: Board, key: str) -> None:
    """As after its store was lost: none of its noughts would be one."""
    given: dict[str, Any] = {"sample": 5} if Takes.CHILD in CATALOGUE[key].needs else {}
    answer = board.ask(key, **given)

    assert (key in {"Q18", "Q25"}) is answer.measured
    if CATALOGUE[key].from_trail:
        assert ((), ()) == (answer.rows, answer.summary)
        assert "no entry of the trail is at this node" in str(answer.why_not)
        assert "handrail board run" in str(answer.why_not)


@pytest.fixture
def of_elsewhere(board: Board) -> Board:
    """It has read a trail on which nothing is of its areas."""
    trail = Telling()
    trail.add(EntryKind.CHILD_TOKEN, child=an_id("far"), tokens=[], areas=["E06000047"])
    board.reads(trail)
    return board


def test_what_has_not_reached_this_node_is_named_with_the_answer(board: Board) -> None:
    trail = Telling()
    for number in range(3):
        trail.add(EntryKind.CHILD_TOKEN, child=an_id(f"far {number}"), tokens=[], areas=["E06000047"])
        trail.skip()
    trail.add(EntryKind.CHILD_TOKEN, child=an_id("last"), tokens=[], areas=["E06000047"])
    board.reads(trail)

    assert any("3 entries have not reached this node" in note for note in board.ask("Q2").notes)


@pytest.mark.parametrize("key", CATALOGUE)
def test_over_an_empty_trail_every_question_has_an_answer_and_none_is_a_figure_of_nothing(
    of_elsewhere: Board, key: str
) -> None:
    """No source means "not measured", with the source that is needed; a source that is empty means nothing found."""
    needs_child = Takes.CHILD in CATALOGUE[key].needs
    given: dict[str, Any] = {"case": "CC-1"} if needs_child else {}
    answer = of_elsewhere.ask(key, **given)

    assert answer.measured == (answer.why_not is None)
    assert answer.measured or "Needed:" in str(answer.why_not)
    assert not answer.measured or answer.summary
    assert {True} == {len(row) == len(answer.columns) for row in answer.rows} | {True}


@pytest.mark.parametrize("key", ["Q6", "Q7", "Q10", "Q16", "Q17", "Q21", "Q22"])
def test_what_has_no_source_is_not_measured_and_never_nought(of_elsewhere: Board, key: str) -> None:
    answer = of_elsewhere.ask(key)

    assert not answer.measured
    assert () == answer.rows
    assert "Needed:" in str(answer.why_not)


def test_conferences_in_time_by_the_calendar_of_the_receiving_area(ask: Ask, trail: Telling) -> None:
    """Noticed on 2 March 2026: fifteen working days end on 23 March."""
    for number in range(6):
        trail.move(f"good {number}", "accept", "conference-held", days=7)
    for number in range(7):
        trail.move(f"late {number}", "accept", "conference-held", days=15)
    for number in range(5):
        trail.move(f"never {number}", "accept", days=1)
    trail.move("of no plan", "accept", days=1, state="closed")

    whole = ask("Q2")[-1]

    assert (18, 6, 12, 0) == tuple(whole[name] for name in ("moves", "in_time", "late", "running"))
    assert 33.3 == whole["percent"]


def test_copies_that_nobody_opened(ask: Ask, trail: Telling) -> None:
    trail.share("plan", "plan.opened", readers=[[trail.member("school"), 1], [trail.member("health"), 1]])
    trail.receipt("plan", "health", ReceiptKind.OPENED)
    trail.receipt("plan", "school", ReceiptKind.DELIVERED)
    due = {"about": an_id("handover"), "owed": "release", "due_ms": 1, "rung": "team_manager"}
    trail.add(
        EntryKind.HANDOVER,
        child=an_id("child"),
        handover=an_id("handover"),
        from_area=CUMBERLAND,
        step="noticed",
    )
    trail.add(EntryKind.NOTICE_SENT, owner=trail.member("school"), **due)

    (left,) = ask("Q4", hours=24)

    assert ("Example school", "plan opened", "team manager") == (left["inbox"], left["what"], left["told"])
    assert left["delivered"] is not None
    assert [] == ask("Q4", hours=24, member="Example health")
    assert [] == ask("Q4", hours=24 * 365)


def test_decisions_not_to_share(ask: Ask, trail: Telling) -> None:
    trail.share("kept", "share.declined")
    trail.share("given", "plan.opened")

    assert [("Example school", Mark.NOT_MEASURED)] == [(row["by"], row["reversed"]) for row in ask("Q5")]


def test_two_plans_without_joint_contact_in_ten_working_days(ask: Ask, trail: Telling) -> None:
    trail.share("first", "plan.opened", child="both")
    trail.share("second", "plan.opened", child="both", author="health")
    for child in ("reviewed", "ended"):
        trail.share(f"one {child}", "plan.opened", child=child)
        trail.share(f"two {child}", "plan.opened", child=child, author="health")
    trail.share("talked", "plan.joint_review_recorded", child="reviewed")
    trail.share("closed", "plan.closed", child="ended", author="health")

    rows = {row["child"]: row["late"] for row in ask("Q8")}

    assert {an_id("both").hex()[:8]: "yes", an_id("reviewed").hex()[:8]: "no"} == rows


def test_an_incident_that_reached_no_school_is_not_measured_where_no_terms_are_known(
    ask: Ask, trail: Telling
) -> None:
    trail.share("night", "da.incident", author="police")

    (row,) = ask("Q9")

    assert (Mark.NOT_MEASURED, None) == (row["due"], row["reached"])
    assert "no school terms" in row["state"]


def test_what_members_tried_beyond_their_role(ask: Ask, trail: Telling) -> None:
    for code in ("wrong-acting-area", "bad-signature"):
        trail.add(EntryKind.REFUSED, member=trail.member("school"), code=code)
    trail.taken("event")
    trail.add(EntryKind.WITHHELD, event=an_id("event"), readers=[trail.member("police")])

    assert ["refused: wrong acting area", "a view was withheld: the policy does not admit it"] == [
        row["what"] for row in ask("Q11")
    ]


def test_what_failed_by_member(ask: Ask, trail: Telling) -> None:
    for _ in range(3):
        trail.add(EntryKind.REFUSED, member=trail.member("school"), code="bad-signature")
    trail.add(EntryKind.FLOOD, member=trail.member("school"), count=40)
    trail.taken("ahead", claimed_ms=AT_MS + 10 * 60_000)

    found = {row["what"]: row["count"] for row in ask("Q12")}

    assert {
        "refused: bad signature": 3,
        "refused beyond the list": 40,
        "clock more than five minutes ahead": 1,
    } == found


def test_records_joined_and_parted_and_who_had_been_told(ask: Ask, trail: Telling) -> None:
    link = {
        "child": an_id("child"),
        "kept": an_id("child"),
        "areas": [CUMBERLAND],
        "by": trail.member("cumberland"),
    }
    trail.add(EntryKind.LINKED, event=an_id("link"), merged=[an_id("other")], **link)
    trail.add(
        EntryKind.UNLINKED, event=an_id("unlink"), split=an_id("other"), told=[trail.member("school")], **link
    )
    trail.taken("stranger", child="nobody", origin=None, holder=None)
    rows = ask("Q13")

    assert ["joined", "parted: the match was wrong"] == [row["what"] for row in rows][:2]
    assert "Example school" == rows[1]["told"]


def test_members_that_have_gone_silent(ask: Ask, trail: Telling) -> None:
    trail.taken("event", author="school")
    trail.receipt("event", "cumberland", ReceiptKind.OPENED, after_ms=85 * DAY_MS)

    silent = {row["member"]: row["days"] for row in ask("Q14", days=20)}

    assert "Example cumberland" not in silent
    assert 90 < silent["Example school"] < 92
    assert "Example police" in silent


def test_who_is_not_a_member(ask: Ask) -> None:
    rows = {(row["area"], row["kind"]): row["members"] for row in ask("Q18", area=CUMBERLAND)}

    assert {"school": 1, "gp": 0, "housing": 0} == {
        kind: count for (_, kind), count in rows.items() if kind in {"school", "gp", "housing"}
    }


def test_three_areas_within_a_year(ask: Ask, trail: Telling) -> None:
    trail.move("settled")
    trail.move("moving")
    trail.move(
        "moving", handover=an_id("again"), from_area=WESTMORLAND, to_area="E06000047", after_ms=200 * DAY_MS
    )
    trail.move("slow")
    trail.move(
        "slow", handover=an_id("later"), from_area=WESTMORLAND, to_area="E06000047", after_ms=400 * DAY_MS
    )

    assert [an_id("moving").hex()[:8]] == [row["child"] for row in ask("Q19")]


def test_declined_handovers_and_who_settled_them(ask: Ask, trail: Telling) -> None:
    trail.move("taken", "decline", "release", "accept", days=4)
    trail.move("dropped", "decline", "withdraw", days=2)
    trail.move("fought", "decline", "disputed", "accept", days=5)
    trail.move("waiting", "decline")

    rows = {row["child"]: (row["days"], row["settled"]) for row in ask("Q20")}

    assert (8.0, "the new area accepted") == rows[an_id("taken").hex()[:8]]
    assert (2.0, "the old area withdrew") == rows[an_id("dropped").hex()[:8]]
    assert (10.0, "the heads of service") == rows[an_id("fought").hex()[:8]]
    assert "nobody so far (decline)" == rows[an_id("waiting").hex()[:8]][1]


def test_notices_a_day_and_how_many_were_acted_on(ask: Ask, trail: Telling) -> None:
    trail.move("child")
    owner = trail.member("westmorland")
    for due in range(4):
        about = {"about": an_id("handover child"), "owed": "acceptance", "due_ms": due, "owner": owner}
        trail.add(EntryKind.NOTICE_SENT, rung="worker", after_ms=due * DAY_MS, **about)
        if due == 0:
            trail.add(EntryKind.OVERDUE, **about)

    (row,) = ask("Q24")

    assert (4, 1.0, 3, 75.0) == tuple(row[name] for name in ("notices", "per_day", "acted", "percent"))


def test_a_question_about_a_period_or_one_area_leaves_out_the_rest(ask: Ask, trail: Telling) -> None:
    trail.share("march", "share.declined")
    trail.share("june", "share.declined", after_ms=90 * DAY_MS, area=WESTMORLAND)
    first_of_may = datetime(2026, 5, 1, tzinfo=UTC)

    assert 1 == len(ask("Q5", until=first_of_may.isoformat()))
    assert [an_id("june").hex()] == [row["event"] for row in ask("Q5", area=WESTMORLAND)]
    assert to_ms(first_of_may) < ask("Q5", since="2026-05-01", until="2026-09-01")[0]["at"]


def test_an_area_that_has_ended_is_the_boards_for_its_own_time_only(it: Exchange) -> None:
    """What names the area after its last day is not shown."""
    trail = Telling()
    old = next(one for one in trail.world.directory.areas if one.gss == CUMBERLAND)
    ended = old.model_copy(update={"valid_to": (ASKED_AT - timedelta(days=60)).date()})
    areas = tuple(ended if one.gss == CUMBERLAND else one for one in trail.world.directory.areas)
    trail.world = trail.world.having(areas=areas)
    trail.share("in time", "share.declined")
    trail.share("too late", "share.declined", after_ms=60 * DAY_MS)
    with a_board_of(trail, it) as board:
        board.reads(trail)
        rows = table(board.ask("Q5"))

    assert [an_id("in time").hex()] == [row["event"] for row in rows]


def test_the_class_of_an_event_stands_in_for_its_kind_where_a_slip_is_missing(
    ask: Ask, trail: Telling
) -> None:
    trail.taken("move", event_class=EventClass.MOVE)

    assert Mark.NOT_MEASURED is ask("Q1", sample=1)[0]["what"]
