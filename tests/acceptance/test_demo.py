"""The demonstration, as a stranger runs it: real processes, exit code 0 only if every promise shown was checked and held."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HANDRAIL = str(Path(sys.executable).with_name("handrail"))
NHS_EXAMPLES = Path(__file__).parents[3] / "shared" / "data" / "nems"
PROMISES = ("P1 ", "P2 ", "P3 ", "P4 ", "P5 ", "P6 ", "P8 ", "P9 ", "P10 ", "P12 ")

pytestmark = pytest.mark.timeout(300)


def _demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [HANDRAIL, "demo", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "120"},
    )


def _nhs(name: str) -> str:
    path = NHS_EXAMPLES / name
    if not path.exists():
        pytest.skip("the NHS's own examples are not on this machine")
    return str(path)


def test_the_story_is_played_and_every_promise_shown_has_held() -> None:
    shown = _demo()

    assert (0, "") == (shown.returncode, shown.stderr)
    assert "Every promise shown has held" in shown.stdout
    assert "BROKEN" not in shown.stdout
    assert [] == [promise for promise in PROMISES if promise not in shown.stdout]
    assert "case holder E06000063 until the acceptance, then E06000064" in " ".join(shown.stdout.split())


def test_the_nhss_own_change_of_address_carries_a_child_from_kirklees_to_leeds() -> None:
    shown = _demo("--nems", _nhs("pds-change-of-address.xml"))

    assert 0 == shown.returncode, shown.stdout + shown.stderr
    assert "Kirklees" in shown.stdout
    assert "holds the case: Leeds" in " ".join(shown.stdout.replace("│", " ").split())


def test_a_message_that_moves_nobody_is_delivered_and_hands_nothing_over() -> None:
    shown = _demo("--nems", _nhs("professional-contacts-new.xml"))

    assert 0 == shown.returncode, shown.stdout + shown.stderr
    assert "nothing is handed over" in shown.stdout
    assert "handover:" not in shown.stdout


def test_a_message_that_is_refused_is_not_played(tmp_path: Path) -> None:
    hostile = tmp_path / "message.xml"
    hostile.write_text('<!DOCTYPE x [<!ENTITY a "b">]><Bundle xmlns="http://hl7.org/fhir">&a;</Bundle>')

    shown = _demo("--nems", str(hostile))

    assert 2 == shown.returncode
    assert "Refused:" in shown.stderr
    assert "0. An exchange" not in shown.stdout


def test_nothing_of_the_demonstration_goes_on_running_or_stays_on_disk(tmp_path: Path) -> None:
    """Its processes are gone and its folder is removed, unless the folder was asked for."""
    folder = tmp_path / "exchange"
    occupied = tmp_path / "occupied"
    occupied.mkdir()
    (occupied / "file").touch()

    shown = _demo("--data", str(folder))
    left = subprocess.run(["pgrep", "-f", str(folder)], capture_output=True, text=True, check=False)
    refused = _demo("--data", str(occupied))

    assert 0 == shown.returncode, shown.stdout + shown.stderr
    assert "" == left.stdout
    assert (folder / "directory" / "directory.bin").exists()
    assert 2 == refused.returncode
    assert "not empty" in refused.stderr
