"""``handrail directory``: make the directory, change it, look at it, check it."""

import asyncio
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

from broker.clock import system_clock, system_entropy
from broker.directory.apply import apply
from broker.directory.duties import read_calendar, read_contacts
from broker.directory.errors import ChangeRefusedError
from broker.directory.files import read_current, read_history
from broker.directory.inspection import check_file, check_history
from broker.directory.issue import UNSIGNED, Changed, Issuer, NewMember
from broker.directory.layout import Layout
from broker.directory.places import area_entry
from broker.directory.policies import read_policy_folder
from broker.directory.shown import directory_text, directory_value, policy_text
from schemas.codes.cases import ClockStart
from schemas.codes.members import MemberKind
from schemas.default_policy import default_policy
from schemas.directory import Governance
from schemas.ids import KeyId
from schemas.policy import NoRuleError

_F = Callable[..., Any]


def _data(command: _F) -> _F:
    return click.option(
        "--data",
        type=click.Path(path_type=Path, file_okay=False),
        envvar="HANDRAIL_DATA",
        required=True,
        help="Folder of the exchange.",
    )(command)


def _passphrase(command: _F) -> _F:
    return click.option(
        "--root-passphrase",
        envvar="HANDRAIL_ROOT_PASSPHRASE",
        help="Encrypts the roots' keys; better as variable.",
    )(command)


def _as_json(command: _F) -> _F:
    return click.option("--json", "as_json", is_flag=True, help="For machines.")(command)


@click.group()
def directory() -> None:
    """Who takes part, with which keys, for which areas, under which sharing policy."""


@directory.command()
@_data
@_passphrase
@click.option("--roots", default=3, show_default=True, help="Keys that may sign the directory.")
@click.option("--threshold", default=2, show_default=True, help="How many of them it takes.")
@click.option("--dpia", default=UNSIGNED, help="Reference of the exchange's impact assessment.")
@click.option("--agreement", default=UNSIGNED, help="Reference of the information-sharing agreement.")
@_as_json
def init(
    data: Path,
    root_passphrase: str | None,
    roots: int,
    threshold: int,
    dpia: str,
    agreement: str,
    as_json: bool,
) -> None:
    """Make an exchange: roots, router, bus and the default sharing policy; no members yet."""
    issuer = _issuer(data, root_passphrase)
    policy = default_policy()
    governance = Governance(
        impact_assessment=dpia, policy_document=policy.document, sharing_agreement=agreement
    )
    changed = issuer.init(policy, governance, roots=roots, threshold=threshold)
    _done(issuer, changed, as_json)
    if not as_json:
        click.echo(f"The root keys are in {issuer.layout.roots}. Move them to carriers of their own.")


@directory.command("add-member")
@_data
@_passphrase
@click.option("--kind", type=click.Choice([kind.value for kind in MemberKind]), required=True)
@click.option("--name", required=True, help="The organisation's name.")
@click.option(
    "--area", "areas", multiple=True, required=True, help="GSS code of an area served; repeat for more."
)
@click.option("--front-door", is_flag=True, help="Children's social care that answers for the area.")
@click.option("--p256", is_flag=True, help="Keys for a hardware module without post-quantum algorithms.")
@click.option("--dpia", default=UNSIGNED, help="Reference of the member's impact assessment.")
@click.option("--agreement", default=UNSIGNED, help="Reference of the agreement that it signed.")
@click.option(
    "--clock-start",
    type=click.Choice([start.value for start in ClockStart]),
    default=ClockStart.NOTIFIED.value,
    show_default=True,
    help="Which moment starts the area's own fifteen working days, where the area is new.",
)
@_as_json
def add_member(
    data: Path,
    root_passphrase: str | None,
    kind: str,
    name: str,
    areas: tuple[str, ...],
    front_door: bool,
    p256: bool,
    dpia: str,
    agreement: str,
    clock_start: str,
    as_json: bool,
) -> None:
    """Admit a member and make its home under DATA/members."""
    issuer = _issuer(data, root_passphrase)
    new = NewMember(
        kind=MemberKind(kind),
        name=name,
        areas=tuple(area_entry(code, ClockStart(clock_start)) for code in dict.fromkeys(areas)),
        front_door=front_door,
        p256=p256,
        dpia_reference=dpia,
        sharing_agreement=agreement,
    )
    changed, member_id = issuer.add_member(new)
    _done(issuer, changed, as_json, member=str(member_id), home=str(issuer.layout.home(member_id)))


