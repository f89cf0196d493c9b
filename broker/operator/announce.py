"""``python -m broker.operator.announce``: tell the exchange where a server is that somebody else has started.

``handrail up`` starts its own server and knows. A service manager starts ``nats-server`` by itself and runs this
afterwards, with the process id: it waits until the server listens and writes ``nats/ports.json``, which
``handrail directory apply`` and ``handrail status`` read.
"""

import json
import time
from pathlib import Path
from typing import Final

import click

from broker.directory.layout import Layout
from broker.directory.options import DATA
from broker.durable import write_whole
from broker.errors import UnavailableError

_READY_S: Final = 60.0
_POLL_S: Final = 0.05


@click.command()
@DATA
@click.option("--pid", type=int, required=True, help="The server's process id.")
def main(data: Path, pid: int) -> None:
    """Wait until the server listens, then write where."""
    layout = Layout(data.resolve())
    try:
        found = _ports(layout.nats / f"nats-server_{pid}.ports")
    except UnavailableError as error:
        raise click.ClickException(str(error)) from error
    said = {
        "url": found["nats"][0].replace("nats://", "tls://"),
        "monitor": found["monitoring"][0],
        "pid": pid,
    }
    write_whole(layout.nats / "ports.json", json.dumps(said).encode())
    click.echo(f"server {said['url']} (monitor {said['monitor']})")


def _ports(path: Path) -> dict[str, list[str]]:
    """What the server wrote about its ports. Raises UnavailableError where it wrote nothing in time."""
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline:
        try:
            found: dict[str, list[str]] = json.loads(path.read_text())
        except (FileNotFoundError, ValueError):
            found = {}
        if found.get("nats") and found.get("monitoring"):
            return found
        time.sleep(_POLL_S)
    raise UnavailableError(f"the server has not said where it listens ({path.name} is missing)")


if __name__ == "__main__":
    main()
