"""A bundle with items that are missing, altered, foreign or replayed is taken as far as it is good, and the rest is named."""

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from adapters.gateway.api import Gateway
from adapters.gateway.commands.gateway import handover
from adapters.gateway.frontdoor.bundles import Came, Fate, items_of
from broker.crypto.grants import read_grant, sign_grant
from broker.crypto.signing import unverified_payload
from schemas.control import Note, unframe
from schemas.wire import PROTOCOL_VERSION, InKind
from tests.attack.stage import HERE, WORKER, Stage, a_plan, a_stage, of_kind

EVENTS = 8
FATES = ("good", "missing", "altered", "another order", "replayed", "foreign beside")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = a_stage(tmp_path)
    yield made
    made.room.close()


def a_bundle(stage: Stage) -> tuple[list[bytes], list[bytes]]:
    """What the router has for the new side when a history is released: all but the grants, and the grants."""
    room = stage.room
    a_plan(stage)
    for n in range(EVENTS):
        stage.publish("health", "appointment.missed", 20 + n, **HERE)
    stage.publish("health", "move.notified", 6)
    room.settle()
    room["cumberland"].actions.release(room["cumberland"].actions.handovers()[0].handover.hex(), WORKER)
    for _ in range(3):
        room.post("cumberland")
        room["cumberland"].receiving.take(room.collect("cumberland"))
    bodies = room.collect("westmorland")
    grants = of_kind(bodies, InKind.GRANTED)
    return [body for body in bodies if body not in grants], grants


def note_of(body: bytes) -> Note:
    return Note.from_bytes(unverified_payload(unframe(body, 3, PROTOCOL_VERSION)[0]))


def false(stage: Stage, body: bytes, how: str) -> bytes:
    """The old front door's own grant, rightly signed, of something else."""
    home = stage.room["cumberland"].home
    grant, _ = read_grant(unframe(body, 3, PROTOCOL_VERSION)[2], home.directory.public_of)
    if how == "altered":
        blank = tuple(replace(part, ciphertext=bytes(len(part.ciphertext))) for part in grant.parts)
        return sign_grant(replace(grant, parts=blank), home.signer())
    if how == "another order":
        return sign_grant(replace(grant, order_id=b"o" * 16), home.signer())
    return sign_grant(replace(grant, event_id=b"f" + note_of(body).message_id[1:]), home.signer())


def said(gateway: Gateway, *more: str) -> Result:
    """What the command says of the one handover there is."""
    [view] = gateway.actions.handovers()
    return CliRunner().invoke(
        handover, ["bundle", "--home", str(gateway.home.folder), view.handover.hex(), *more]
    )


@pytest.mark.parametrize("seed", range(12))
def test_each_item_of_a_bundle_that_is_not_good_is_named_and_nothing_else_is_lost(
    stage: Stage, seed: int
) -> None:
    others, grants = a_bundle(stage)
    draw = random.Random(seed)
    fates = {note_of(body).message_id: draw.choice(FATES) for body in grants}
    new = stage.room["westmorland"]
    number = min(note_of(body).number for body in [*others, *grants]) - 1
    for body in others:
        # Numbered anew, as if the others had been all from the beginning: what is left out leaves no hole.
        number += 1
        new.receiving.take([stage.resigned(body, number=number, previous=number - 1)])
    previous = number
    for body in draw.sample(grants, len(grants)):
        note, inner = note_of(body), unframe(body, 3, PROTOCOL_VERSION)[2]
        how = fates[note.message_id]
        sent = {"missing": [], "replayed": [inner, inner]}.get(how, [inner])
        if how in {"altered", "another order"}:
            sent = [false(stage, body, how)]
        for data in [*sent, *([false(stage, body, "foreign")] if how == "foreign beside" else [])]:
            number += 1
            about = note.message_id if data in {*sent} else b"f" + note.message_id[1:]
            more = {"number": number, "previous": previous, "child": note.child, "author": note.author}
            new.receiving.take([stage.signed("westmorland", InKind.GRANTED, about, data, **more)])
            previous = number

    items = {item.event: item for item in new.bundles.of(new.actions.handover("")[0])}

    become = {"missing": Fate.MISSING, "altered": Fate.REFUSED, "another order": Fate.REFUSED}
    expected = {event: become.get(how, Fate.HERE) for event, how in fates.items()}
    expected |= {b"f" + event[1:]: Fate.FOREIGN for event, how in fates.items() if how == "foreign beside"}
    assert expected == {event: item.fate for event, item in items.items()}
    assert {event for event, how in fates.items() if how == "replayed"} == {
        event for event, item in items.items() if item.fate is Fate.HERE and len(item.deliveries) > 1
    }
    assert all(item.faults for item in items.values() if item.fate in {Fate.REFUSED, Fate.FOREIGN})
    with new.home.store.look() as work:
        assert {row.event_id for row in work.inbox.history()} == {
            event for event, fate in expected.items() if fate is Fate.HERE
        }
    shown = said(new, "--json")
    assert sorted(str(UUID(bytes=event)) for event in expected) == sorted(
        one["event"] for one in json.loads(shown.output)
    )
    assert 1 == shown.exit_code


def test_a_whole_bundle_is_here_and_the_command_says_so(stage: Stage) -> None:
    others, grants = a_bundle(stage)
    new = stage.room["westmorland"]
    new.receiving.take([*others, *grants])

    shown = said(new)

    assert 0 == shown.exit_code
    assert f"{len(grants)} of {len(grants)} events are here." in shown.output


_IDS = st.binary(min_size=2, max_size=2)


@given(
    st.lists(_IDS, max_size=6),
    st.sets(_IDS, max_size=6),
    st.lists(st.builds(Came, st.integers(1, 99), _IDS, st.sampled_from([None, "altered"])), max_size=8),
)
def test_every_item_that_was_ordered_stands_once_in_its_order(
    expected: list[bytes], here: set[bytes], came: list[Came]
) -> None:
    items = items_of(expected, here, came)
    ordered = [item.event for item in items if item.fate is not Fate.FOREIGN]

    assert list(dict.fromkeys(expected)) == ordered
    assert {one.event for one in came if one.fault} <= {item.event for item in items if item.deliveries}
    assert all(
        (item.event in here) is (item.fate is Fate.HERE) for item in items if item.event in set(expected)
    )
    assert not {item.event for item in items if item.fate is Fate.FOREIGN} & set(expected)
