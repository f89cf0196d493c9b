"""One child's sharing chronology on paper and in a spreadsheet: whole, in order, and of nobody else."""

import csv
import io
import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.board.questions.cli import as_spreadsheet
from broker.board.questions.paper import as_pdf, printable
from schemas.audit import EntryKind
from schemas.wire import ReceiptKind
from tests.support.audit_trail import Trail, an_id
from tests.support.board import Board, a_board_of
from tests.support.exchange import Exchange
from tests.support.paper import words


@pytest.fixture
def board(it: Exchange) -> Iterator[Board]:
    trail = Trail()
    key, setup = trail.key()
    trail.add(EntryKind.SLIP_KEY, **setup)
    for number in range(60):
        trail.taken(f"event {number}", slip=(key, "plan.opened", "CC-1"))
        trail.receipt(
            f"event {number}", "cumberland", ReceiptKind.TAKEN_ON, role="Rowan Example, social worker"
        )
    trail.taken("of a sibling", child="sibling", slip=(key, "da.incident", "CC-2"))
    with a_board_of(trail, it) as board:
        board.reads(trail)
        yield board


def test_the_chronology_is_whole_in_order_and_of_this_child_alone(board: Board) -> None:
    answer = board.ask("Q1", case="CC-1")
    said = words(as_pdf(answer, asker="Kit Example", purpose="review 2026/3"))

    assert [an_id(f"event {number}").hex() for number in range(60)] == re.findall(
        r"event: ([0-9a-f]{32})", said
    )
    assert "review 2026/3" in said
    assert "page 2 of" in said
    assert not [other for other in ("da incident", "Rowan", an_id("of a sibling").hex()) if other in said]


def test_the_spreadsheet_is_of_this_child_alone_and_names_nobody(board: Board) -> None:
    rows = list(csv.DictReader(io.StringIO(as_spreadsheet(board.ask("Q1", case="CC-1")))))

    assert 60 == len(rows)
    assert {an_id("child").hex()[:8]} == {row["Child"] for row in rows}
    assert "Rowan" not in str(rows)


def test_the_same_answer_gives_the_same_paper(board: Board) -> None:
    answer = board.ask("Q1", case="CC-1")

    assert as_pdf(answer, asker="Kit", purpose="why") == as_pdf(answer, asker="Kit", purpose="why")


@pytest.mark.parametrize("name", ["=1+1", "@SUM(A1)", "+44", "-2", "\t=1", "\r=1"])
def test_no_cell_of_a_spreadsheet_is_a_formula(board: Board, name: str) -> None:
    answer = board.ask("Q1", case="CC-1")
    hostile = type(answer)(
        **{field: getattr(answer, field) for field in answer.__slots__}
        | {"rows": ((name, *answer.rows[0][1:]),)}
    )
    hostile_row = as_spreadsheet(
        type(hostile)(
            **{field: getattr(hostile, field) for field in hostile.__slots__}
            | {"columns": tuple(type(one)(one.name, one.heading) for one in hostile.columns)}
        )
    ).splitlines()[1]

    assert not hostile_row.startswith(("=", "+", "-", "@", "\t", "\r"))


@given(st.text(max_size=60))
def test_any_text_can_be_printed(text: str) -> None:
    printable(text).encode("latin-1")
