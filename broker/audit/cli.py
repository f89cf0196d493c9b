"""``handrail log``: the audit service, and the key by which its heads are checked."""

import asyncio
from pathlib import Path

import click

from broker.audit.log import Log, open_log
from broker.audit.service import LogParts, LogService
from broker.audit.witnesses import log_key, witness_keys
from broker.bus.connection import Access
from broker.bus.topology import LOG
from broker.clock import system_clock, system_entropy
from broker.config import read_card
from broker.crypto.directories import reopen_directory
from broker.crypto.keyring import load_keyring
from broker.directory.apply import apply
from broker.directory.files import read_current
from broker.directory.issue import Issuer
from broker.directory.layout import Layout
from broker.directory.options import DATA
from broker.errors import ConfigurationError
from broker.faults import gap_of
from broker.lifecycle import settle_memory, stop_on_signals
from broker.logs import configure_logs
from broker.progress import log_progress
from schemas.directory import Directory


@click.group()
def log() -> None:
    """The tamper-evident log of an exchange."""


@log.command()
@DATA
@click.option("--url", help="The bus, if not the one in the log's own folder.")
def run(data: Path, url: str | None) -> None:
    """Write the log until Ctrl-C: entries in, signed heads out. Only one may run."""
    configure_logs()
    layout = Layout(data)
    directory = read_current(layout)
    if directory.log is None:
        raise ConfigurationError("this exchange has no log; `handrail log init` makes one")
    key = load_keyring(layout.log / "keys").sign_key([directory.log.key.key_id])
    with open_log(layout.log / "tiles", directory.log.origin, key, gap_of("log"), log_progress) as opened:
        asyncio.run(_run(layout, opened, url))


async def _run(layout: Layout, opened: Log, url: str | None) -> None:
    folder = layout.log / "nats"

    def access() -> Access:
        return Access.in_folder(folder, LOG, url or (folder / "url").read_text())

    stop = asyncio.Event()
    parts = LogParts(opened, access, lambda: read_current(layout), gap_of("log"))
    settle_memory()
    with stop_on_signals(stop):
        await LogService(parts).run(stop, ready=lambda: click.echo("ready"))


@log.command()
@DATA
def init(data: Path) -> None:
    """Give an exchange from before there was a log its audit service."""
    layout = Layout(data)
    Issuer(layout=layout, now=system_clock().replace(microsecond=0), entropy=system_entropy).add_log()
    for line in asyncio.run(apply(layout)):
        click.echo(line)
    click.echo("The log is named in the directory. Start it with `handrail log run`, or `handrail up`.")


@log.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    envvar="HANDRAIL_DATA",
    help="The exchange's folder, at the operator's.",
)
@click.option(
    "--home",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    envvar="HANDRAIL_HOME",
    help="A member's home, at any member's.",
)
def keys(data: Path | None, home: Path | None) -> None:
    """Print the log's and the witnesses' public keys, one a line, as `handrail-verify --key` reads them.

    From the operator's folder or from the home of any member: both have the directory, which names them.
    """
    if data is not None and home is None:
        directory = read_current(Layout(data))
    elif home is not None and data is None:
        directory = _of_member(home)
    else:
        raise click.UsageError("Give --data, the exchange's folder, or --home, a member's; one of them.")
    key = log_key(directory)
    if key is None:
        raise ConfigurationError("this exchange has no log; `handrail log init` makes one")
    for one in (key, *witness_keys(directory)):
        click.echo(one.to_text())


def _of_member(home: Path) -> Directory:
    read_card(home)
    try:
        return reopen_directory((home / "directory.bin").read_bytes())
    except OSError as error:
        raise ConfigurationError(f"{home / 'directory.bin'} cannot be read: {error.strerror}") from error
