"""``python -m broker.operator.certificates``: issue the bus's certificates on this machine anew before they end.

The authority stays, so that nothing changes for members elsewhere; their own certificates come from here too and are
carried to them. Private keys are made anew. Restart the server's clients afterwards; the server reads its own again
at ``handrail directory apply``.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import click

from broker.clock import system_clock
from broker.crypto.certificates import certificate_ends, issue
from broker.directory.layout import Layout
from broker.directory.options import DATA


@click.command()
@DATA
@click.option("--within", default=30, show_default=True, help="Only those that end within so many days.")
def main(data: Path, within: int) -> None:
    """Issue certificates anew."""
    layout, now = Layout(data.resolve()), system_clock().replace(microsecond=0)
    renewed = list(renew(layout, now, timedelta(days=within)))
    for name in renewed:
        click.echo(f"issued anew: {name}")
    click.echo(f"{len(renewed)} certificates issued." if renewed else "No certificate ends so soon.")
    if renewed:
        click.echo("Now run `handrail directory apply` and restart router, gateways and boards.")


def renew(layout: Layout, now: datetime, within: timedelta) -> Iterator[str]:
    """Replace each certificate that ends within a time; gives whose it was."""
    for name, folder, server in _leaves(layout):
        certificate = folder / ("server.pem" if server else "client.pem")
        ends = certificate_ends(certificate)
        if ends is not None and ends - now <= within:
            issue(layout.tls, folder, name, now, server=server)
            yield name


def _leaves(layout: Layout) -> Iterator[tuple[str, Path, bool]]:
    yield "localhost", layout.tls, True
    yield "admin", layout.admin, False
    yield "system", layout.system, False
    yield "router", layout.router / "nats", False
    for home in sorted(layout.members.iterdir()) if layout.members.exists() else ():
        yield home.name, home / "nats", False


if __name__ == "__main__":
    main()