@directory.command("set-area")
@_data
@_passphrase
@click.option("--area", required=True, help="GSS code of an area in the directory.")
@click.option(
    "--clock-start",
    type=click.Choice([start.value for start in ClockStart]),
    required=True,
    help="Which moment starts its own fifteen working days.",
)
@_as_json
def set_area(data: Path, root_passphrase: str | None, area: str, clock_start: str, as_json: bool) -> None:
    """Say how an area counts; *notified* is always shown beside it."""
    issuer = _issuer(data, root_passphrase)
    _done(issuer, issuer.set_clock(area, ClockStart(clock_start)), as_json)


@directory.command("set-calendar")
@_data
@_passphrase
@click.option("--area", required=True, help="GSS code of an area in the directory.")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@_as_json
def set_calendar(data: Path, root_passphrase: str | None, area: str, file: Path, as_json: bool) -> None:
    """Publish an area's school terms, the local clocks that it keeps and its own numbers for cues, from a TOML FILE."""
    issuer = _issuer(data, root_passphrase)
    _done(issuer, issuer.set_calendar(area, read_calendar(file)), as_json)


@directory.command("set-contacts")
@_data
@_passphrase
@click.option("--member", required=True, help="Whose people they are.")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@_as_json
def set_contacts(data: Path, root_passphrase: str | None, member: str, file: Path, as_json: bool) -> None:
    """Publish whom to reach at a member for each rung by day, night and holiday, from a TOML FILE."""
    issuer = _issuer(data, root_passphrase)
    _done(issuer, issuer.set_contacts(member, read_contacts(file)), as_json)


@directory.command("add-unit")
@_data
@_passphrase
@click.option("--member", required=True, help="Whose unit it is.")
@click.option("--name", required=True, help="The unit's name, such as a force's team for one area.")
@click.option("--area", "areas", multiple=True, required=True, help="GSS code of an area; repeat for more.")
@_as_json
def add_unit(
    data: Path, root_passphrase: str | None, member: str, name: str, areas: tuple[str, ...], as_json: bool
) -> None:
    """Give a member that serves several areas a unit with a key of its own for some of them."""
    issuer = _issuer(data, root_passphrase)
    changed, unit = issuer.add_unit(member, name, tuple(area_entry(area).gss for area in areas))
    _done(issuer, changed, as_json, unit=unit)


@directory.command("set-endorsers")
@_data
@_passphrase
@click.option(
    "--member", "members", multiple=True, required=True, help="An endorser's member id; repeat for more."
)
@click.option("--threshold", type=int, required=True, help="How many of them it takes.")
@_as_json
def set_endorsers(
    data: Path, root_passphrase: str | None, members: tuple[str, ...], threshold: int, as_json: bool
) -> None:
    """Name the protection endorsers, who vouch for a hidden front door's one-time keys."""
    issuer = _issuer(data, root_passphrase)
    known = {str(member.id): member.id for member in read_current(issuer.layout).members}
    unknown = sorted(set(members) - set(known))
    if unknown:
        raise ChangeRefusedError(f"there is no member {unknown[0]}")
    _done(issuer, issuer.set_endorsers(tuple(known[member] for member in members), threshold), as_json)


@directory.command("set-standby")
@_data
@_passphrase
@click.option("--member", required=True, help="The front door's member id.")
@click.option(
    "--to", "folder", type=click.Path(path_type=Path, file_okay=False), help="Its home, to be moved."
)
@click.option("--remove", is_flag=True, help="Let the standby sign in no more.")
@_as_json
def set_standby(
    data: Path, root_passphrase: str | None, member: str, folder: Path | None, remove: bool, as_json: bool
) -> None:
    """Make the home of a front door's standby gateway, for another machine; or bring its keys up to date."""
    if (folder is None) != remove:
        raise click.UsageError("Give --to FOLDER or --remove.")
    issuer = _issuer(data, root_passphrase)
    changed = issuer.remove_standby(member) if folder is None else issuer.set_standby(member, folder)
    _done(issuer, changed, as_json)


@directory.command()
@_data
@_passphrase
@click.option("--member", help="Give this member new keys.")
@click.option("--router", is_flag=True, help="Give the router new keys.")
@click.option("--roots", type=int, help="Make this many new roots.")
@click.option("--threshold", type=int, default=2, show_default=True, help="How many new roots it takes.")
@_as_json
def rotate(
    data: Path,
    root_passphrase: str | None,
    member: str | None,
    router: bool,
    roots: int | None,
    threshold: int,
    as_json: bool,
) -> None:
    """Give new keys; the old ones stay good for fourteen days beside them."""
    issuer = _issuer(data, root_passphrase)
    if [member is not None, router, roots is not None].count(True) != 1:
        raise ChangeRefusedError("name one of --member, --router and --roots")
    if member is not None:
        changed = issuer.rotate_member(member)
    elif roots is not None:
        changed = issuer.rotate_roots(roots=roots, threshold=threshold)
    else:
        changed = issuer.rotate_router()
    _done(issuer, changed, as_json)


