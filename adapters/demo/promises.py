"""What the play claims, checked: each promise with the way in which it was checked, and whether it held."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from adapters.demo.asking import asked
from adapters.demo.evidence import Evidence
from adapters.demo.history import PUPIL_OF_NO_CONCERN
from adapters.demo.play import UNSEALED, Play
from adapters.demo.search import files_under, find
from adapters.demo.stage import StageError
from adapters.gateway.record.chronology import Line
from broker.crypto.tokens import IdentifierKind
from schemas.catalogue import parse_event
from schemas.ids import EventId
from schemas.wire import InKind

_OVERWRITTEN_S: Final = 10.0
EVENT_TYPES: Final = (
    "plan.opened",
    "appointment.missed",
    "household.changed",
    "voice.recorded",
    "move.notified",
)


@dataclass(frozen=True, slots=True)
class Checked:
    """One promise as this performance showed it."""

    promise: str
    claim: str
    how: str
    held: bool


def check(play: Play, trail: list[dict[str, Any]]) -> list[Checked]:
    """Check every promise that the play shows. ``trail`` is the board's audit trail about the child."""
    checks = [_nothing_lost(play), _once_and_in_order(play), *_blind(play), _nothing_unsigned(play)]
    if play.plot.moves:
        checks += [_never_vacant(play), _clocks(play), _history_whole(play)]
    if play.plot.hidden:
        checks.append(_stays_hidden(play))
    checks += [_refuge(play), _missing(play)]
    return [*checks, *_proof(play, trail), _never_guessed(play), _no_register(play)]


def audit_trail(play: Play) -> list[dict[str, Any]]:
    """What the board's own node answers about the child, asked by NHS number with the board's own command."""
    said = json.loads(asked(play.stage, "list", "--nhs", play.plot.child.nhs_number, "--json"))
    entries: list[dict[str, Any]] = said["entries"]
    return entries


def proven(evidence: Evidence) -> Checked:
    """What the last act has shown."""
    return Checked(
        "P8",
        "and nobody need believe the board",
        f"{' and '.join(evidence.answers)} were answered from the trail; the export was checked offline against a head that two"
        f" members had witnessed; a copy with one letter changed was caught: {evidence.caught or 'NOT CAUGHT'}",
        evidence.holds(),
    )


def chronology(play: Play, key: str) -> list[Line]:
    """The child's chronology at one front door."""
    handle = play.handle(key)
    return play.gateway(key).chronology(handle) if handle else []


def _nothing_lost(play: Play) -> Checked:
    story = {event_id for _, event_id in play.scenes} | set(play.message_ids)
    sent = [
        one for gateway in play.stage.gateways.values() for one in gateway.outbox() if one.event_id in story
    ]
    pairs = [reader.delivered_ms is not None for one in sent for reader in one.readers]
    return Checked(
        "P1",
        "nothing accepted is lost",
        f"{sum(pairs)} of {len(pairs)} deliveries of {len(sent)} events have a receipt signed by their reader",
        len(sent) == len(story) and all(pairs),
    )


def _once_and_in_order(play: Play) -> Checked:
    total, right = 0, True
    for gateway in play.stage.gateways.values():
        items = gateway.inbox(everything=True)
        numbers = [item.number for item in items]
        views = [item.message_id for item in items if item.kind is InKind.VIEW]
        total += len(items)
        right = right and numbers == list(range(1, len(items) + 1)) and len(views) == len(set(views))
        right = right and all(item.state == "applied" for item in items)
    return Checked(
        "P2",
        "nothing is applied twice, nothing overtakes",
        f"{total} deliveries in {len(play.stage.gateways)} inboxes: numbered without gap, each applied once",
        right,
    )


def _blind(play: Play) -> Iterator[Checked]:
    data = play.stage.data
    files = files_under(data / "nats", data / "router", data / "logs")
    size = sum(path.stat().st_size for path in files) / 1e6
    words = play.plot.secrets
    control = find([UNSEALED], files)
    hits = find(words, files)
    yield Checked(
        "P3",
        "the broker is blind",
        f"{len(words)} words about the child searched in {len(files)} files ({size:.1f} MB) of bus, router and logs, plain,"
        f" wide, base64, hex: {len(hits)} found; the word sent unsealed on purpose was found",
        not hits and bool(control),
    )
    # The directory is public and lists every type in its policy; everything else must not know one.
    known = [path for path in files if path.name != "directory.bin" and "DIRECTORY" not in path.parts]
    types = find(EVENT_TYPES, known)
    yield Checked(
        "P3",
        "nor does it know what kind of thing happened",
        f"{len(EVENT_TYPES)} event types searched in the same files, the public directory excepted: {len(types)} found",
        not types,
    )


def _nothing_unsigned(play: Play) -> Checked:
    return Checked(
        "P4",
        "nothing unsigned is believed",
        f"a copy with one bit changed and an unsealed message came back as {', '.join(play.refused)}",
        sorted(play.refused) == ["bad-signature", "malformed"],
    )


def _never_vacant(play: Play) -> Checked:
    old, new = play.plot.old.gss, play.plot.new.gss
    told = [(step.holder, step.safety) for step in play.steps]
    right = told == [(old, new), (old, new), (new, new)] and all(
        step.same_on_both_sides for step in play.steps
    )
    return Checked(
        "P5",
        "two facts, never merged, never vacant",
        f"case holder {old} until the acceptance, then {new}; safety duty {new} from the report on; both sides read the same",
        right,
    )


