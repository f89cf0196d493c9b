"""``handrail notices``: what people on duty were told, what waits, and that somebody has seen it."""

import json
from contextlib import closing
from pathlib import Path

import click

from adapters.gateway.commands.showing import Spoken, as_json_flag, home_option
from adapters.gateway.duties.notifying import notices_of
from broker.calendars import LONDON
from broker.clock import from_ms, system_clock, to_ms
from broker.notices.words import reference
from broker.store.notices.store import Notice
from broker.terminal import show_table


@click.group()
def notices() -> None:
    """Notices to people on duty: nothing in them is about any person."""


@notices.command("list", cls=Spoken)
@home_option
@as_json_flag
def list_notices(home: Path, *, as_json: bool) -> None:
    """Show every notice: who was told of what, when, and what could not be sent and why."""
    with closing(notices_of(home)) as store:
        found = store.all()
    if as_json:
        click.echo(json.dumps([_document(one) for one in found], indent=1))
        return
    rows = [
        (reference(one.about), one.kind, _time(one.due_ms), one.rung, _told(one), one.acknowledged_by or "")
        for one in found
    ]
    show_table(("reference", "owed", "due", "rung", "told", "acknowledged"), rows)


@notices.command(cls=Spoken)
@home_option
@click.argument("about")
@click.option("--by", required=True, help="Who you are: name or role.")
def ack(home: Path, about: str, by: str) -> None:
    """Say that somebody has seen the notices about ABOUT, a reference or the beginning of one.

    Keeps the next person up from being told for a while. It stops no clock: what is owed is still owed.
    """
    with closing(notices_of(home)) as store:
        found = [one for one in store.all() if one.about.hex().startswith(about.lower())]
        if len({one.about for one in found}) > 1:
            raise click.UsageError("more than one reference begins like that; give more of it")
        unseen = [one for one in found if one.sent_ms is not None and one.acknowledged_ms is None]
        if not found:
            raise click.UsageError("there is no such reference; see `handrail notices list`")
        store.acknowledge(unseen, by, to_ms(system_clock()))
    click.echo(f"{len(unseen)} acknowledged. Due dates stand as they are.")


def _document(one: Notice) -> dict[str, object]:
    return {
        "about": one.about.hex(),
        "owed": one.kind,
        "due": from_ms(one.due_ms).isoformat(),
        "rung": one.rung,
        "role": one.role,
        "sent": from_ms(one.sent_ms).isoformat() if one.sent_ms else None,
        "fault": one.fault,
        "attempts": one.attempts,
        "acknowledged_by": one.acknowledged_by,
    }


def _told(one: Notice) -> str:
    if one.sent_ms is not None:
        return f"{_time(one.sent_ms)}, {one.role}"
    return f"NOT YET ({one.fault}, tried {one.attempts} times)" if one.fault else "waits"


def _time(at_ms: int) -> str:
    return f"{from_ms(at_ms).astimezone(LONDON):%d %b %Y %H:%M}"
