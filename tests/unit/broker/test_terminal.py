"""Tables fit the terminal that they are read on, and go through a pipe row by row."""

import os
import pty
import re
import subprocess
import sys
import termios

import pytest

from broker.terminal import lines_of

HEADINGS = ("Sent", "What kind of thing", "From", "To", "Purpose", "Event")
ROW = (
    "29 November 2026, 16:59",
    "plan opened",
    "Cumberland children's social care",
    "Westmorland and Furness children's social care",
    "",
    "01a2283f005a772faf78c40f4bafe7c1",
)
SHORT = (("Member", "What"), [("Example trust", "refused: bad signature"), ("Example school", "late")])


def _plain(width: int | None, headings: object = HEADINGS, rows: object = (ROW, ROW)) -> list[str]:
    return [line.plain for line in lines_of(headings, rows, width)]  # type: ignore[arg-type]


@pytest.mark.parametrize("width", [20, 32, 40, 80, 100, 120, 160, 400])
def test_no_line_is_wider_than_the_terminal_and_nothing_is_lost(width: int) -> None:
    lines = lines_of(HEADINGS, [ROW], width)

    assert max(line.cell_len for line in lines) <= width
    # However it is laid out, each letter of each cell is there.
    said = sorted("".join(line.plain for line in lines).replace(" ", ""))
    for letter in set("".join(ROW).replace(" ", "")):
        assert said.count(letter) >= "".join(ROW).count(letter)


@pytest.mark.parametrize("width", [50, 80])
def test_where_the_longest_words_do_not_stand_beside_each_other_each_row_is_a_block(width: int) -> None:
    first, second, *_ = lines = _plain(width)

    assert "Sent                29 November 2026, 16:59" == first
    assert "What kind of thing  plan opened" == second
    # What is empty is left out; a blank line stands between two rows.
    assert not any(line.startswith("Purpose") for line in lines)
    assert 1 == lines.count("")


@pytest.mark.parametrize("width", [90, 110, 150])
def test_columns_are_wrapped_between_words_and_no_word_is_cut(width: int) -> None:
    lines = _plain(width)
    words = {word for line in lines for word in line.split()}

    assert lines[0].startswith("Sent ")
    assert {word for cell in ROW for word in cell.split()} <= words
    # Rows of several lines are set apart.
    assert "" in lines


def test_what_fits_stands_a_row_a_line() -> None:
    assert [
        "Member          What",
        "Example trust   refused: bad signature",
        "Example school  late",
    ] == _plain(80, *SHORT)


def test_a_pipe_gets_a_line_for_each_row_however_long() -> None:
    rows = [("one\n two", "x" * 500)]
    heading, line = _plain(None, ("A", "B"), rows)

    assert "A         B" == heading
    assert f"one; two  {'x' * 500}" == line


@pytest.mark.parametrize("cell", ["[red]not markup[/red]", "[/nothing]", "日本語 ünï", "a: {b} %s"])
@pytest.mark.parametrize("width", [10, 80, None])
def test_a_cell_is_text(cell: str, width: int | None) -> None:
    shown = "".join("".join(_plain(width, ("What",), [(cell,)])[1:]).split())

    assert "".join(cell.split()) == shown


@pytest.mark.parametrize(
    "cell", ["\x1b[2Jgone", "back\x08", "bell\x07", "over\rwritten", "turned\u202eround"]
)
@pytest.mark.parametrize("width", [80, None])
def test_a_cell_steers_no_terminal(cell: str, width: int | None) -> None:
    shown = "\n".join(_plain(width, ("What",), [(cell,)]))

    assert all(one.isprintable() or one == "\n" for one in shown)


def test_no_rows_are_the_headings_alone() -> None:
    assert ["A  B"] == _plain(80, ("A", "B"), [])


_SHOWS = f"""
from broker.terminal import show_table
show_table({HEADINGS!r}, [{ROW!r}])
"""


@pytest.mark.parametrize("columns", [60, 150])
def test_a_real_terminal_is_asked_for_its_width(columns: int) -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (40, columns))
    plain = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
    with subprocess.Popen(
        [sys.executable, "-c", _SHOWS],
        stdout=theirs,
        stderr=theirs,
        stdin=theirs,
        env=plain | {"TERM": "xterm"},
    ) as running:
        os.close(theirs)
        said = b""
        try:
            while part := os.read(ours, 4096):
                said += part
        except OSError:  # the other end is closed: all has been read
            pass
        assert 0 == running.wait(20)
    os.close(ours)
    lines = re.sub(r"\x1b\[[0-9;]*m|\r", "", said.decode()).splitlines()

    assert lines[0].startswith("Sent ")
    assert max(map(len, lines)) <= columns
    assert ("Sent                29 November 2026, 16:59" in lines) is (columns == 60)


def test_a_pipe_is_no_terminal_of_any_width() -> None:
    piped = subprocess.run(
        [sys.executable, "-c", _SHOWS],
        capture_output=True,
        check=True,
        text=True,
        env=os.environ | {"COLUMNS": "40"},
    ).stdout.splitlines()

    assert ["Sent", "29 November"] == [piped[0][:4], piped[1][:11]]
    assert 2 == len(piped)
    assert piped[1].endswith(ROW[-1])
