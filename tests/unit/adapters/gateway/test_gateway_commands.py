"""The commands as a front-door worker with four minutes sees them: plain words, and nothing personal echoed."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from adapters.gateway.duties.notices import words_of
from adapters.gateway.duties.waiting import waiting
from adapters.gateway.record.plain import day_and_time
from broker.cli.main import main
from broker.clock import to_ms
from schemas import canonical
from schemas.wire import InKind
from tests.support.events import CHILD, CUMBERLAND, PUPIL, WESTMORLAND, a_document
from tests.support.nems_messages import a_move, as_xml
from tests.support.postroom import PostRoom

Run = Callable[..., Result]
HERE = {"residence": {"gss": CUMBERLAND}}
BY = "Rowan Example, team manager"


@pytest.fixture
def run(room: PostRoom) -> Run:
    """Run one command in a member's home."""

    def go(name: str, *arguments: str, stdin: bytes = b"") -> Result:
        home = str(room.exchange.home(name))
        return CliRunner().invoke(
            main, list(arguments), input=stdin, env={"HANDRAIL_HOME": home, "COLUMNS": "160"}
        )

    return go


def test_one_refused_event_never_stops_the_others(run: Run) -> None:
    """Not an object, not allowed for this member, broken, good: the good one goes, each other says why."""
    good = a_document("eha.opened", n=3)
    events = [
        17,
        a_document("da.incident", n=1),
        a_document("eha.opened", n=2, acting_area="X"),
        good,
    ]

    result = run("school", "publish", "-", stdin=json.dumps(events).encode())

    assert 2 == result.exit_code
    assert [f"{good['id']}  eha.opened"] == result.stdout.splitlines()
    assert "Refused (not-an-event): event 1" in result.stderr
    assert "Refused (not-entitled): event 2" in result.stderr
    assert "Refused (invalid-event): event 3\n  acting_area" in result.stderr


@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param(b"{", "malformed-json", id="not JSON"),
        pytest.param(b"\xff\xfe\x00", "malformed-json", id="not text"),
        pytest.param(b"[" * 100_000, "malformed-json", id="a bomb"),
        pytest.param(as_xml(a_move()), "add --nems", id="NEMS as XML"),
        pytest.param(json.dumps(a_move()).encode(), "add --nems", id="NEMS as JSON"),
    ],
)
def test_a_file_of_another_kind_gets_a_hint(run: Run, data: bytes, says: str) -> None:
    result = run("health", "publish", "-", stdin=data)

    assert 2 == result.exit_code
    assert says in result.stderr
    assert "Traceback" not in result.output


def test_a_nems_message_is_published_with_its_account(run: Run, room: PostRoom) -> None:
    result = run("health", "publish", "--nems", "-", stdin=as_xml(a_move()))

    assert 0 == result.exit_code, result.output
    assert "move.notified" in result.output
    assert "values" in result.output
    assert 1 == len(room["health"].outbox())


def test_what_map_prints_for_machines_can_be_published(run: Run, room: PostRoom, tmp_path: Path) -> None:
    path = tmp_path / "message.xml"
    path.write_bytes(as_xml(a_move()))
    mapped = run("health", "map", "nems", str(path), "--json")
    result = run("health", "publish", "-", stdin=mapped.stdout.encode())

    assert 0 == result.exit_code, result.output
    assert 1 == len(room["health"].outbox())


def test_a_worker_lists_reads_and_takes_on(run: Run, room: PostRoom) -> None:
    room["school"].publish(a_document("eha.opened", n=1, subject={"upn": PUPIL}, **HERE))
    room.settle()

    listed = run("cumberland", "inbox", "list")
    shown = run("cumberland", "inbox", "show", "1")
    taken = run("cumberland", "inbox", "ack", "1", "--by", BY)
    again = run("cumberland", "inbox", "ack", "1", "--by", "Sam Example, worker")
    room.settle()
    sent = run("school", "outbox", "list")

    assert "Example school" in listed.output
    assert "new" in listed.output
    assert "eha.opened, from Example school" in shown.output
    assert "details, episode ref" in shown.output
    assert "eha-4" in shown.output
    assert "Rowan Example, team manager has taken on delivery 1" in taken.output
    assert "Rowan Example, team manager has taken it on" in again.output
    assert 2 == again.exit_code
    assert "taken on" in sent.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["inbox", "show", "99"], "there is no delivery 99", id="no such delivery"),
        pytest.param(["chronology", "abc"], "no child here begins with 'abc'", id="no such child"),
        pytest.param(
            ["handover", "show", "abc"], "no handover here begins with 'abc'", id="no such handover"
        ),
        pytest.param(
            ["identity", "link", "--nhs", "9990000019", "--upn", PUPIL, "--by", BY, "--why", "Seen."],
            "check digit",
            id="a wrong NHS number",
        ),
        pytest.param(
            ["identity", "link", "--nhs", CHILD, "--by", BY, "--why", "Seen."], "two ends", id="half a link"
        ),
        pytest.param(
            ["involvement", "confirm", "--nhs", CHILD, "--member", "m-zzz", "--by", BY],
            "the directory has no member m-zzz",
            id="no such member",
        ),
        pytest.param(
            ["involvement", "confirm", "--nhs", "9990000019", "--member", "m-", "--by", BY],
            "give more of the id",
            id="a beginning that many share",
        ),
    ],
)
def test_what_cannot_be_done_is_said_in_plain_words(run: Run, arguments: list[str], says: str) -> None:
    result = run("cumberland", *arguments)

    assert 2 == result.exit_code, result.output
    assert says in result.stderr
    assert "9990000019" not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_a_handover_by_commands_alone(run: Run, room: PostRoom) -> None:
    """Each person's step is one command and answers with a sentence."""
    room["cumberland"].publish(a_document("plan.opened", n=1, **HERE))
    room["health"].publish(a_document("move.notified", n=2))
    room.settle()
    handover = json.loads(run("westmorland", "handover", "list", "--json").stdout)[0]["handover"][:6]
    released = run("cumberland", "handover", "release", handover, "--by", BY)
    room.settle()
    shown = run("westmorland", "handover", "show", handover)
    child = shown.output.rpartition("chronology ")[2].strip()
    history = run("westmorland", "chronology", child)
    accepted = run("westmorland", "handover", "accept", handover, "--by", BY)
    room.settle()
    closed = json.loads(run("cumberland", "handover", "show", handover, "--json").stdout)

    assert "The history is released" in released.output
    assert "case holder: Cumberland" in shown.output
    assert "safety duty: Westmorland and Furness" in shown.output
    assert "plan.opened" in history.output
    assert "granted history" in history.output
    assert "this area holds it" in accepted.output
    assert ("closed", "E06000064") == (closed["state"], closed["case_holder"])


