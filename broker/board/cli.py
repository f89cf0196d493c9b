"""``handrail board`` and ``handrail audit``: at the board's own node, about the board's own areas."""

import asyncio
import getpass
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from broker.board import showing
from broker.board.files import new_file
from broker.board.keeping import rebuild, replay
from broker.board.mirror import Mirror
from broker.board.node import BoardHome, BoardService
from broker.board.options import HOME
from broker.board.pages.cli import pages
from broker.board.proving import prove
from broker.board.questions.answer import BadQuestionError, NotAnsweredError
from broker.board.questions.cli import approve_command, ask_command, catalogue_command
from broker.board.recording import inclusions
from broker.board.releasing import release
from broker.clock import system_clock, to_ms
from broker.faults import gap_of
from broker.lifecycle import settle_memory, stop_on_signals
from broker.logs import configure_logs
from broker.progress import log_progress, say_progress
from broker.store.audit.rows import Found
from broker.store.audit.store import AuditStore
from broker.telemetry.watching import BoardWatch
from schemas.audit import EntryKind

_json = click.option("--json", "as_json", is_flag=True, help="For machines.")


@click.group()
def board() -> None:
    """A safeguarding partnership's own node."""


board.add_command(pages)
board.add_command(rebuild)
board.add_command(replay)


@board.command()
@HOME
@click.option("--url", help="The bus, if not the one in the home.")
@click.option("--metrics-port", type=int, help="Serve Prometheus metrics on this port of 127.0.0.1.")
def run(home: Path, url: str | None, metrics_port: int | None) -> None:
    """Follow the audit trail until Ctrl-C."""
    from broker.telemetry.process import watched_board

    configure_logs()
    with watched_board(home, metrics_port) as watch:
        asyncio.run(_run(BoardHome.open(home), url, watch))


async def _run(home: BoardHome, url: str | None, watch: BoardWatch) -> None:
    stop = asyncio.Event()
    store = home.store(log_progress)
    settle_memory()
    try:
        with stop_on_signals(stop):
            await BoardService(home, store, url, watch, gap_of("board")).run(
                stop, ready=lambda: click.echo("ready")
            )
    finally:
        store.close()


@click.group()
def audit() -> None:
    """Who shared what kind of thing, when, with whom, why; who opened it and who did not."""


audit.add_command(ask_command)
audit.add_command(catalogue_command)
audit.add_command(approve_command)


_QUESTION = (
    click.option("--case", "case_ref", help="A front door's case reference."),
    click.option("--nhs", help="An NHS number; it becomes a token here and leaves this machine in no form."),
    click.option("--upn", help="A unique pupil number; as for --nhs."),
    click.option("--member", help="Only entries that name this member, by id or name."),
    click.option("--area", help="Only entries that concern this area of the board (GSS code)."),
    click.option("--kind", "kinds", multiple=True, type=click.Choice([kind.value for kind in EntryKind])),
    click.option("--since", type=click.DateTime(), help="UK time."),
    click.option("--until", type=click.DateTime(), help="UK time; that moment itself is not included."),
    click.option("--most", default=1000, show_default=True, type=click.IntRange(0), help="0: without limit."),
)


def _question(command: Callable[..., None]) -> Callable[..., None]:
    """The options of a question, why it is asked and by whom."""
    options = (
        click.option("--purpose", default="", help="Why you ask. Required, and recorded."),
        click.option(
            "--by", "asker", default=getpass.getuser, help="Who asks, if not the user who is signed in."
        ),
        *_QUESTION,
    )
    for option in reversed(options):
        command = option(command)
    return command


