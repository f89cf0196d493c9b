"""``python -m broker.operator.backup``: one copy of what this machine holds, made while it runs.

Copied: the directory, keys and access of every home and of the audit log, the databases (each of one moment), the bus's
configuration and certificates. Not copied: the bus's own store, which lies on two disks or is replicated; what is on it is
also with its author until it is taken and with its reader's custody afterwards; and the log's tiles, which come out of the
trail again, the same to the byte.

A copy holds private keys. Whoever has it can read what the members here can read: keep it encrypted.
"""

import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

import click

from broker.clock import system_clock
from broker.crypto.storage import make_private_folder
from broker.directory.layout import Layout
from broker.directory.options import DATA
from broker.store.copying import copy_database

_DATABASES: Final = ".db"
_LEFT_OUT: Final = ("-wal", "-shm", ".lock", ".pid", ".ports", ".log")


@click.command()
@DATA
@click.option("--to", "target", type=click.Path(path_type=Path, file_okay=False), required=True)
@click.option("--keep", default=48, show_default=True, help="How many copies to keep.")
def main(data: Path, target: Path, keep: int) -> None:
    """Make one copy."""
    layout, now = Layout(data.resolve()), system_clock()
    made = back_up(layout, target.resolve(), now)
    for old in copies(target)[:-keep]:
        shutil.rmtree(old)
    count = sum(1 for path in made.rglob("*") if path.is_file())
    click.echo(f"{made}: {count} files")


def back_up(layout: Layout, target: Path, now: datetime) -> Path:
    """Copy into a new folder under ``target``; it has its name only when it is whole.

    Raises:
        UnavailableError: a database could not be copied.
        ConfigurationError: a database is damaged.
    """
    make_private_folder(target)
    done = target / now.strftime("%Y%m%dT%H%M%SZ")
    fresh = target / f".{done.name}"
    shutil.rmtree(fresh, ignore_errors=True)
    make_private_folder(fresh)
    for path in _files(layout):
        place = fresh / path.relative_to(layout.data)
        for folder in reversed(place.relative_to(fresh).parents):
            make_private_folder(fresh / folder)
        if path.suffix == _DATABASES:
            copy_database(path, place)
        else:
            shutil.copy2(path, place)
    return fresh.rename(done)


def copies(target: Path) -> list[Path]:
    """The whole copies under a folder, oldest first."""
    return sorted(path for path in target.iterdir() if path.is_dir() and not path.name.startswith("."))


def _files(layout: Layout) -> Iterator[Path]:
    made_again = (layout.nats / "store", layout.log / "tiles")
    for root in (layout.directory, layout.nats, layout.router, layout.log, layout.members):
        for path in sorted(root.rglob("*")):
            if any(path.is_relative_to(one) for one in made_again):
                continue
            if path.is_file() and not path.name.endswith(_LEFT_OUT):
                yield path


if __name__ == "__main__":
    main()
