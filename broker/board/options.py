"""The option that every command at a board's node takes."""

from pathlib import Path
from typing import Final

import click

HOME: Final = click.option(
    "--home",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    envvar="HANDRAIL_HOME",
    help="The board's home.",
)