def _clocks(play: Play) -> Checked:
    view = play.view("new")
    due = view.due if view is not None else ()
    owners = {play.stage.name(one.owner) for one in due}
    return Checked(
        "P6",
        "every obligation has a clock and an owner",
        f"{len(due)} clocks ran in the handover, each with an owner and its rule; all were met in time",
        bool(due) and all(one.met_ms and not one.late and one.reason for one in due) and len(owners) == 2,  # noqa: PLR2004
    )


def _stays_hidden(play: Play) -> Checked:
    """Everything that the old side can read: its chronology, its handovers, and the readable side of its database."""
    told = json.dumps([line.read.document for line in chronology(play, "old")])
    hits = find(
        [play.plot.new.gss], [play.stage.homes["old"] / "gateway.db", play.stage.homes["old"] / "custody.db"]
    )
    return Checked(
        "P7",
        "a hidden family stays hidden",
        f"{play.plot.old.name} reads its own history and that the child is gone; nothing that it can read, and neither of its"
        f" databases, names {play.plot.new.name}, which was told and has the safety duty",
        play.plot.new.gss not in told
        and not hits
        and play.view("old") is None
        and play.view("new") is not None,
    )


def _refuge(play: Play) -> Checked:
    """The second act, by every byte that the side that was left holds."""
    act = play.refuge
    return Checked(
        "P7",
        "a hidden family stays hidden",
        f"{play.plot.old.name} knows that the case was taken on, by a one-time key that two endorsers vouch for; it has sent"
        " the history there, and nothing that it, its members, shared members or its board hold, in any spelling, names"
        f" {play.plot.refuge.name}, its front door or its keys",
        act is not None and act.holds(),
    )


def _missing(play: Play) -> Checked:
    """The third act, by every byte that those who look for the family hold."""
    act = play.missing
    return Checked(
        "P7",
        "a missing family is found and not exposed",
        f"{play.plot.old.name} has heard that the family was seen, and is safe; nothing that it or the members who serve it"
        f" hold names {play.plot.refuge.name}, its front door or the place",
        act is not None and act.holds(),
    )


def _history_whole(play: Play) -> Checked:
    old = {line.read.document["id"]: line.read.document for line in chronology(play, "old")}
    new = {line.read.document["id"]: line.read.document for line in chronology(play, "new")}
    written = [_as_written(scene.document, event_id) for scene, event_id in play.scenes]
    same = [
        new.get(document["id"]) == old.get(document["id"])
        and all(new.get(document["id"], {}).get(name) == value for name, value in document.items())
        for document in written
    ]
    return Checked(
        "P1",
        "the history goes with the child, whole",
        f"{sum(same)} of {len(written)} events of the history are readable in {play.plot.new.name}, word for word as"
        " their authors wrote them",
        all(same),
    )


def _as_written(document: dict[str, Any], event_id: EventId) -> dict[str, Any]:
    """An author's document in the one spelling that every gateway uses."""
    event = parse_event(document | {"version": "1", "id": str(event_id)})
    spelled: dict[str, Any] = json.loads(event.to_json())
    return spelled


def _proof(play: Play, trail: list[dict[str, Any]]) -> Iterator[Checked]:
    story = {str(event_id) for _, event_id in play.scenes} | {str(event_id) for event_id in play.message_ids}
    taken = {entry["event"]: entry for entry in trail if entry["kind"] == "taken"}
    receipts = [entry for entry in trail if entry["kind"] == "receipt"]
    yield Checked(
        "P8",
        "the board can prove it",
        f"asked by NHS number, the board's own node lists {len(trail)} entries: all {len(story)} shares, {len(receipts)} receipts,"
        " the handover's steps",
        story <= set(taken) and bool(receipts),
    )
    slips = [taken[event_id].get("slip") or {} for event_id in story if event_id in taken]
    yield Checked(
        "P9",
        "every share says why",
        f"{len(slips)} slips, sealed by their authors to the board, name purpose and legal basis",
        len(slips) == len(story) and all(slip.get("purpose") and slip.get("basis") for slip in slips),
    )


def _never_guessed(play: Play) -> Checked:
    before, after = len(play.handles_before_link), len(play.handles_after_link)
    return Checked(
        "P10",
        "a person is never guessed",
        f"NHS number and pupil number were {before} children until a named person linked them, {after} afterwards",
        (before, after) == (2, 1),
    )


def _no_register(play: Play) -> Checked:
    tokens = play.gateway("school").home.keyring.tokens()
    unworried = tokens.token_now(IdentifierKind.UPN, PUPIL_OF_NO_CONCERN).value
    worried = tokens.token_now(IdentifierKind.UPN, play.plot.child.upn).value
    folders = (play.stage.data / "nats", play.stage.data / "router")
    # The router empties its write-ahead log once it rests; until then a deleted row still stands there.
    with contextlib.suppress(StageError):
        play.stage.wait(
            lambda: not find([unworried], files_under(*folders)), "the overwriting", _OVERWRITTEN_S
        )
    files = files_under(*folders)
    hits, control = find([unworried], files), find([worried], files)
    return Checked(
        "P12",
        "no register",
        f"of the pupil whom nobody worries about, {len(hits)} of {len(files)} files of bus and router hold the token;"
        " the token of the child with an open matter was found",
        not hits and bool(control),
    )
