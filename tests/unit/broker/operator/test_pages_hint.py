"""``handrail up`` says how a board's pages are started, in words that the command line takes."""

import shlex
from pathlib import Path

from broker.board.pages.cli import pages
from broker.cli.up import pages_of


def test_each_board_has_its_line_and_nothing_else_has(tmp_path: Path) -> None:
    home = tmp_path / "a board"
    home.mkdir()
    said = list(
        pages_of([["handrail", "router", "--data", "x"], ["handrail", "board", "run", "--home", str(home)]])
    )
    program, *words = shlex.split(said[0].split(": ", 1)[1])

    assert 1 == len(said)
    assert ["handrail", "board", "pages"] == [program, *words[:2]]
    assert home == pages.make_context("pages", words[2:]).params["home"]


def test_nothing_is_said_without_a_board() -> None:
    assert [] == list(pages_of([["handrail", "router", "--data", "x"]]))
