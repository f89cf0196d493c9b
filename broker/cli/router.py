"""``handrail router`` and ``handrail quarantine``."""

import asyncio
import json
from pathlib import Path

import click

from broker.clock import from_ms
from broker.directory.options import DATA
from broker.lifecycle import settle_memory, stop_on_signals
from broker.logs import configure_logs
from broker.store.router.intake import QuarantineRow
from broker.store.router.store import RouterStore
from broker.telemetry.watching import RouterWatch
from broker.terminal import show_table
from broker.wiring import RouterHome, make_router


@click.command()
@DATA
@click.option("--url", help="The bus, if not the one in the router's own folder.")
@click.option("--metrics-port", type=int, help="Serve Prometheus metrics on this port of 127.0.0.1.")
def router(data: Path, url: str | None, metrics_port: int | None) -> None:
    """Run the routing service: it sees tokens, classes and areas, never content."""
    from broker.telemetry.process import watched_router

    configure_logs()
    home = RouterHome(data / "router")
    with watched_router(home.folder, home.database, metrics_port) as watch:
        asyncio.run(_run(home, url, watch))


async def _run(home: RouterHome, url: str | None, watch: RouterWatch) -> None:
    stop = asyncio.Event()
    service, bus, store = await make_router(home, url, watch)
    settle_memory()
    try:
        with stop_on_signals(stop):
            await service.run(stop, ready=lambda: click.echo("ready"))
    finally:
        await bus.close()
        store.scrub()
        store.close()


@click.group()
def quarantine() -> None:
    """Messages that the router refused: see why, and try again when the cause is mended."""


def _store(data: Path) -> RouterStore:
    return RouterStore(RouterHome(data / "router").database)


@quarantine.command("list")
@DATA
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.option("--all", "everything", is_flag=True, help="Also those that were retried with success.")
def list_command(data: Path, as_json: bool, everything: bool) -> None:
    """What waits, since when, from whom, and why."""
    with _store(data).work() as work:
        found = [row for row in work.intake.in_quarantine() if everything or row.state != "done"]
    if as_json:
        click.echo(json.dumps([_document(row) for row in found], indent=1))
        return
    rows = [
        (
            str(row.entry),
            from_ms(row.at_ms).strftime("%d %b %Y %H:%M:%S"),
            row.member,
            f"{row.code}: {row.sentence}",
            row.state,
        )
        for row in found
    ]
    show_table(
        ("No.", "Since (UTC)", "Member", "Why", "State"),
        rows,
        empty="Nothing is in quarantine.",
    )


@quarantine.command()
@DATA
@click.argument("entry", type=int)
def show(data: Path, entry: int) -> None:
    """One entry in full: everything but its content, which nobody here can read."""
    click.echo(json.dumps(_document(_find(data, entry)), indent=1))


@quarantine.command()
@DATA
@click.argument("entry", type=int)
def retry(data: Path, entry: int) -> None:
    """Let the router judge an entry again; it does so within a second or two."""
    _find(data, entry)
    with _store(data).work() as work:
        work.intake.set_quarantine_state(entry, "retry")
    click.echo(f"Entry {entry} will be judged again. See `handrail quarantine list`.")


def _find(data: Path, entry: int) -> QuarantineRow:
    with _store(data).work() as work:
        found = next((row for row in work.intake.in_quarantine() if row.entry == entry), None)
    if found is None:
        raise click.ClickException(f"There is no entry {entry}. See `handrail quarantine list --all`.")
    return found


def _document(row: QuarantineRow) -> dict[str, object]:
    return {
        "entry": row.entry,
        "member": row.member,
        "code": row.code,
        "sentence": row.sentence,
        "subject": row.subject,
        "bytes": len(row.body),
        "since": from_ms(row.at_ms).isoformat(),
        "state": row.state,
        "signature_held": row.verified,
    }
