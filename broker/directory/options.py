"""The option that every command of an exchange's own machine takes."""

from pathlib import Path
from typing import Final

import click

DATA: Final = click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    envvar="HANDRAIL_DATA",
    help="The exchange's folder, made by `handrail directory init`.",
)
