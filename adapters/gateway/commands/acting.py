"""The commands by which a front door's people act: handover, identity, involvement. Each names who decides."""

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from adapters.gateway.api import Gateway
from adapters.gateway.commands.counterparts import counterparts, encompass
from adapters.gateway.commands.endorsing import endorsing
from adapters.gateway.commands.reviewing import refused
from adapters.gateway.commands.showing import Spoken, as_json_flag, home_option, on_its_way
from adapters.gateway.commands.telling import tell
from adapters.gateway.duties.waiting import owed_words
from adapters.gateway.frontdoor.actions import Person
from adapters.gateway.frontdoor.documents import unborn_identity
from adapters.gateway.record.plain import day_and_time
from broker.terminal import show_table
from schemas.codes.cases import (
    DeclineReason,
    Evidence,
    GlassReason,
    HandoverKind,
    LiveStatus,
    PlanKind,
    ReturnOrRetain,
)
from schemas.handover import HandoverView
from schemas.handover_words import KEPT, meaning

_by = click.option("--by", required=True, help='Who decides: "Name, role".')


@click.group()
def handover() -> None:
    """Carry a child from one area to another."""


handover.add_command(refused)
handover.add_command(counterparts)
handover.add_command(endorsing)
handover.add_command(tell)


@handover.command("list", cls=Spoken)
@home_option
@as_json_flag
def list_command(home: Path, as_json: bool) -> None:
    """Every handover that concerns this front door: who holds the case, who has the safety duty, what is owed."""
    with Gateway.open(home) as opened:
        views = opened.actions.handovers()
        names = opened.home.directory.names()
    if as_json:
        click.echo(json.dumps([_document(view) for view in views], indent=1))
        return
    rows = []
    for view in views:
        owed = "\n".join(
            f"{due.kind} by {day_and_time(due.due_ms)} ({names.get(due.owner, due.owner)})"
            + (" LATE" if due.late else "")
            for due in view.due
            if not due.met_ms
        )
        rows.append(
            (
                view.handover.hex()[:8],
                f"{names.get(view.from_area, view.from_area)} > {names.get(view.to_area, view.to_area)}",
                view.state,
                names.get(view.holder, view.holder),
                names.get(view.safety, view.safety),
                owed,
            )
        )
    headings = ("Handover", "From > to", "State", "Case holder", "Safety duty", "Owed")
    show_table(headings, rows, empty="There is no handover.")


@handover.command(cls=Spoken)
@home_option
@click.argument("handover_id")
@as_json_flag
def show(home: Path, handover_id: str, as_json: bool) -> None:
    """One handover in full."""
    with Gateway.open(home) as opened:
        row, view = opened.actions.handover(handover_id)
        names = opened.home.directory.names()
        owed = owed_words(opened.home.directory.policy)
        kind = opened.asking.kind_of(row, view)
        rule = kind and opened.home.directory.policy.kind(kind)
        with opened.home.store.look() as work:
            receipts = opened.packing.receipts(work, row)
    document = _document(view) | {
        "child": row.child.hex() if row.child else None,
        "move": kind,
        "receipts": receipts,
    }
    if as_json:
        click.echo(json.dumps(document, indent=1))
        return
    console = Console()
    old, new = (names.get(area, area) for area in (view.from_area, view.to_area))
    console.print(f"[bold]{old} > {new}: {view.state}[/bold] (since {day_and_time(view.changed_ms)})")
    console.print(meaning(view, names), markup=False)
    for said in receipts:
        console.print(said, markup=False)
    if rule:
        console.print(f"{rule.title}. {rule.happens}", markup=False)
    if view.keeping in KEPT:
        console.print(KEPT[view.keeping].format(old=old, new=new), markup=False)
    if view.reason:
        console.print(f"reason given: {view.reason}", markup=False)
    console.print(f"case holder: {names.get(view.holder, view.holder)}")
    console.print(f"safety duty: {names.get(view.safety, view.safety)}")
    console.print(
        f"history: {view.granted} of {view.expected} events granted, {'checked whole' if view.verified else 'not whole yet: see `handrail handover bundle`'}"
    )
    for due in view.due:
        state = "met" if due.met_ms else "LATE" if due.late else "open"
        what, who = owed.get(due.kind, due.kind), names.get(due.owner, due.owner)
        console.print(f"  [{state}] {what}: {who}, by {day_and_time(due.due_ms)}; {due.reason}", markup=False)
    if row.child:
        console.print(f"read the history: handrail chronology {row.child.hex()[:8]}", markup=False)


@handover.command(cls=Spoken)
@home_option
@click.argument("handover_id")
@_by
def release(home: Path, handover_id: str, by: str) -> None:
    """Let the child's history go to the new area (the old area's front door)."""
    with Gateway.open(home) as opened:
        sent = opened.actions.release(handover_id, Person.parse(by))
    on_its_way("The history is released to the new area.", sent)