def test_the_four_ways_to_part_with_a_handover(run: Run, room: PostRoom) -> None:
    """Declined, accepted with a conference to come, conference held: the other side's order is refused in words."""
    room["cumberland"].publish(a_document("plan.opened", n=1, **HERE))
    room["health"].publish(a_document("move.notified", n=2))
    room.settle()
    handover = room["westmorland"].actions.handovers()[0].handover.hex()
    wrong = run("westmorland", "handover", "withdraw", handover, "--by", BY, "--because", "No.")
    declined = run(
        "westmorland",
        *(
            "handover",
            "decline",
            handover,
            "--by",
            BY,
            "--reason",
            "papers_missing",
            "--because",
            "None came.",
        ),
    )
    room.settle()
    accepted = run("westmorland", "handover", "accept", handover, "--by", BY, "--conference")
    room.settle()
    bad_day = run("westmorland", "handover", "conference-held", handover, "--by", BY, "--on", "soon")
    held = run("westmorland", "handover", "conference-held", handover, "--by", BY, "--on", "2026-03-20")
    room.settle()

    assert "only the old area's front door" in wrong.stderr
    assert "safety duty" in declined.output
    assert 0 == accepted.exit_code
    assert "held_on" in bad_day.stderr
    assert 2 == bad_day.exit_code
    assert 0 == held.exit_code
    assert "closed" == room["cumberland"].actions.handovers()[0].state


def test_a_child_that_is_back_is_not_shown_as_kept_safe_by_the_area_that_it_has_left(
    run: Run, room: PostRoom
) -> None:
    """Nobody has withdrawn yet. What is owed is said in words, by whom, and by clocks as they hang on English walls."""
    room["cumberland"].publish(a_document("plan.opened", n=1, **HERE))
    room["health"].publish(a_document("move.notified", n=2))
    room.settle()
    home = {"from_area": WESTMORLAND, "to_area": CUMBERLAND}
    room["health"].publish(a_document("move.notified", n=3, details=home, **HERE))
    room.settle()
    handover = room["westmorland"].actions.handovers()[0].handover.hex()

    for name in ("cumberland", "westmorland"):
        shown = " ".join(run(name, "handover", "show", handover).output.split())
        assert "now Cumberland must keep it safe, not Westmorland and Furness" in shown
        assert "safety duty: Cumberland" in shown
        assert "[open] release the history to the receiving area: Example cumberland, by " in shown
        what = "release the history to the receiving area (noticed, Cumberland > Westmorland and Furness)"
        assert what in {one.what for one in waiting(room[name].home, [])}
    assert "Wed 01 Jul 2026 23:59:59" == day_and_time(to_ms(datetime(2026, 7, 1, 22, 59, 59, tzinfo=UTC)))


def test_papers_that_are_late_are_spoken_of_in_a_sentence() -> None:
    said = words_of(InKind.NOTICE, canonical.encode(["order-late", {"order": bytes(16), "due_ms": 1}]))

    assert said is not None
    assert "have not all gone in time" in said


def test_recover_mends_a_lost_database_and_says_what_to_do(run: Run, room: PostRoom) -> None:
    room["health"].publish(a_document("concern.raised", n=1, **HERE))
    room.settle()
    room.shut("cumberland")
    for left in room.exchange.home("cumberland").glob("gateway.db*"):
        left.unlink()
    result = run("cumberland", "gateway", "recover")

    assert 0 == result.exit_code, result.output
    assert "1 of them were missing" in result.output
    assert "concern.raised" == room["cumberland"].read(1, role="worker").type
