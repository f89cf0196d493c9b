"""The board's questions: recorded before they are answered, inside the board's areas, by case, number or sample."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner

from broker.board.cli import audit
from broker.board.pages.drawing import story_of
from broker.board.questions import BadQuestionError, Mark, to_json
from broker.crypto.tokens import IdentifierKind
from schemas.audit import EntryKind
from schemas.wire import EventClass, ReceiptKind
from tests.support.audit_trail import AT_MS, Trail, an_id
from tests.support.board import Board, a_board, a_board_of, table
from tests.support.directory import CUMBERLAND, WESTMORLAND
from tests.support.events import CHILD
from tests.support.exchange import Exchange

HOUR_MS = 3_600_000
DURHAM = "E06000047"


@pytest.fixture
def board(it: Exchange) -> Iterator[Board]:
    with a_board(it) as board:
        yield board


@pytest.fixture
def trail(it: Exchange) -> Trail:
    return Trail(ids={name: str(id_) for name, id_ in it.members.items()})


def a_move(trail: Trail, child: str, author: str, hours: float | None) -> None:
    """A move to Westmorland that ``author`` reports and the new area opens after so many hours, or not."""
    trail.taken(f"move {child}", child=child, author=author, event_class=EventClass.MOVE)
    trail.add(
        EntryKind.HANDOVER,
        child=an_id(child),
        origin=an_id(child),
        handover=an_id(f"handover {child}"),
        step="noticed",
        evidence=an_id(f"move {child}"),
        from_area=CUMBERLAND,
        to_area=WESTMORLAND,
    )
    if hours is not None:
        trail.receipt(f"move {child}", "westmorland", ReceiptKind.OPENED, after_ms=int(hours * HOUR_MS))


def test_every_share_about_a_child_with_who_opened_it_and_who_did_not(board: Board, trail: Trail) -> None:
    token = board.home.keyring.tokens().token_now(IdentifierKind.NHS_NUMBER, CHILD).value
    trail.add(EntryKind.CHILD_TOKEN, child=an_id("child"), tokens=[token], areas=[CUMBERLAND])
    trail.taken("plan", readers=[[trail.member("school"), 1], [trail.member("health"), 1]])
    trail.receipt("plan", "health", ReceiptKind.OPENED)
    trail.taken("other", child="another")
    board.reads(trail)

    answer = board.ask("Q1", nhs=CHILD)

    shown = {row["to"]: row["opened"] for row in table(answer)}
    assert {"Example school": None, "Example health": AT_MS + trail.number * 1000 - 1000} == shown
    assert "1 copy has not been opened" in answer.summary[0]
    assert {Mark.NOT_MEASURED} == {row["what"] for row in table(answer)}


def test_hours_from_known_to_opened_by_kind_of_agency(board: Board, trail: Trail) -> None:
    for number in range(10):
        a_move(trail, f"s{number}", "school", hours=number + 1)
        a_move(trail, f"p{number}", "police", hours=None if number < 5 else 100)
    board.reads(trail)

    rows = {row["agency"]: row for row in table(board.ask("Q3"))}

    assert (10, 10, 5.5, 9.0) == tuple(
        rows["school"][name] for name in ("moves", "opened", "median", "centile90")
    )
    assert (10, 5, 100.0) == tuple(rows["police"][name] for name in ("moves", "opened", "median"))
    assert 20 == rows["all"]["moves"]


def test_few_moves_are_suppressed_in_rows_and_in_words(board: Board, trail: Trail) -> None:
    for number in range(3):
        a_move(trail, f"s{number}", "school", hours=1)
    board.reads(trail)

    answer = board.ask("Q3")

    assert answer.suppressed
    assert Mark.SUPPRESSED is table(answer)[0]["moves"]
    assert "3" not in " ".join(answer.summary)


def test_a_question_is_recorded_with_its_asker_and_purpose_and_no_number_of_a_child(board: Board) -> None:
    answer = board.ask("Q1", nhs=CHILD, by="Kit Example", purpose="case audit 2026/15")

    (asked,) = board.questions()
    assert (answer.logged, "Kit Example", "case audit 2026/15") == (asked.number, asked.asker, asked.purpose)
    assert asked.asked.startswith("Q1; nhs token ")
    assert CHILD not in asked.asked


@pytest.mark.parametrize(
    ("key", "given", "field"),
    [
        ("Q99", {}, "key"),
        ("Q3", {"purpose": "  "}, "purpose"),
        ("Q1", {}, "child"),
        ("Q1", {"nhs": "9990000019"}, "nhs"),
        ("Q1", {"case": "CC-1", "sample": 3}, "sample"),
        ("Q1", {"sample": 0}, "sample"),
        ("Q1", {"sample": 1000}, "sample"),
        ("Q3", {"since": "yesterday"}, "since"),
        ("Q3", {"area": DURHAM}, "area"),
        ("Q3", {"case": "CC-1"}, "case"),
        ("Q3", {"member": "nobody"}, "member"),
    ],
)
def test_what_cannot_be_asked_says_what_to_correct(
    board: Board, key: str, given: dict[str, Any], field: str
) -> None:
    with pytest.raises(BadQuestionError) as refused:
        board.ask(key, **given)

    assert field == refused.value.field


def test_a_sample_is_drawn_again_by_its_seed_and_never_outside_the_boards_areas(
    board: Board, trail: Trail
) -> None:
    for number in range(40):
        trail.taken(f"event {number}", child=f"child {number}", area=CUMBERLAND if number % 2 else DURHAM)
    board.reads(trail)

    first, again = (board.ask("Q1", sample=5, seed=7) for _ in range(2))
    other = board.ask("Q1", sample=5, seed=8)

    assert "sample of 5, seed 7" in first.asked
    assert first.rows == again.rows
    assert first.rows != other.rows
    ours = {an_id(f"child {number}").hex()[:8] for number in range(1, 40, 2)}
    assert {row["child"] for row in table(board.ask("Q1", sample=50))} == ours


def test_an_answer_for_machines_keeps_marks_apart_from_texts(board: Board, trail: Trail) -> None:
    trail.taken("plan")
    board.reads(trail)

    document = json.loads(json.dumps(to_json(board.ask("Q1", sample=1))))

    assert {"mark": "not_measured"} == document["rows"][0][1]
    assert document["measured"]


def test_the_command_asks_records_and_refuses(it: Exchange) -> None:
    run = CliRunner().invoke
    home = ["--home", str(it.home("board"))]

    refused = run(audit, ["ask", "q3", *home])
    answered = run(audit, ["ask", "q3", *home, "--purpose", "annual report"])
    listed = run(audit, ["catalogue"])

    assert 2 == refused.exit_code
    assert "Say why you ask" in refused.output
    assert "Recorded as question" in answered.output
    assert "Q3" in listed.output


@pytest.mark.parametrize("count", range(3))
def test_one_is_spoken_of_as_one(it: Exchange, count: int) -> None:
    """Of decisions not to share, and of messages that failed."""
    trail = Trail()
    key, setup = trail.key()
    trail.add(EntryKind.SLIP_KEY, **setup)
    for number in range(count):
        trail.taken(f"kept {number}", slip=(key, "share.declined", "CC-1"))
    with a_board_of(trail, it) as board:
        board.reads(trail)
        said = board.ask("Q5").summary

    words = {
        0: "0 decisions not to share were",
        1: "1 decision not to share was",
        2: "2 decisions not to share were",
    }
    assert (f"{words[count]} recorded.",) == said


def test_a_copy_lies_unopened_from_when_it_was_granted(it: Exchange) -> None:
    """Not from when its author wrote it: then its reader had never heard of the child."""
    trail = Trail()
    key, setup = trail.key()
    trail.add(EntryKind.SLIP_KEY, **setup)
    trail.taken("plan", slip=(key, "plan.opened", "CC-1"), readers=[[trail.member("cumberland"), 1]])
    reader = trail.member("school")
    order = {"order": an_id("order"), "event": an_id("plan"), "child": an_id("child"), "reader": reader}
    trail.add(EntryKind.GRANTED, **order, grantor=trail.member("cumberland"))
    with a_board_of(trail, it) as board:
        board.reads(trail)
        answer = board.ask("Q1", case="CC-1")
    (row,) = [one for one in table(answer) if one["granted"] is not None]
    story = story_of(table(answer))
    (copy,) = [one for one in story.shares[0].copies if one.facts and one.facts[0][0].startswith("granted")]

    assert row["granted"] > row["sent"]
    assert None is row["delivered"]
    assert ("granted by a front door", row["granted"]) == copy.facts[0]
    assert any("has no receipt of its own" in note for note in answer.notes)