@handover.command(cls=Spoken)
@home_option
@click.argument("handover_id")
@_by
@click.option("--kind", type=click.Choice([kind.value for kind in HandoverKind]), required=True)
@click.option("--plan", type=click.Choice([plan.value for plan in PlanKind]), required=True)
def ask(home: Path, handover_id: str, by: str, kind: str, plan: str) -> None:
    """Say of what kind it is: that the case is to pass, or that the child only stays there (the old area's front door)."""
    with Gateway.open(home) as opened:
        sent = opened.asking.ask(handover_id, Person.parse(by), HandoverKind(kind), PlanKind(plan))
    on_its_way("It is asked; both areas see what becomes of the case.", sent)


@handover.command(cls=Spoken)
@home_option
@click.argument("handover_id")
@_by
@click.option(
    "--conference", is_flag=True, help="A protection plan: closes when the conference has been held."
)
@click.option(
    "--ask-now",
    is_flag=True,
    help="Where the destination is withheld: have the old area asked for the history before 72 hours are over.",
)
def accept(home: Path, handover_id: str, by: str, conference: bool, ask_now: bool) -> None:
    """Take the child's case on (the new area's front door)."""
    with Gateway.open(home) as opened:
        sent = opened.actions.accept(handover_id, Person.parse(by), conference=conference, ask_now=ask_now)
    on_its_way(
        "The case is accepted: this area holds it from the moment the router takes this; where only this area says "
        "that the child is here, the old one may contest it for one working day first.",
        sent,
    )


@handover.command(cls=Spoken)
@home_option
@click.argument("handover_id")
@_by
@click.option("--reason", type=click.Choice([reason.value for reason in DeclineReason]), required=True)
@click.option("--because", required=True, help="In a sentence.")
def decline(home: Path, handover_id: str, by: str, reason: str, because: str) -> None:
    """Not take the case on. The safety duty for a child who is here cannot be declined."""
    with Gateway.open(home) as opened:
        sent = opened.actions.decline(handover_id, Person.parse(by), reason, because)
    on_its_way("The case is declined; the safety duty for a child who is here stays here.", sent)


@handover.command(cls=Spoken)
@home_option
@click.argument("handover_id")
@_by
@click.option("--because", required=True, help="In a sentence.")
def withdraw(home: Path, handover_id: str, by: str, because: str) -> None:
    """Take one's own handover back (the old area's front door)."""
    with Gateway.open(home) as opened:
        sent = opened.actions.withdraw(handover_id, Person.parse(by), because)
    on_its_way("The handover is withdrawn.", sent)


@handover.command(cls=Spoken)
@home_option
@click.argument("handover_id")
@_by
@click.option("--because", required=True, help="In a sentence.")
def contest(home: Path, handover_id: str, by: str, because: str) -> None:
    """Say that an acceptance is wrong that only the new area itself vouches for (the old area's front door)."""
    with Gateway.open(home) as opened:
        sent = opened.actions.contest(handover_id, Person.parse(by), because)
    on_its_way("The acceptance is contested: this area keeps the case, the heads of service settle it.", sent)


@handover.command("break-glass", cls=Spoken)
@home_option
@click.argument("handover_id")
@_by
@click.option("--live", type=click.Choice([one.value for one in LiveStatus]), required=True)
@click.option("--reason", type=click.Choice([one.value for one in GlassReason]), required=True)
@click.option("--because", required=True, help="In a sentence.")
def break_glass(home: Path, handover_id: str, by: str, live: str, reason: str, because: str) -> None:
    """Take the history of a child at risk when nobody answers (the new area). Both areas and boards are told."""
    with Gateway.open(home) as opened:
        sent = opened.actions.break_glass(handover_id, Person.parse(by), live, reason, because)
    on_its_way("The glass is broken: the history is asked for; both areas and their boards see it.", sent)


@handover.command("return-or-retain", cls=Spoken)
@home_option
@click.argument("handover_id")
@_by
@click.option("--decision", type=click.Choice([one.value for one in ReturnOrRetain]), required=True)
@click.option("--because", required=True, help="In a sentence.")
def return_or_retain(home: Path, handover_id: str, by: str, decision: str, because: str) -> None:
    """What becomes of a history that was read here for a case that did not pass (the new area's front door)."""
    with Gateway.open(home) as opened:
        sent = opened.actions.return_or_retain(handover_id, Person.parse(by), decision, because)
    on_its_way("The decision is recorded; both areas see it.", sent)


@handover.command("conference-held", cls=Spoken)
@home_option
@click.argument("handover_id")
@_by
@click.option("--on", "held_on", required=True, help="YYYY-MM-DD.")
@click.option("--category", help="Of the plan that goes on, e.g. NEG; without it the child is on no plan.")
def conference_held(home: Path, handover_id: str, by: str, held_on: str, category: str | None) -> None:
    """The transfer-in conference was held: the old area's plan ends here."""
    with Gateway.open(home) as opened:
        sent = opened.actions.conference_held(handover_id, Person.parse(by), held_on, category)
    on_its_way("The conference is recorded.", sent)


