"""``handrail handover endorsing``: at a protection endorser, whose one-time keys it was asked to vouch for, and why not."""

import json
from pathlib import Path

import click

from adapters.gateway.api import Gateway
from adapters.gateway.commands.showing import Spoken, as_json_flag, home_option
from adapters.gateway.frontdoor.actions import Person
from adapters.gateway.orders.endorsing import BY_PERSON
from adapters.gateway.record.plain import day_and_time
from broker.terminal import show_table

_WHY = {
    "": "vouched for",
    "no-move": "no report of a move was shown that its author signed",
    "not-a-front-door": "not asked for by a front door of the directory",
    "directory-too-old": "asked for by a directory that is not in use",
    "good-for-too-long": "the keys were to be good for too long",
    "author-unknown": "whoever signed the report is no member, or its key did not count",
    "author-not-entitled": "whoever signed the report may not report such a thing",
    "leads-elsewhere": "the report says that the child is in another area",
    "not-a-move": "what was shown is no report of a move",
    "stale": "the report is older than 45 days",
    "used-before": "the same report was shown for other keys before",
    "own-word": "only the front door itself says that the child is there",
}


@click.group("endorsing")
def endorsing() -> None:
    """Vouch for the one-time keys of a front door that must not be known to the area that a family left."""


@endorsing.command("list", cls=Spoken)
@home_option
@as_json_flag
def list_command(home: Path, as_json: bool) -> None:
    """What was asked for here, by whom, and what this gateway answered."""
    with Gateway.open(home) as opened:
        rows = opened.orders.hidden.endorsing.all()
        names = {str(member.id): member.name for member in opened.home.directory.members}
    if as_json:
        found = [
            {
                "request": row.ticket.hex(),
                "handover": row.handover.hex(),
                "asked_by": row.asker,
                "reported_by": row.author or None,
                "refused": row.code or None,
                "by": row.by or None,
                "because": row.because or None,
                "at_ms": row.at_ms,
            }
            for row in rows
        ]
        click.echo(json.dumps(found, indent=1))
        return
    shown = []
    for row in rows:
        answer = _WHY.get(row.code, row.code) + (f" by {row.by}" if row.by else "")
        answer += "; a person may vouch" if row.code in BY_PERSON else ""
        asker, author = names.get(row.asker, row.asker), names.get(row.author, row.author)
        shown.append((row.ticket.hex()[:8], asker, author, answer, day_and_time(row.at_ms)))
    headings = ("Request", "Asked for by", "Move reported by", "Answer", "When")
    show_table(headings, shown, empty="Nobody has asked for anything here.")


@endorsing.command(cls=Spoken)
@home_option
@click.argument("request")
@click.option("--by", required=True, help='Who decides: "Name, role".')
@click.option("--because", required=True, help="In a sentence: whom you asked there, and what they said.")
def vouch(home: Path, request: str, by: str, because: str) -> None:
    """Vouch all the same, having asked at that front door, by telephone: never by way of the area that the family left."""
    person = Person.parse(by)
    with Gateway.open(home) as opened:
        named = ", ".join(part for part in (person.name, person.role) if part)
        opened.orders.hidden.endorsing.vouch(request, named, because)
    click.echo("Vouched for. The area that the family left learns only that a protection endorser vouches.")
