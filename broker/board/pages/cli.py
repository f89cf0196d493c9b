"""``handrail board pages``: the board's pages in a process of their own, beside ``handrail board run``."""

import asyncio
import contextlib
import time
from pathlib import Path

import click

from broker.board.options import HOME
from broker.clock import system_clock
from broker.lifecycle import settle_memory, stop_on_signals
from broker.logs import configure_logs


@click.command()
@HOME
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", default=8450, show_default=True, type=click.IntRange(0, 65535), help="0: any that is free."
)
@click.option(
    "--certificate",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="TLS certificate with its chain (PEM).",
)
@click.option(
    "--key", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="The certificate's key (PEM)."
)
@click.option(
    "--local-sign-in",
    is_flag=True,
    help="For demonstrations: prints one-time links, and says so on every page. Whoever has a link is believed.",
)
def pages(
    home: Path, host: str, port: int, certificate: Path | None, key: Path | None, local_sign_in: bool
) -> None:
    """Serve the board's pages until Ctrl-C: overview, one child's story, silence, integrity, questions.

    Who may sign in stands in HOME/pages.toml.
    """
    from broker.board.node import BoardHome
    from broker.board.pages.app import make_app
    from broker.board.pages.serving import Listening, serve
    from broker.board.pages.settings import read_settings
    from broker.pages.sessions import Person

    if (certificate is None) != (key is None):
        raise click.UsageError("Give --certificate and --key together.")

    def announce(link: str, person: Person) -> None:
        click.echo(f"sign in once as {person.name}: {link}")

    async def run() -> None:
        stop = asyncio.Event()
        settle_memory()
        with stop_on_signals(stop):
            await serve(app, listening, listener, stop, ready)

    def ready() -> None:
        click.echo("ready")
        click.echo(f"pages on {settings.origin}")
        if settings.local is not None:
            settings.local.announce_all()

    configure_logs()
    listening = Listening(host, port, certificate, key)
    with (
        contextlib.closing(listening.open()) as listener,
        BoardHome.open(home).with_a_line() as opened,
        contextlib.closing(opened.store()) as store,
    ):
        at = listener.getsockname()[1]
        settings = read_settings(home, listening, at, local_sign_in=local_sign_in, announce=announce)
        app = make_app(opened, store, settings, clock=system_clock, seconds=time.monotonic)
        asyncio.run(run())