@click.group()
def identity() -> None:
    """Join records of one child, or part them: only by a named person's signed decision."""


_nhs = click.option("--nhs", help="The NHS number.")
_upn = click.option("--upn", help="The unique pupil number.")
_why = click.option("--why", required=True, help="What the decision rests on, in a sentence.")


@identity.command(cls=Spoken)
@home_option
@_nhs
@_upn
@_by
@_why
@click.option(
    "--evidence",
    type=click.Choice([evidence.value for evidence in Evidence]),
    default=Evidence.OFFICIAL_DOCUMENT.value,
    show_default=True,
)
@click.option(
    "--unborn",
    nargs=2,
    metavar="MOTHER PREGNANCY",
    help="The unborn record: the mother's NHS number and the pregnancy's reference.",
)
@click.option(
    "--child",
    type=click.IntRange(1, 12),
    default=1,
    help="Beside --unborn, of twins or more: which of them, as the unborn records count.",
)
def link(
    home: Path,
    nhs: str | None,
    upn: str | None,
    by: str,
    why: str,
    evidence: str,
    unborn: tuple[str, str] | None,
    child: int,
) -> None:
    """These identifiers are one child: two numbers, or a newborn's number and its unborn record.

    Of twins each has an unborn record and a number of its own: link them one by one.
    """
    if child > 1 and unborn is None:
        raise click.UsageError("--child says which unborn record: give --unborn beside it.")
    ends = _both(nhs, upn) if unborn is None else [unborn_identity(unborn, child), *_identities(nhs, upn)]
    if len(ends) == 1:
        raise click.UsageError("A link has two ends: give --nhs (or --upn) beside --unborn.")
    with Gateway.open(home) as opened:
        sent = opened.actions.link(ends, Person.parse(by), why, evidence)
    on_its_way("These identifiers are one child now.", sent)


@identity.command(cls=Spoken)
@home_option
@_nhs
@_upn
@_by
@_why
@click.option(
    "--link", "link_id", required=True, help="The event id of the link that was wrong, or its beginning."
)
def unlink(home: Path, nhs: str | None, upn: str | None, by: str, why: str, link_id: str) -> None:
    """That link was wrong; everybody who was told anything under it is told."""
    with Gateway.open(home) as opened:
        sent = opened.actions.unlink(_both(nhs, upn), Person.parse(by), why, link_id)
    on_its_way("The link is undone; everybody who was told under it will be told.", sent)


@identity.command(cls=Spoken)
@home_option
@click.option("--old", "former", required=True, help="The NHS number that no longer counts.")
@click.option("--new", "current", required=True, help="The NHS number that has taken its place.")
@_by
@_why
def superseded(home: Path, former: str, current: str, by: str, why: str) -> None:
    """The NHS has given this child another number. Not for an adoption: there nothing is linked."""
    numbers = [{"nhs_number": former}, {"nhs_number": current}]
    with Gateway.open(home) as opened:
        sent = opened.actions.link(numbers, Person.parse(by), why, Evidence.STRONG_IDENTIFIER.value)
    on_its_way("Both numbers lead to this child from now on.", sent)


@click.group()
def involvement() -> None:
    """Which members work with a child: confirmed by the front door, never self-declared."""


involvement.add_command(encompass)


@involvement.command(cls=Spoken)
@home_option
@_nhs
@_upn
@click.option("--member", required=True, help="The member's id, or its beginning.")
@_by
def confirm(home: Path, nhs: str | None, upn: str | None, member: str, by: str) -> None:
    """This member is involved with the child and is to hear of what the policy allows."""
    subject = {name: value for one in _identities(nhs, upn) for name, value in one.items()}
    with Gateway.open(home) as opened:
        sent = opened.actions.involve(subject, member, Person.parse(by))
    on_its_way("The member is involved from now on and will hear of what the policy allows.", sent)


def _both(nhs: str | None, upn: str | None) -> list[dict[str, Any]]:
    if not (nhs and upn):
        raise click.UsageError("A link has two ends: give both --nhs and --upn.")
    return _identities(nhs, upn)


def _identities(nhs: str | None, upn: str | None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [{"nhs_number": nhs}] if nhs else []
    return found + ([{"upn": upn}] if upn else [])


def _document(view: HandoverView) -> dict[str, Any]:
    return {
        "handover": view.handover.hex(),
        "kind": view.kind,
        "state": view.state,
        "from_area": view.from_area,
        "to_area": view.to_area,
        "case_holder": view.holder,
        "safety_duty": view.safety,
        "means": meaning(view, {}),
        "history_read": view.keeping,
        "verified": view.verified,
        "granted": view.granted,
        "expected": view.expected,
        "opened_ms": view.opened_ms,
        "changed_ms": view.changed_ms,
        "reason": view.reason,
        "due": [
            {
                "kind": due.kind,
                "owner": due.owner,
                "due_ms": due.due_ms,
                "rule": due.reason,
                "met_ms": due.met_ms or None,
                "late": due.late,
            }
            for due in view.due
        ],
    }
