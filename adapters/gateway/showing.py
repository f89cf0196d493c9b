"""How the gateway's commands read options and show things to people."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from broker.clock import from_ms
from schemas.errors import EventRefusedError

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


def day_and_time(at_ms: int) -> str:
    """A moment as people read it, in UTC."""
    return from_ms(at_ms).strftime("%d %b %Y %H:%M:%S")


def show_faults(error: EventRefusedError, what: str) -> None:
    """Say what is wrong with an event, where, and what to do."""
    click.echo(f"Refused ({error.code}): {what}", err=True)
    for fault in error.faults:
        click.echo(f"  {fault.place}: {fault.why}. {fault.advice}", err=True)
