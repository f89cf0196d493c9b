"""``python -m broker.operator.step_over``: the last resort for a router that has only an old copy of its database."""

import asyncio
from pathlib import Path

import click

from broker.bus.connection import connect
from broker.bus.topology import DEFAULT_SHARDS
from broker.directory.files import read_current
from broker.directory.layout import Layout
from broker.directory.options import DATA
from broker.errors import HandrailError
from broker.routing.standing import PAGE, step_over
from broker.store.router.store import RouterStore
from broker.wiring import RouterHome


@click.command()
@DATA
@click.option("--what-happened-since-is-lost", "agreed", is_flag=True, help=f"See {PAGE}.")
def main(data: Path, *, agreed: bool) -> None:
    """Let the router go on from an old copy, beyond every number that it has given. The router must be stopped."""
    if not agreed:
        raise click.UsageError(f"Read {PAGE} first; then say --what-happened-since-is-lost.")
    try:
        found = asyncio.run(_step_over(Layout(data.resolve())))
    except HandrailError as error:
        raise click.ClickException(str(error)) from error
    for place, said, remembered in found:
        click.echo(f"{place}: goes on after {said}; {said - remembered} since the copy are not remembered")
    click.echo("The router may start." if found else "Nothing to do: the database is not behind the bus.")


async def _step_over(layout: Layout) -> list[tuple[str, int, int]]:
    home = RouterHome(layout.router)
    store = RouterStore(home.database)
    try:
        bus = await connect(home.access())
        try:
            return await step_over(bus, store, read_current(layout), DEFAULT_SHARDS)
        finally:
            await bus.close()
    finally:
        store.close()


if __name__ == "__main__":
    main()
