"""A board's node whose home is damaged, whose disk is full or read-only, whose bus is away: what a person is told, and
that nothing is lost.
"""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from broker.board.line import OneTimeLine
from broker.board.node import BoardHome
from broker.cli.main import main
from broker.errors import UnavailableError
from schemas.audit import EntryKind
from tests.rig.disks import fill, free, small_disk, why_not
from tests.support.audit_trail import Trail, an_id
from tests.support.directory import CUMBERLAND
from tests.support.exchange import make_exchange
from tests.support.processes import HANDRAIL

ASK = ("audit", "ask", "Q5", "--purpose", "case audit 2026/14", "--by", "Kit Example")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A board's home that has read a trail of one entry."""
    home = make_exchange(tmp_path_factory.mktemp("trouble")).home("board")
    opened = BoardHome.open(home)
    trail = Trail()
    trail.add(EntryKind.CHILD_TOKEN, child=an_id("child"), tokens=[], areas=[CUMBERLAND])
    store = opened.store()
    with store.work() as work:
        for data in trail.entries:
            opened.projection().take(work, data)
    store.close()
    return home


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    shutil.copytree(made, folder)
    return folder


def run(home: Path, *words: str) -> Result:
    """One command at this home. A fault that nobody foresaw fails the test."""
    done = CliRunner().invoke(main, [*(words or ASK), "--home", str(home)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
    assert "Traceback" not in done.output
    return done


def asked(home: Path) -> list[tuple[str, str, str]]:
    """What was recorded."""
    store = BoardHome.open(home).store()
    with store.work() as work:
        found = [(one.asker, one.purpose, one.asked) for one in work.questions()]
    store.close()
    return found


@pytest.mark.parametrize(
    "card",
    [
        pytest.param(b"", id="nothing in it"),
        pytest.param(b"rubbish", id="no JSON"),
        pytest.param(b"\xff\xfe\x00", id="no text"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b'{"kind": "board"}', id="nobody's"),
        pytest.param(b'{"kind": ["board"], "id": 7}', id="of other types"),
        pytest.param(b"[" * 100_000, id="deep"),
    ],
)
@pytest.mark.parametrize("command", [ASK, ("audit", "verify"), ("inbox", "list")])
def test_a_damaged_card_is_named_with_the_way_back(home: Path, card: bytes, command: tuple[str, ...]) -> None:
    (home / "member.json").write_bytes(card)
    told = run(home, *command)

    assert 1 == told.exit_code
    assert "member.json is damaged" in told.output
    assert "last backup" in told.output


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("directory.bin", b"", "the stored directory is damaged"),
        ("directory.bin", b"\x00" * 500, "the stored directory is damaged"),
        ("directory.bin", None, "directory.bin is missing"),
        ("keys/vault.secret", None, "the secret 'vault' is missing"),
        ("keys/vault.secret", b"\xff" * 9, "vault.secret is damaged"),
        ("keys/token-1.secret", b"", "token-1.secret is damaged"),
        ("database.url", b"mysql://elsewhere", "postgresql+psycopg://"),
        ("audit.db", b"a letter, no database. " * 999, "is not a Handrail database or is damaged"),
    ],
)
def test_each_damaged_file_is_named(home: Path, name: str, content: bytes | None, says: str) -> None:
    (home / name).unlink(missing_ok=True)
    if content is not None:
        (home / name).write_bytes(content)
        (home / name).chmod(0o600)
    told = run(home)

    assert 1 == told.exit_code
    assert says in told.output


def test_a_database_damaged_in_its_middle_is_called_so_and_kept(home: Path) -> None:
    run(home)
    path = home / "audit.db"
    size = path.stat().st_size
    with path.open("r+b") as file:
        for place in range(8192, size, 4096):
            file.seek(place)
            file.write(b"\xa5" * 4096)
    told = run(home)

    assert 1 == told.exit_code
    assert "is damaged. Move it aside" in told.output
    assert size == path.stat().st_size


def test_a_store_that_is_gone_makes_no_noughts(home: Path) -> None:
    for path in home.glob("audit.db*"):
        path.unlink()
    told = run(home)

    assert 0 == told.exit_code
    assert "Not measured: no entry of the trail is at this node." in told.output
    assert "tell the operator" in told.output


@pytest.mark.parametrize("url", ["", "\n", "nowhere"])
def test_an_address_of_the_bus_that_is_none_is_called_so(home: Path, url: str) -> None:
    """Then the question is not answered, as where the bus is away."""
    (home / "nats" / "url").write_text(url)

    with pytest.raises(UnavailableError, match="is empty or is none"):
        OneTimeLine(home, "m-board").publish([])


@pytest.fixture
def disk(home: Path) -> Iterator[Path]:
    """The home on a disk of its own."""
    if reason := why_not(home.parent):
        pytest.skip(reason)
    with small_disk(home, megabytes=8) as mounted:
        yield mounted


def test_a_full_disk_is_called_full_and_never_a_damaged_file(disk: Path) -> None:
    """Who was told to move the file aside would lose every question that was ever asked."""
    run(disk)
    fill(disk)
    for command in (ASK, ("audit", "list", "--purpose", "x")):
        told = run(disk, *command)
        assert 1 == told.exit_code
        assert "is full or broken" in told.output
        assert "damaged" not in told.output
        assert "everything" not in told.output
    free(disk)

    assert 0 == run(disk).exit_code
    assert ["Q5; everything"] * 2 == [what for _, _, what in asked(disk)]


def test_a_read_only_disk_is_called_so(disk: Path) -> None:
    run(disk)
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    told = run(disk)
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)

    assert 1 == told.exit_code
    assert "is read-only" in told.output
    assert "it is not damaged" in told.output
    assert 0 == run(disk).exit_code


