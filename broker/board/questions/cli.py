"""``handrail audit ask``: a question of the catalogue, in a terminal, for machines or for a spreadsheet."""

import csv
import getpass
import io
import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from broker.board.files import new_file
from broker.board.node import BoardHome
from broker.board.options import HOME
from broker.board.questions.answer import Answer, BadQuestionError, NotAnsweredError, cell_text, to_json
from broker.board.questions.approving import approve, waiting
from broker.board.questions.asking import ask
from broker.board.questions.catalogue import CATALOGUE
from broker.board.showing import cell, clean
from broker.clock import system_clock
from broker.terminal import show_table

_NARROWED = (
    ("case", "A front door's case reference."),
    ("nhs", "An NHS number; it becomes a token here and leaves this machine in no form."),
    ("upn", "A unique pupil number; as for --nhs."),
    ("sample", "So many children, drawn at random."),
    ("seed", "Draw the same children again: the seed that an earlier answer named."),
    ("since", "UK time, such as 2026-03-02."),
    ("until", "UK time; that moment itself is not included."),
    ("area", "Only this area of the board (GSS code)."),
    ("member", "Only this member, by id or name."),
    ("hours", "For questions that take a limit in hours."),
    ("days", "For questions that take a limit in days."),
)


def _narrowed(command: Any) -> Any:
    for name, words in reversed(_NARROWED):
        command = click.option(f"--{name}", help=words)(command)
    return command


@click.command("ask", epilog="`handrail audit catalogue` lists the questions.")
@click.argument("key")
@HOME
@click.option("--purpose", default="", help="Why you ask. Required, and recorded.")
@click.option("--by", "asker", default=getpass.getuser, help="Who asks, if not the user who is signed in.")
@_narrowed
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.option("--csv", "as_csv", is_flag=True, help="For a spreadsheet.")
@click.option(
    "--pdf", type=click.Path(path_type=Path, dir_okay=False), help="Write it on paper, into this file."
)
def ask_command(
    key: str,
    home: Path,
    purpose: str,
    asker: str,
    as_json: bool,
    as_csv: bool,
    pdf: Path | None,
    **given: str | None,
) -> None:
    """Ask question KEY, such as Q3. Question, purpose and asker are recorded before the answer is shown."""
    if as_json and as_csv:
        raise click.UsageError("Choose --json or --csv.")
    opened = BoardHome.open(home)
    store = opened.store()
    with new_file(pdf) as write:
        try:
            answer = ask(opened, store, asker, purpose, key.upper(), given, system_clock())
        except BadQuestionError as error:
            raise click.UsageError(error.says) from error
        except NotAnsweredError as error:
            number = f" It is request {error.logged}." if error.logged is not None else ""
            raise click.ClickException(f"{error.says}{number}") from error
        finally:
            store.close()
        if pdf is not None:
            from broker.board.questions.paper import as_pdf

            write(as_pdf(answer, asker=asker, purpose=purpose))
    if pdf is not None:
        click.echo(f"{len(answer.rows)} rows in {pdf}: treat it as the case record that it is.")
    elif as_json:
        click.echo(json.dumps(to_json(answer), indent=1))
    elif as_csv:
        click.echo(as_spreadsheet(answer), nl=False)
    else:
        _print(answer)


@click.command("catalogue")
def catalogue_command() -> None:
    """List the questions that can be asked, and what each is narrowed by."""
    for question in CATALOGUE.values():
        takes = ", ".join(
            f"{one.value}{' (required)' if one in question.needs else ''}" for one in question.takes
        )
        click.echo(
            f"{question.key:4} {question.title}\n     {question.about}\n     narrowed by: {takes or 'nothing'}"
        )


@click.command("approve")
@click.argument("number", type=int, required=False)
@HOME
@click.option("--why", default="", help="Why the question may be answered. Required, and recorded.")
@click.option(
    "--by", "approver", default=getpass.getuser, help="Who approves, if not the user who is signed in."
)
def approve_command(number: int | None, home: Path, why: str, approver: str) -> None:
    """As second auditor, let request NUMBER about a protected child be answered; without it, list what waits."""
    opened = BoardHome.open(home)
    store, at = opened.store(), system_clock()
    try:
        if number is None:
            found = waiting(store, at)
            for one in found:
                click.echo(f"{one.question}: {clean(one.asker)} asked for {clean(one.asked)}")
            if not found:
                click.echo("Nothing waits for a second auditor.")
            return
        approved = approve(opened, store, approver, why, number, at)
    except NotAnsweredError as error:
        raise click.ClickException(error.says) from error
    finally:
        store.close()
    click.echo(f"Approved for 24 hours: {clean(approved.asker)} may ask for {clean(approved.asked)}.")


def as_spreadsheet(answer: Answer) -> str:
    """The rows of an answer as CSV. No cell can be taken for a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([cell(column.heading) for column in answer.columns])
    for row in answer.rows:
        shown = zip(row, answer.columns, strict=True)
        writer.writerow([cell(cell_text(value, column)) for value, column in shown])
    return out.getvalue()


def _print(answer: Answer) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{answer.key}  {answer.title}", style="bold", markup=False)
    console.print(f"Asked for: {clean(answer.asked)}", markup=False)
    if not answer.measured:
        console.print(f"Not measured: {answer.why_not}", markup=False)
    for line in answer.summary:
        console.print(clean(line), markup=False)
    if answer.rows:
        show_table(
            [column.heading for column in answer.columns],
            [
                [clean(cell_text(value, column)) for value, column in zip(row, answer.columns, strict=True)]
                for row in answer.rows
            ],
        )
    for line in answer.notes:
        console.print(clean(line), markup=False)
    if answer.suppressed:
        console.print("Figures under five are suppressed, and what would give them away.", markup=False)
    console.print(f"Recorded as question {answer.logged}. Proof: {answer.proof.says}", markup=False)
