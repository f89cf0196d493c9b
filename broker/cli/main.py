"""The command's frame: which groups exist, and how an error of ours reaches a person."""

import atexit
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points, version
from typing import Any

import click

from broker.errors import HandrailError, RejectedError

# The process ends: nobody needs the garbage of a whole program to be looked for once more, which takes a third of a start.
atexit.register(gc.freeze)

GROUP = "handrail.commands"

ORDER = [
    "demo",
    "up",
    "status",
    "directory",
    "gateway",
    "publish",
    "inbox",
    "outbox",
    "chronology",
    "watch",
    "handover",
    "notices",
    "identity",
    "involvement",
    "map",
    "areas",
    "router",
    "quarantine",
    "board",
    "audit",
    "log",
]
"""The order of ``--help``: what a newcomer needs comes first."""


class Commands(click.Group):
    """Loads a command only when it is asked for: ``handrail --version`` should not wait for a database library."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """All installed commands, in the order of ``ORDER``, strangers last."""
        names = {entry.name for entry in entry_points(group=GROUP)}
        known = [name for name in ORDER if name in names]
        return known + sorted(names.difference(known))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Load one command; None if there is none of that name."""
        for entry in entry_points(group=GROUP):
            if entry.name == cmd_name:
                with _uncollected():
                    command = entry.load()
                return command if isinstance(command, click.Command) else None
        return None

    def invoke(self, ctx: click.Context) -> Any:
        """Run, and turn an error raised on purpose into a sentence and an exit code."""
        try:
            return super().invoke(ctx)
        except RejectedError as error:
            click.echo(f"Refused ({error.code}): {error.why}\n  What to do: {error.advice}", err=True)
            sys.exit(2)
        except HandrailError as error:
            click.echo(f"Error: {error}", err=True)
            sys.exit(1)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Loading makes a hundred thousand objects and no garbage; looking for it again and again takes a fifth of a start."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("handrail"), prog_name="handrail", message="%(prog)s %(version)s")
def main() -> None:
    """Handrail keeps hold of a child's safeguarding history when a family moves.

    Not for real people's data: child tokens are keyed hashes until split-key tokens replace them.
    """