_CHILD = ("--case", "CC-1")


@pytest.mark.parametrize("words", [("audit", "ask", "Q1", "--pdf"), ("audit", "export")])
def test_a_file_that_cannot_be_made_is_said_before_anything_is_asked(
    home: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    there = tmp_path / "there.out"
    there.write_text("an earlier one")
    before = asked(home)
    for path, says in ((tmp_path / "no folder" / "a.out", "cannot be made"), (there, "exists already")):
        told = run(home, *words, str(path), *_CHILD, "--purpose", "review 2026/3")
        assert 2 == told.exit_code
        assert says in told.output

    assert "an earlier one" == there.read_text()
    assert before == asked(home)


def test_no_half_of_a_file_is_left_and_nobody_else_reads_it(home: Path, tmp_path: Path) -> None:
    if reason := why_not(tmp_path):
        pytest.skip(reason)
    small = tmp_path / "stick"
    small.mkdir()
    with small_disk(small, megabytes=1):
        fill(small)
        told = run(home, "audit", "ask", "Q1", *_CHILD, "--purpose", "x", "--pdf", str(small / "a.pdf"))
        assert 1 == told.exit_code
        assert "could not be written" in told.output
        assert "The question is recorded" in told.output
        assert not (small / "a.pdf").exists()
        free(small)
        assert (
            0
            == run(
                home, "audit", "ask", "Q1", *_CHILD, "--purpose", "x", "--pdf", str(small / "a.pdf")
            ).exit_code
        )
        assert 0o600 == (small / "a.pdf").stat().st_mode & 0o777

    assert 2 == len(asked(home))


def test_a_command_killed_in_the_middle_of_a_question_loses_nothing(home: Path, tmp_path: Path) -> None:
    """It waits for a bus that is away: its question is on the disk, and goes to the log with the next one."""
    (home / "nats" / "url").write_text("tls://127.0.0.1:1")
    paper = tmp_path / "a.pdf"
    ask: list[str] = ["audit", "ask", "Q1", *_CHILD, "--by", "Kit Example", "--pdf", str(paper)]
    command = [str(HANDRAIL), *ask, "--home", str(home), "--purpose", "the first"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        while not asked(home):
            assert running.poll() is None
        running.kill()
    assert b"" == paper.read_bytes()

    assert 0 == run(home, *ask, "--purpose", "the second").exit_code
    assert paper.read_bytes().startswith(b"%PDF")
    assert [("Kit Example", why, "Q1; case CC-1") for why in ("the first", "the second")] == asked(home)
    store = BoardHome.open(home).store()
    with store.work() as work:
        assert [] == work.unlogged()
        assert [1, 2] == [one.number for one in work.questions()]
    store.close()


def test_an_export_of_which_nothing_can_be_proven_leaves_no_file(home: Path, tmp_path: Path) -> None:
    told = run(home, "audit", "export", str(tmp_path / "e.json"), *_CHILD, "--purpose", "x")

    assert 1 == told.exit_code
    assert "nothing can be proven so far" in told.output
    assert not (tmp_path / "e.json").exists()


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("ask", "Q3"), "a question without a purpose"),
        (("ask", "Q3", "--purpose", " \t "), "a question without a purpose"),
        (("ask", "Q99", "--purpose", "p"), "a question that cannot be read (key)"),
        (("ask", "Q1", "--purpose", "p"), "a question that cannot be read (child)"),
        (("ask", "Q1", "--purpose", "p", "--nhs", "9990000019"), "a question that cannot be read (nhs)"),
        (("ask", "Q2", "--purpose", "p", "--area", "E06000047"), "a question that cannot be read (area)"),
        (
            ("ask", "Q2", "--purpose", "p", "--since", "2026-03-02", "--until", "2026-03-02"),
            "a question that cannot be read (until)",
        ),
        (("list",), "a question without a purpose"),
        (("list", "--purpose", ""), "a question without a purpose"),
        (
            ("list", "--purpose", "p", "--since", "2026-03-02", "--until", "2026-03-01"),
            "a question that cannot be read (until)",
        ),
        (("export", "out.json"), "export: a question without a purpose"),
    ],
)
def test_what_a_command_refuses_is_recorded_without_what_was_typed(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], what: str
) -> None:
    monkeypatch.chdir(tmp_path)
    told = run(home, "audit", *words, "--by", "Kit Example")

    assert 2 == told.exit_code
    purpose = "p" if "p" in words else ""
    assert [("Kit Example", purpose, f"refused: {what}")] == asked(home)
    assert not list(tmp_path.glob("*.json"))


def test_a_sample_says_the_seed_that_draws_the_same_again(home: Path) -> None:
    first = run(home, "audit", "ask", "Q1", "--purpose", "p", "--sample", "5").output
    seed = first.split("seed ")[1].split()[0]
    again = run(home, "audit", "ask", "Q1", "--purpose", "p", "--sample", "5", "--seed", seed).output

    assert f"Asked for: Q1; sample of 5, seed {seed}" in again


def test_that_nothing_waits_for_a_second_auditor_is_said(home: Path) -> None:
    assert "Nothing waits for a second auditor.\n" == run(home, "audit", "approve").output


def test_every_member_can_print_the_keys_of_the_log(home: Path) -> None:
    """So that whoever checks a file need not ask the board that gave it."""
    printed = run(home, "log", "keys")

    assert 0 == printed.exit_code
    assert all("+" in line for line in printed.output.splitlines())
    (home / "member.json").unlink()
    assert "is not a member's home" in run(home, "log", "keys").output
    assert "one of them" in CliRunner().invoke(main, ["log", "keys"]).output
