"""``python -m broker.operator.care``: end a server that a full disk has stopped, once there is room; its manager starts it again.

``handrail up`` does the same for its own server. Under a service manager a timer runs this.
"""

import json
import os
import signal
from pathlib import Path

import click

from broker.bus.care import needs_restart
from broker.directory.layout import Layout
from broker.directory.options import DATA


@click.command()
@DATA
def main(data: Path) -> None:
    """Look once; say what was done."""
    layout = Layout(data.resolve())
    try:
        told = json.loads((layout.nats / "ports.json").read_text())
    except FileNotFoundError:
        return  # it has never run
    if not needs_restart(told["monitor"], layout.nats / "store"):
        return
    try:
        os.kill(told["pid"], signal.SIGTERM)
    except ProcessLookupError:
        return
    click.echo("the server could not write to a full disk and there is room again: ended, to be started anew")


if __name__ == "__main__":
    main()
