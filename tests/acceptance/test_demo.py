"""The demonstration, as a stranger runs it: real processes, exit code 0 only if every promise shown was checked and held."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

HANDRAIL = str(Path(sys.executable).with_name("handrail"))
NHS_EXAMPLES = Path(__file__).parents[3] / "shared" / "data" / "nems"
PROMISES = ("P1 ", "P2 ", "P3 ", "P4 ", "P5 ", "P6 ", "P8 ", "P9 ", "P10 ", "P12 ")

pytestmark = pytest.mark.timeout(300)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a demonstration showed, and what it left behind."""

    code: int
    stdout: str
    stderr: str
    processes: str
    files: list[Path]

    @property
    def words(self) -> str:
        """Without frames and line breaks."""
        return " ".join(self.stdout.replace("│", " ").split())


def _demo(place: Path, *arguments: str) -> Shown:
    """One run whose temporary files would lie in ``place``."""
    temporary = place / "temporary"
    temporary.mkdir()
    done = subprocess.run(
        [HANDRAIL, "demo", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "120", "TMPDIR": str(temporary)},
    )
    running = subprocess.run(["pgrep", "-f", str(place)], capture_output=True, text=True, check=False)
    return Shown(done.returncode, done.stdout, done.stderr, running.stdout, list(temporary.iterdir()))


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Shown]:
    """The story, played once, in a folder that was asked for."""
    place = tmp_path_factory.mktemp("demo")
    return place / "exchange", _demo(place, "--data", str(place / "exchange"))


def _nhs(name: str) -> str:
    path = NHS_EXAMPLES / name
    if not path.exists():
        pytest.skip("the NHS's own examples are not on this machine")
    return str(path)


def test_the_story_is_played_and_every_promise_shown_has_held(story: tuple[Path, Shown]) -> None:
    _, shown = story

    assert (0, "") == (shown.code, shown.stderr)
    assert "Every promise shown has held" in shown.stdout
    assert "BROKEN" not in shown.stdout
    assert [] == [promise for promise in PROMISES if promise not in shown.stdout]
    assert "case holder E06000063 until the acceptance, then E06000064" in " ".join(shown.stdout.split())


def test_nothing_of_it_goes_on_running_and_the_folder_that_was_asked_for_stays(
    story: tuple[Path, Shown],
) -> None:
    folder, shown = story

    assert ("", []) == (shown.processes, shown.files)
    assert (folder / "directory" / "directory.bin").exists()


def test_the_nhss_own_change_of_address_carries_a_child_from_kirklees_to_leeds(tmp_path: Path) -> None:
    shown = _demo(tmp_path, "--nems", _nhs("pds-change-of-address.xml"))

    assert 0 == shown.code, shown.stdout + shown.stderr
    assert "Kirklees" in shown.stdout
    assert "holds the case: Leeds" in shown.words
    # Nobody asked for a folder: nothing stays.
    assert ("", []) == (shown.processes, shown.files)


def test_a_message_that_moves_nobody_is_delivered_and_hands_nothing_over(tmp_path: Path) -> None:
    shown = _demo(tmp_path, "--nems", _nhs("professional-contacts-new.xml"))

    assert 0 == shown.code, shown.stdout + shown.stderr
    assert "nothing is handed over" in shown.stdout
    assert "handover:" not in shown.stdout


def test_a_message_that_is_refused_is_not_played(tmp_path: Path) -> None:
    hostile = tmp_path / "message.xml"
    hostile.write_text('<!DOCTYPE x [<!ENTITY a "b">]><Bundle xmlns="http://hl7.org/fhir">&a;</Bundle>')

    shown = _demo(tmp_path, "--nems", str(hostile))

    assert 2 == shown.code
    assert "Refused:" in shown.stderr
    assert "0. An exchange" not in shown.stdout


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    occupied = tmp_path / "occupied"
    occupied.mkdir()
    (occupied / "file").touch()

    shown = _demo(tmp_path, "--data", str(occupied))

    assert 2 == shown.code
    assert "not empty" in shown.stderr