@audit.command("list")
@HOME
@_question
@_json
@click.option("--csv", "as_csv", is_flag=True, help="For a spreadsheet.")
def list_command(home: Path, purpose: str, asker: str, as_json: bool, as_csv: bool, **asked: Any) -> None:
    """Audit entries of this board's areas that fit, oldest first, in UK time."""
    if as_json and as_csv:
        raise click.UsageError("Choose --json or --csv.")
    opened = BoardHome.open(home)
    with _open(opened) as store, _refusals():
        got, _ = release(opened, store, (asker, purpose), asked, to_ms(system_clock()), lambda *_: None)
    ask, found, holes, unread = got.ask, got.found, got.holes, got.unread
    view = showing.View(showing.names_of(opened.directory()), got.receipts, got.veil)
    said = showing.warnings(holes, unread)
    if got.left_out:
        said.insert(0, _left_out(got.left_out))
    if not found:
        said.insert(0, ask.unknown if got.nowhere and ask.unknown else "No entry fits what you asked for.")
    if ask.question.most and len(found) == ask.question.most:
        said.append(f"Only the first {len(found)} entries are shown; ask for more with --most.")
    if as_json:
        document = {
            "missing_entries": sum(hole.size for hole in holes),
            "missing": [[hole.partition, hole.first, hole.last] for hole in holes],
            "unreadable": len(unread),
            "warnings": said,
            "entries": [showing.as_document(one, view) for one in found],
        }
        click.echo(json.dumps(document, indent=1))
    elif as_csv:
        click.echo(showing.as_csv(found, view), nl=False)
        for line in said:
            click.echo(line, err=True)
    else:
        _print(found, view, said)


@audit.command()
@HOME
@_question
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def export(home: Path, purpose: str, asker: str, file: Path, **asked: Any) -> None:
    """Write an answer with its proofs into FILE, for `handrail-verify` on any machine."""
    opened = BoardHome.open(home)
    with new_file(file) as write:
        with _open(opened) as store, _refusals():
            proven = prove(opened, store, (asker, purpose), asked, system_clock())
        write(proven.data)
    click.echo(
        f"{len(proven.released.found)} entries, {len(proven.data)} bytes, under a head of {proven.size} entries. "
        "The file names members and areas: treat it as the case record that it is."
    )
    if proven.released.left_out:
        click.echo(_left_out(proven.released.left_out))


@audit.command("verify")
@HOME
def verify_command(home: Path) -> None:
    """Hold this node's whole trail against what the log has signed and its witnesses have seen."""
    opened = BoardHome.open(home)
    with _open(opened) as store, store.work() as work:
        mirror = Mirror.of(work, opened.directory())
        mirror.verify(work, say_progress)
        newer = work.count_leaves() - mirror.head.size
        gaps = work.gaps()
    names = showing.names_of(opened.directory())
    said = [
        f"PROVEN: the {mirror.head.size} entries at this node are those that the log has signed, in that order, none left out.",
        f"The log: {mirror.head.origin}.",
        f"Witnesses that had seen it only grow: {', '.join(names(one) for one in mirror.witnesses)}.",
        "Every entry up to there that `handrail audit list` shows is among them.",
    ]
    if newer > 0:
        said.append(f"{newer} newer entries are here that no head covers yet; the next one will.")
    said += showing.warnings([], [], gaps)
    showing.show(Console(soft_wrap=True), said)


@audit.command()
@HOME
@_json
def questions(home: Path, as_json: bool) -> None:
    """Every question that was put to this node: when, by whom, for what purpose."""
    with _open(BoardHome.open(home)) as store, store.work() as work:
        asked = work.questions()
        stands = inclusions(work, [one.number for one in asked])
    if as_json:
        click.echo(json.dumps([showing.question_document(one, stands) for one in asked], indent=1))
    elif asked:
        Console().print(showing.questions_as_text(asked, stands))
    else:
        click.echo("Nobody has asked this node anything yet.")


def _print(found: list[Found], view: showing.View, said: list[str]) -> None:
    console = Console(highlight=False)
    if found:
        count = "1 entry" if len(found) == 1 else f"{len(found)} entries"
        console.print(Text(f"Audit trail: {count}, oldest first. Times are UK time.", style="bold"))
        console.print(showing.as_text(found, view))
        console.print()
    showing.show(console, said)


def _left_out(count: int) -> str:
    return (
        f"{count} {'entry is' if count == 1 else 'entries are'} about protected children and left out; ask about such "
        "a child by itself. A second auditor must approve it."
    )


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except BadQuestionError as error:
        raise click.UsageError(error.says) from error
    except NotAnsweredError as error:
        number = f" It is request {error.logged}." if error.logged is not None else ""
        raise click.ClickException(f"{error.says}{number}") from error


@contextmanager
def _open(home: BoardHome) -> Iterator[AuditStore]:
    store = home.store()
    try:
        yield store
    finally:
        store.close()
