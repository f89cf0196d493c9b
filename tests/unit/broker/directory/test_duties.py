"""``handrail directory set-calendar`` and ``set-contacts``: what an area and a member publish, from small files."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from broker.calendars import add_school_days
from broker.directory.cli import directory
from broker.directory.errors import ChangeRefusedError
from broker.directory.files import read_current
from broker.directory.layout import Layout
from schemas.cues import in_area
from schemas.directory import AreaEntry

AREA = "E06000063"
TERMS = """
local_clocks = ["short-stay"]

[[terms]]
name = "Spring 1"
first = 2026-01-05
last = 2026-02-13
closed = [2026-01-06]
"""
CONTACTS = """
[[contacts]]
hours = "night"
rung = "team_manager"
role = "emergency duty team"
contact = "edt@example.org"
"""
Write = Callable[[str], str]
Run = Callable[..., Result]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str) -> str:
        (tmp_path / "given.toml").write_text(text)
        return str(tmp_path / "given.toml")

    return written


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "exchange"


@pytest.fixture
def run(data: Path) -> Run:
    """The command, on an exchange with one front door."""

    def command(name: str, *words: str) -> Result:
        return CliRunner().invoke(directory, [name, "--data", str(data), *words])

    assert 0 == command("init").exit_code
    named = ("--kind", "social_care", "--name", "Example", "--area", AREA, "--front-door")
    assert 0 == command("add-member", *named).exit_code
    return command


def test_an_area_publishes_its_terms_and_school_days_are_known(run: Run, data: Path, write: Write) -> None:
    done = run("set-calendar", "--area", AREA, write(TERMS))
    area = read_current(Layout(data)).area(AREA)
    assert area is not None

    assert 0 == done.exit_code, done.output
    assert date(2026, 1, 8) == add_school_days(date(2026, 1, 5), 2, area.terms)
    assert ("short-stay",) == area.local_clocks


def test_an_area_publishes_its_own_numbers_for_cues(run: Run, data: Path, write: Write) -> None:
    own = '[[cues]]\nkey = "k2"\ncount = 3\npercent = 1\n[[cues]]\nkey = "k1"\noff = true'
    done = run("set-calendar", "--area", AREA, write(own))
    directory = read_current(Layout(data))
    area, cues = directory.area(AREA), directory.policy.cues
    assert area is not None
    assert cues is not None
    rules = {rule.key: rule for rule in in_area(cues.rules, area.cues)}

    assert 0 == done.exit_code, done.output
    assert (3, 60, None) == (rules["k2"].count, rules["k2"].days, rules["k2"].percent)
    assert {"k1"} == {rule.key for rule in cues.rules} - set(rules)
    assert "cues" not in AreaEntry(gss=area.gss, name=area.name).model_dump(mode="json")


def test_a_member_publishes_whom_to_reach(run: Run, data: Path, write: Write) -> None:
    member = read_current(Layout(data)).members[0].id

    done = run("set-contacts", "--member", member, write(CONTACTS))

    assert "duty contacts" in done.output
    [contact] = read_current(Layout(data)).members[0].duty_contacts
    assert ("night", "team_manager", "edt@example.org") == (contact.hours, contact.rung, contact.contact)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("terms", "not TOML", id="not TOML"),
        pytest.param(TERMS.replace("2026-02-13", "2025-02-13"), "ends before it begins", id="backwards"),
        pytest.param('local_clocks = ["accept"]', "no local clock accept", id="no local clock"),
        pytest.param("[[term]]", "term", id="misspelt"),
        pytest.param('[[cues]]\nkey = "k99"', "no cue k99", id="no such cue"),
        pytest.param('[[cues]]\nkey = "k2"\ncount = 0', "count", id="a number that is none"),
    ],
)
def test_a_calendar_that_is_not_right_changes_nothing(
    run: Run, data: Path, write: Write, text: str, why: str
) -> None:
    before = read_current(Layout(data)).version

    refused = run("set-calendar", "--area", AREA, write(text))

    assert isinstance(refused.exception, ChangeRefusedError)
    assert why in str(refused.exception)
    assert before == read_current(Layout(data)).version


def test_contacts_of_nobody_are_refused(run: Run, write: Write) -> None:
    refused = run("set-contacts", "--member", "m-aaaaaaaaaa", write(CONTACTS))

    assert isinstance(refused.exception, ChangeRefusedError)
