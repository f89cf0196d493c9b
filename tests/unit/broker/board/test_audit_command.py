"""``handrail audit`` as a board's auditor uses it: readable at 80 columns, refused without a purpose, recorded."""

import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result

from broker.audit.receipts import Receipts
from broker.board.cli import audit
from broker.board.node import BoardHome
from broker.board.showing import CSV_COLUMNS, View, as_csv
from broker.crypto.tokens import IdentifierKind
from broker.store.audit.rows import EntryRow, Found, Place, Slip, SlipState
from schemas.audit import EntryKind
from tests.support.audit_trail import Trail, an_id, as_entry
from tests.support.directory import CUMBERLAND, WESTMORLAND
from tests.support.events import CHILD, PUPIL
from tests.support.exchange import Exchange, make_exchange

Ask = Callable[..., Result]


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory) -> Exchange:
    """An exchange that does not run, whose board has read a short trail."""
    made = make_exchange(tmp_path_factory.mktemp("board"))
    home = BoardHome.open(made.home("board"))
    store, projection = home.store(), home.projection()
    trail = _story(made, home.keyring.tokens().token_now(IdentifierKind.NHS_NUMBER, CHILD).value)
    with store.work() as work:
        for data in trail.entries:
            projection.take(work, data)
    store.close()
    return made


def _story(it: Exchange, nhs: bytes) -> Trail:
    trail = Trail()
    who = {name: str(id_) for name, id_ in it.members.items()}
    child = {"child": an_id("child")}
    trail.add(EntryKind.CHILD_TOKEN, **child, tokens=[nhs], areas=[CUMBERLAND])
    trail.taken(
        "plan",
        readers=[[who[name], 1] for name in ("school", "health", "police")],
        author_id=who["cumberland"],
    )
    trail.add(
        EntryKind.RECEIPT, event=an_id("plan"), reader=who["school"], number=1, receipt=2, role="head teacher"
    )
    trail.add(EntryKind.RECEIPT, event=an_id("plan"), reader=who["health"], number=1, receipt=1)
    trail.add(
        EntryKind.HANDOVER,
        **child,
        handover=an_id("handover"),
        step="noticed",
        from_area=CUMBERLAND,
        to_area=WESTMORLAND,
        holder=CUMBERLAND,
        safety=WESTMORLAND,
    )
    trail.add(
        EntryKind.OVERDUE,
        **child,
        about=an_id("handover"),
        owed="acceptance",
        owner=who["westmorland"],
        due_ms=1_782_900_000_000,
        reason="15 working days from being notified [P-NOT]",
    )
    trail.skip()
    trail.add("weather", **child, areas=[CUMBERLAND])
    return trail


@pytest.fixture
def ask(it: Exchange) -> Ask:
    """Runs ``handrail audit list`` at the board's home, 80 columns wide unless told."""

    def run(*words: str, purpose: str | None = "case audit 2026/14", columns: int = 80) -> Result:
        why = [] if purpose is None else ["--purpose", purpose]
        command = ["list", "--home", str(it.home("board")), *why, *words]
        return CliRunner().invoke(audit, command, env={"COLUMNS": str(columns)})

    return run


def _questions(it: Exchange) -> list[dict[str, Any]]:
    shown = CliRunner().invoke(audit, ["questions", "--home", str(it.home("board")), "--json"])
    asked: list[dict[str, Any]] = json.loads(shown.output)
    return asked


@pytest.mark.parametrize("purpose", [None, "", "   "])
def test_a_question_without_a_purpose_is_not_answered(ask: Ask, purpose: str | None) -> None:
    refused = ask(purpose=purpose)

    assert 2 == refused.exit_code
    assert "Say why you ask" in refused.output
    assert "shared" not in refused.output


def test_each_question_is_recorded_with_asker_purpose_and_what_was_shown(it: Exchange, ask: Ask) -> None:
    """The number that was asked by is not kept: its token is."""
    before = len(_questions(it))
    ask("--by", "Kit Example", "--nhs", CHILD, "--kind", "taken", purpose="case audit 2026/15")
    asked = _questions(it)[before:]

    assert [("Kit Example", "case audit 2026/15", 1)] == [
        (one["by"], one["purpose"], one["shown"]) for one in asked
    ]
    assert re.fullmatch(r"nhs token [0-9a-f]{32}; kind taken", asked[0]["asked"])
    files = [path.read_bytes() for path in it.home("board").rglob("audit.db*")]
    assert not any(CHILD.encode() in content for content in files)


def test_the_list_of_questions_is_readable(it: Exchange, ask: Ask) -> None:
    ask("--case", "CC-77", "--by", "Kit Example", purpose="review of a complaint")
    shown = CliRunner().invoke(audit, ["questions", "--home", str(it.home("board"))])

    assert "Kit Example" in shown.output
    assert "asked for: case CC-77" in shown.output
    assert "purpose: review of a complaint" in shown.output
    assert "shown: 0 entries" in shown.output


