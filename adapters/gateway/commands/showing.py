"""How the gateway's commands read options and show things to people."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from broker.errors import RejectedError
from schemas.errors import EventRefusedError, MalformedIdentifierError
from schemas.ids import EventId
from schemas.policy import NoRuleError

F = TypeVar("F", bound=Callable[..., Any])


def home_option(command: F) -> F:
    """``--home``: the member's folder."""
    return click.option(
        "--home",
        type=click.Path(path_type=Path, exists=True, file_okay=False),
        required=True,
        envvar="HANDRAIL_HOME",
        help="The member's home.",
    )(command)


def as_json_flag(command: F) -> F:
    """``--json``: for machines."""
    return click.option("--json", "as_json", is_flag=True, help="For machines.")(command)


class Spoken(click.Command):
    """A command that answers a wrong identifier or event in plain words, never with what was typed, and exits 2."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it."""
        try:
            return super().invoke(ctx)
        except EventRefusedError as error:
            show_faults(error, "what was asked for")
        except MalformedIdentifierError as error:
            click.echo(
                f"Refused ({error.rule}): the {error.kind} {error.why}\n  What to do: {error.advice}",
                err=True,
            )
        except NoRuleError as error:
            click.echo(f"Refused (no-rule): {error}", err=True)
        sys.exit(2)


def on_its_way(sentence: str, event_id: EventId) -> None:
    """Say what was done, and that it goes out by itself, now or when there is a network."""
    click.echo(f"{sentence} It is on its way as event {event_id}; `handrail outbox list` shows who has it.")


def show_refusal(error: RejectedError, what: str) -> None:
    """Say why something was refused, and what to do."""
    click.echo(f"Refused ({error.code}): {what}: {error.why}\n  What to do: {error.advice}", err=True)


def show_faults(error: EventRefusedError, what: str) -> None:
    """Say what is wrong with an event, where, and what to do."""
    click.echo(f"Refused ({error.code}): {what}", err=True)
    for fault in error.faults:
        click.echo(f"  {fault.place}: {fault.why}. {fault.advice}", err=True)
