"""``handrail gateway cues``: what this front door's own record gives reason to think again about."""

import json
import textwrap
from pathlib import Path
from typing import Final

import click

from adapters.gateway.api import Gateway
from adapters.gateway.commands.showing import Spoken, as_json_flag, home_option
from adapters.gateway.cues.facts import Fact
from adapters.gateway.cues.grouping import Cue, CueState
from broker.calendars import LONDON
from broker.clock import from_ms, to_ms
from broker.notices.words import reference
from schemas.cues import DismissReason

_WIDTH: Final = 80
_INDENT: Final = "    "
_WORDS: Final = {
    CueState.REAPPRAISED: "reappraised",
    CueState.DISMISSED: "dismissed",
    CueState.ENDED: "over: its grounds are gone, or another area holds the case",
}


@click.group()
def cues() -> None:
    """Prompts to think again, each with its reason and the events it rests on. Never a score, never shared onward."""


@cues.command("list", cls=Spoken)
@home_option
@as_json_flag
@click.option("--all", "everything", is_flag=True, help="Those that are settled or over, too.")
def list_cues(home: Path, *, as_json: bool, everything: bool) -> None:
    """Every open cue, the one to be looked at first before the others."""
    with Gateway.open(home) as opened:
        opened.clocking.open()
        found = opened.cueing.every(None if everything else CueState.OPEN)
        grounds = {cue.id: opened.cueing.grounds(cue) for cue in found}
        now_ms = to_ms(opened.home.clock())
        names, asks = _names(opened), _asks(opened)
    if as_json:
        click.echo(json.dumps([_document(cue, grounds[cue.id], now_ms) for cue in found], indent=1))
        return
    for cue in found:
        click.echo("\n".join(_block(cue, grounds[cue.id], names, asks, now_ms)) + "\n")
    if not found:
        click.echo("No cue is open.")


@cues.command(cls=Spoken)
@home_option
@as_json_flag
@click.argument("cue")
def show(home: Path, cue: str, *, as_json: bool) -> None:
    """One cue, as CUE of the list names it, and what became of it."""
    with Gateway.open(home) as opened:
        opened.clocking.open()
        found = opened.cueing.one(cue)
        grounds, now_ms = opened.cueing.grounds(found), to_ms(opened.home.clock())
        names, asks = _names(opened), _asks(opened)
    if as_json:
        click.echo(json.dumps(_document(found, grounds, now_ms), indent=1))
        return
    lines = _block(found, grounds, names, asks, now_ms)
    if found.open:
        lines += [
            "",
            *_filled(
                "To settle it, publish what you decided as reappraisal.recorded with "
                f"cue_ref {found.id.hex()}, or dismiss it with a reason: handrail gateway cues dismiss "
                f"{reference(found.id)} --reason CODE --by NAME",
                "",
            ),
        ]
    if found.words:
        lines += _filled(f"In words, kept here: {found.words}", _INDENT)
    click.echo("\n".join(lines))


@cues.command(cls=Spoken)
@home_option
@click.argument("cue")
@click.option(
    "--reason",
    type=click.Choice([one.value for one in DismissReason]),
    required=True,
    help="Why: known (weighed before), explained (and checked), not-so (wrong, or another child), in-hand (somebody is "
    "on it), other (then with --words). The code alone reaches your boards.",
)
@click.option("--words", help="More, in words. They stay in this home.")
@click.option("--by", required=True, help='Who says so: "Name, role". It stays in this home.')
def dismiss(home: Path, cue: str, reason: str, words: str | None, by: str) -> None:
    """Dismiss CUE with a reason. It comes again only where there are new grounds."""
    why = DismissReason(reason)
    if why is DismissReason.OTHER and not (words or "").strip():
        raise click.UsageError("another reason is given in words: add --words")
    with Gateway.open(home) as opened:
        opened.clocking.open()
        settled = opened.cueing.dismiss(cue, why, words=words, by=by)
    click.echo(f"{reference(settled.id)} is dismissed. It comes again only where there are new grounds.")


def _block(
    cue: Cue, grounds: list[Fact], names: dict[str, str], asks: dict[str, str], now_ms: int
) -> list[str]:
    said = {fact.event: fact for fact in grounds}
    lines = [
        f"{reference(cue.id)}  {_by_when(cue, now_ms)}",
        f"{_INDENT}about the child {cue.child.hex()[:8]}",
    ]
    for part in cue.parts:
        lines += _filled(f"{part.words} {asks.get(part.rule, '')} ({part.rule.upper()})", _INDENT)
        for fact in sorted((said[one] for one in part.events if one in said), key=lambda one: one.on):
            what = fact.type.replace(".", " ").replace("_", " ")
            lines += _filled(f"- {fact.on:%d %b %Y}: {what}, {names.get(fact.author, fact.author)}", _INDENT)
    return lines


def _by_when(cue: Cue, now_ms: int) -> str:
    if cue.state is not CueState.OPEN:
        code = f" ({cue.code})" if cue.code else ""
        return f"{_WORDS[cue.state]}{code}, {_time(cue.settled_ms or cue.raised_ms)}"
    if cue.due_ms <= cue.raised_ms:
        return f"LOOK AT ONCE, raised {_time(cue.raised_ms)}"
    late = "LATE, was to be looked at by" if cue.due_ms <= now_ms else "look at it by"
    return f"{late} {_time(cue.due_ms)}"


def _filled(text: str, indent: str) -> list[str]:
    hanging = indent + "  " if text.startswith("- ") else indent
    return textwrap.wrap(
        text, _WIDTH, initial_indent=indent, subsequent_indent=hanging, break_long_words=False
    )


def _names(opened: Gateway) -> dict[str, str]:
    return {str(member.id): member.name for member in opened.home.directory.members}


def _asks(opened: Gateway) -> dict[str, str]:
    policy = opened.home.directory.policy.cues
    return {} if policy is None else {rule.key: rule.asks for rule in policy.rules}


def _document(cue: Cue, grounds: list[Fact], now_ms: int) -> dict[str, object]:
    return {
        "cue": cue.id.hex(),
        "child": cue.child.hex(),
        "rule": cue.rule,
        "reasons": [
            {"rule": part.rule, "words": part.words, "events": [event.hex() for event in part.events]}
            for part in cue.parts
        ],
        "grounds": [
            {"event": fact.event.hex(), "type": fact.type, "author": fact.author, "on": fact.on.isoformat()}
            for fact in grounds
        ],
        "raised_ms": cue.raised_ms,
        "look_by_ms": cue.due_ms,
        "late": cue.open and cue.due_ms <= now_ms,
        "state": cue.state.value,
        "settled_ms": cue.settled_ms,
        "reason": cue.code,
    }


def _time(at_ms: int) -> str:
    return f"{from_ms(at_ms).astimezone(LONDON):%a %d %b %Y %H:%M}"