@pytest.mark.parametrize("columns", [80, 100, 140])
def test_nothing_is_cut_off_and_no_line_is_too_wide(ask: Ask, columns: int) -> None:
    shown = ask(columns=columns).output

    assert "…" not in shown
    assert max(len(line.rstrip()) for line in shown.splitlines()) <= columns
    for sentence in (
        "Monday 2 March 2026",
        "Example cumberland shared something",
        "to: Example school, Example health, Example police",
        "opened by: Example school",
        "delivered, not opened so far: Example health",
        "not delivered so far: Example police",
        "kind and purpose not measured: the author sent this board no slip",
        "opened by Example school (head teacher)",
        "handover from Cumberland to Westmorland and Furness: requested",
        "case holder: Cumberland; safety duty: Westmorland and Furness",
        "overdue: acceptance or refusal by the new area, owed by Example westmorland",
        "was due 1 July 2026, 11:00",
        "rule: 15 working days from being notified",
        "an entry of unknown kind (weather), by the exchange",
        "1 entry has not reached this node (number 7): the trail may be incomplete.",
    ):
        assert sentence in " ".join(shown.split()), sentence


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        pytest.param(["--case", "CC-9"], "No event of this board's areas carries the case reference “CC-9”.", id="case"),
        pytest.param(["--upn", PUPIL], "Nothing is known in this board's areas of a child with that number.", id="UPN"),
        pytest.param(["--nhs", CHILD, "--kind", "refused"], "No entry fits what you asked for.", id="a known child"),
    ],
)  # fmt: skip
def test_an_empty_answer_says_why_it_is_empty(ask: Ask, words: list[str], answer: str) -> None:
    assert answer in " ".join(ask(*words).output.split())
    assert answer in json.loads(ask(*words, "--json").output)["warnings"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        pytest.param(["--nhs", "9990000019"], "check digit", id="a mistyped NHS number"),
        pytest.param(["--member", "Nobody"], "No member is called “Nobody”", id="a member that is none"),
        pytest.param(["--member", "Example"], "could be any of", id="a name of many"),
        pytest.param(["--area", "E06000047"], "is not an area of this board", id="another board's area"),
        pytest.param(["--json", "--csv"], "Choose --json or --csv", id="two forms"),
    ],
)
def test_a_question_that_cannot_be_meant_is_explained(ask: Ask, words: list[str], sentence: str) -> None:
    refused = ask(*words)

    assert 2 == refused.exit_code
    assert sentence in " ".join(refused.output.split())


@pytest.mark.parametrize("word", ["Example school", "EXAMPLE SCHOOL", "school"])
def test_a_member_may_be_named_as_people_name_it(ask: Ask, word: str) -> None:
    entries = json.loads(ask("--member", word, "--json").output)["entries"]

    assert ["taken", "receipt"] == [entry["kind"] for entry in entries]


def test_an_event_that_its_author_named_anyhow_hides_nothing(ask: Ask) -> None:
    """Sixteen bytes that are no proper id are shown as they are."""
    entries = json.loads(ask("--kind", "taken", "--json").output)["entries"]

    assert [an_id("plan").hex()] == [entry["event"] for entry in entries]


def test_times_are_given_and_shown_as_clocks_in_england_show_them(ask: Ask) -> None:
    """The trail begins at 09:30:01 on a winter's day."""
    assert 1 == len(json.loads(ask("--until", "2026-03-02T09:30:02", "--json").output)["entries"])
    assert [] == json.loads(ask("--until", "2026-03-02T09:30:01", "--json").output)["entries"]


def test_the_spreadsheet_has_every_column_and_no_formula(it: Exchange, ask: Ask) -> None:
    rows = list(csv.DictReader(io.StringIO(ask("--csv", "--member", "school").stdout)))

    assert list(CSV_COLUMNS) == list(rows[0])

    assert ["shared", "receipt"] == [row["kind"] for row in rows]
    assert "02/03/2026 09:30:02" == rows[0]["at_uk"]
    assert "Example school; Example health; Example police" == rows[0]["to"]


@pytest.mark.parametrize(
    "text", ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "  =1+1", "\uff1dcmd|' /C calc'!A0"]
)
def test_a_case_reference_cannot_become_a_formula_or_steer_a_terminal(text: str) -> None:
    slip = Slip("plan.opened", "promote_welfare", "court_order", 0, 0, f"{text}\x1b[2J")
    row = EntryRow(Place(0, 1), 0, "taken", b"e", None, None, as_entry(1, EntryKind.TAKEN, {}))
    written = as_csv([Found(row, None, SlipState.OPEN, slip)], View(str, Receipts({})))

    assert f"'{text}·[2J" == next(csv.DictReader(io.StringIO(written)))["case_ref"]
