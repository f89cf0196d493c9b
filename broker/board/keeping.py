"""``handrail board rebuild`` and ``replay``: learn the trail anew, and take the router's decisions again."""

from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from itertools import islice
from pathlib import Path

import click

from broker.audit.reading import Entry, NotAnEntryError, read_entry
from broker.audit.relearning import rebuild as learn_anew
from broker.audit.replaying_hidden import replayed
from broker.board.node import BoardHome
from broker.board.options import HOME
from broker.board.recording import to_the_log, write_down
from broker.board.showing import clean, names_of
from broker.clock import system_clock, to_ms
from broker.progress import say_progress
from broker.store.audit.store import AuditWork
from schemas.audit import EntryKind

_SHOWN = 200


@click.command()
@HOME
def rebuild(home: Path) -> None:
    """Throw away all that was learnt from the trail, and learn it again from the entries as they came."""
    opened = BoardHome.open(home)
    store = opened.store_as_it_is()
    try:
        count = learn_anew(opened.projection(), store, tells=say_progress)
    finally:
        store.close()
    click.echo(
        f"{count} entries read again. What was asked of this node, and the entries themselves, are as they were."
    )


@click.command()
@HOME
@click.option("--purpose", required=True, help="Why you ask. It is recorded.")
@click.option("--by", "asker", required=True, help="Who asks.")
def replay(home: Path, purpose: str, asker: str) -> None:
    """Take the router's decisions again, by the directory that it used, and name every one that does not follow."""
    opened = BoardHome.open(home)
    store, names = opened.store(), names_of(opened.directory())
    projection = opened.projection()
    try:
        with store.work() as work:
            inside = [
                one
                for block in _clear(work, "Opening what is sealed to this board")
                if block.kind == EntryKind.VEILED
                for one in projection.lifted(block)
            ]
            reading = "Taking the router's decisions again"
            result = replayed(lambda: _clear(work, reading), inside, cache(opened.directory_of))
            found = len(result.differences)
            at_ms = to_ms(system_clock())
            write_down(opened, work, at_ms, asker, purpose, "replay of every decision", found)
        to_the_log(opened, store)
    finally:
        store.close()
    click.echo(f"{result.decisions} decisions were taken again; {len(result.differences)} do not follow.")
    for why, count in sorted(result.skipped.items()):
        click.echo(f"Not taken again: {count} {why}.")
    for one in islice(result.differences, _SHOWN):
        click.echo(f"- entry {one.number}: {clean(' '.join(names(word) for word in one.says.split(' ')))}")
    if result.differences:
        raise click.ClickException(
            "A decision of the router does not follow from the trail and the directory. Keep this node's folder, and "
            "call the operator of the exchange and another board."
        )


def _clear(work: AuditWork, what: str) -> Iterator[Entry]:
    """What lies on the trail, in its order, as far as it is entries; says how far it has come."""
    progress, done = say_progress(what), 0
    size = sum(place.number for place in work.newest_mirrored())
    for some in work.mirrored():
        for came in some:
            with suppress(NotAnEntryError):
                yield read_entry(came.body)
        progress(done := done + len(some), size)
