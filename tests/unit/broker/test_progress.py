"""Progress: nothing of what is quick, a line for each fifth of what is not, one line that grows on a terminal."""

import sys

import pytest
import structlog

from broker.progress import log_progress, say_progress


class Terminal:
    """Standard error that is one."""

    def __init__(self) -> None:
        self.said = ""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> None:
        self.said += text

    def flush(self) -> None:
        pass


def test_what_is_quick_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    tell = say_progress("Sorting")
    for done in range(11):
        tell(done, 10)

    assert "" == capsys.readouterr().err


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step takes a second."""
    seconds = iter(range(1000))
    monkeypatch.setattr("broker.progress.time.monotonic", lambda: next(seconds))


@pytest.mark.usefixtures("slow")
def test_in_a_file_each_fifth_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    tell = say_progress("Sorting")
    for done in range(0, 101, 7):
        tell(done, 100)
    tell(100, 100)

    assert [
        f"Sorting ... {percent} %" for percent in (0, 20, 40, 60, 80, 100)
    ] == capsys.readouterr().err.splitlines()


@pytest.mark.usefixtures("slow")
def test_on_a_terminal_one_line_grows_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    tell = say_progress("Sorting")
    tell(1, 4)
    tell(1, 4)
    tell(4, 4)

    assert "\rSorting ...  25 %\rSorting ... 100 %\n" == terminal.said


@pytest.mark.usefixtures("slow")
def test_where_nobody_watches_it_is_logged() -> None:
    with structlog.testing.capture_logs() as logs:
        tell = log_progress("Sorting")
        tell(1, 2)
        tell(2, 2)

    assert [40, 100] == [line["percent"] for line in logs]


@pytest.mark.usefixtures("slow")
def test_of_nothing_everything_is_done_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    say_progress("Sorting")(0, 0)

    assert "Sorting ... 0 %\n" == capsys.readouterr().err