@directory.command()
@_data
@_passphrase
@click.option("--key", help="Revoke this key.")
@click.option("--member", help="Put this member out, with all its keys.")
@click.option("--reason", required=True, help="Why, in one line; everybody reads it.")
@_as_json
def revoke(
    data: Path, root_passphrase: str | None, key: str | None, member: str | None, reason: str, as_json: bool
) -> None:
    """Revoke at once."""
    issuer = _issuer(data, root_passphrase)
    if (key is None) == (member is None):
        raise ChangeRefusedError("name either --key or --member")
    changed = (
        issuer.revoke_key(_key_id(key), reason)
        if key is not None
        else issuer.revoke_member(str(member), reason)
    )
    _done(issuer, changed, as_json)


@directory.command()
@_data
@_passphrase
@_as_json
def sign(data: Path, root_passphrase: str | None, as_json: bool) -> None:
    """Sign the same content anew, before it expires."""
    issuer = _issuer(data, root_passphrase)
    _done(issuer, issuer.sign_again(), as_json)


@directory.command("apply")
@_data
def apply_command(data: Path) -> None:
    """Hand the directory in use to all homes and to the running exchange, again; mends an interrupted change."""
    issuer = _issuer(data, None)
    issuer.settle()
    for line in asyncio.run(apply(issuer.layout)) or ("homes and nats.conf written; no exchange runs here",):
        click.echo(line)


@directory.command()
@_data
@_as_json
def show(data: Path, as_json: bool) -> None:
    """Show members, keys, areas and what needs doing before long."""
    current, now = read_current(Layout(data)), system_clock()
    if as_json:
        click.echo(json.dumps(directory_value(current, now), indent=1))
    else:
        _echo(directory_text(current, now))


@directory.command()
@_data
def log(data: Path) -> None:
    """Show every change so far."""
    for page in read_history(Layout(data)):
        click.echo(f"Directory {page['version']}, {page['at']}")
        _echo(f"  {line}" for line in page["changes"])


@directory.command()
@_data
@_passphrase
@click.argument("event_type", required=False)
@click.option(
    "--adopt", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Folder of TOML files."
)
@_as_json
def policy(
    data: Path, root_passphrase: str | None, event_type: str | None, adopt: Path | None, as_json: bool
) -> None:
    """Show the sharing policy in sentences, or put the one in a folder in force."""
    issuer = _issuer(data, root_passphrase)
    if adopt is not None:
        _done(issuer, issuer.adopt_policy(read_policy_folder(adopt)), as_json)
        return
    held = read_current(issuer.layout).policy
    try:
        chosen = held if event_type is None else held.rule(event_type)
        click.echo(chosen.model_dump_json(indent=1)) if as_json else _echo(policy_text(held, event_type))
    except NoRuleError as error:
        raise ChangeRefusedError(str(error)) from error


@directory.command()
@_data
@click.argument("file", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
def verify(data: Path, file: Path | None) -> None:
    """Check the directory in use and its whole history; or whether FILE could replace it."""
    layout = Layout(data)
    _echo(check_history(layout) if file is None else check_file(layout, file, system_clock()))


def _issuer(data: Path, passphrase: str | None) -> Issuer:
    return Issuer(
        layout=Layout(data),
        now=system_clock().replace(microsecond=0),
        entropy=system_entropy,
        passphrase=passphrase,
    )


def _key_id(text: str) -> KeyId:
    try:
        return KeyId(text)
    except ValueError as error:
        raise ChangeRefusedError(str(error)) from error


def _done(issuer: Issuer, changed: Changed, as_json: bool, **more: str) -> None:
    applied = asyncio.run(apply(issuer.layout))
    if as_json:
        said = {"version": changed.directory.version, "changes": changed.lines, "applied": applied}
        click.echo(json.dumps(said | more, indent=1, ensure_ascii=False))
        return
    click.echo(f"Directory {changed.directory.version}")
    _echo(f"  {line}" for line in (*changed.lines, *applied))
    for name, value in more.items():
        click.echo(f"{name}: {value}")


def _echo(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)
