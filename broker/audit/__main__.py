"""``python -m broker.audit``: the log's commands without the others; ``handrail up`` starts the audit service so."""

import sys

import click

from broker.audit.cli import log
from broker.errors import HandrailError

if __name__ == "__main__":
    try:
        log()
    except HandrailError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
