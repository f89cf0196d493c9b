"""Whether a command line, as it stands in a unit or on a page, is one of ours with options that it has."""

from collections.abc import Sequence

import click

from broker.cli import main


def exists(words: Sequence[str]) -> bool:
    """``words`` are those after ``handrail``: a command to its last group, and only options that it knows."""
    command: click.Command | None = main
    context = click.Context(main)
    left = list(words)
    while isinstance(command, click.Group) and left and not left[0].startswith("-"):
        command = command.get_command(context, left.pop(0))
    if command is None:
        return False
    known = {
        option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
    }
    return {word for word in left if word.startswith("--")} <= known | {"--help"}
