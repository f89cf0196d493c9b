"""Whether a protection endorser vouches for one-time keys: every check, every reason, in their order."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.gateway.orders.endorsing import judge_asker, judge_move
from broker.clock import to_ms
from broker.crypto.moves import Move
from schemas.envelope import Header
from schemas.hiding import Ticket
from schemas.wire import EventClass, Urgency
from tests.support.directory import NOW, World, a_directory
from tests.support.events import CUMBERLAND, WESTMORLAND


@pytest.fixture(scope="module")
def world() -> World:
    return a_directory()


def a_move(world: World, by: str = "health", **changes: Any) -> Move:
    """The child has come to Westmorland, says a health visitor of today."""
    seat = world[by]
    to_area = changes.pop("to_area", WESTMORLAND)
    header = Header(
        event_id=b"e" * 16,
        suite=2,
        author=seat.id,
        key_id=seat.sign.key_id,
        event_class=EventClass.MOVE,
        urgency=Urgency.U1,
        sealed_openings=True,
        created_ms=to_ms(NOW - timedelta(minutes=5)),
        directory_version=1,
        field_hashes=(),
    )
    return Move(replace(header, **changes), to_area)


def _judged(world: World, move: Move | None, *, used_before: bool = False) -> str | None:
    return judge_move(move, world["westmorland"].id, world.directory, NOW, used_before=used_before)


def test_a_move_to_the_asker_by_somebody_else_is_a_ground(world: World) -> None:
    assert _judged(world, a_move(world)) is None


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("author-unknown", {"author": "m-nobodyaaaa"}),
        ("author-unknown", {"key_id": "another"}),
        ("author-unknown", {"created_ms": to_ms(NOW - 400 * DAY)}),
        ("author-unknown", {"created_ms": 1 << 52}),
        ("author-not-entitled", {"by": "board"}),
        ("not-a-move", {"event_class": EventClass.CONCERN}),
        ("leads-elsewhere", {"to_area": CUMBERLAND}),
        ("leads-elsewhere", {"to_area": "E08000035"}),
        ("leads-elsewhere", {"to_area": None}),
        ("own-word", {"by": "westmorland"}),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_it_is_refused_with_its_reason(world: World, code: str, changes: dict[str, Any]) -> None:
    assert code == _judged(world, a_move(world, **changes))


def test_nothing_shown_is_no_ground(world: World) -> None:
    assert "no-move" == _judged(world, None)


def test_a_move_serves_one_pair_of_keys_in_a_handover(world: World) -> None:
    assert "used-before" == _judged(world, a_move(world), used_before=True)


def test_a_report_is_good_for_as_long_as_one_may_wait_on_the_bus(world: World) -> None:
    move = a_move(world)
    judged = [
        judge_move(move, world["westmorland"].id, world.directory, NOW + days * DAY, used_before=False)
        for days in (44, 46)
    ]

    assert [None, "stale"] == judged


def test_a_revoked_key_is_no_witness(world: World) -> None:
    keys = tuple(
        key.model_copy(update={"revoked_at": NOW}) if key.key_id == world["health"].sign.key_id else key
        for key in world["health"].member.keys
    )

    assert "author-unknown" == _judged(world.having_member("health", keys=keys), a_move(world))


def _ticket(**changes: Any) -> Ticket:
    ticket = Ticket(b"h" * 16, bytes(1216), bytes(32), 1, to_ms(NOW + 100 * DAY), b"c" * 32)
    return replace(ticket, **changes)


@pytest.mark.parametrize(
    ("code", "by", "changes"),
    [
        (None, "westmorland", {}),
        ("not-a-front-door", "health", {}),
        ("directory-too-old", "westmorland", {"directory_version": 9}),
        ("good-for-too-long", "westmorland", {"expires_ms": to_ms(NOW + 200 * DAY)}),
        ("good-for-too-long", "westmorland", {"expires_ms": to_ms(NOW)}),
        ("no-move", "westmorland", {"child": b""}),
    ],
)
def test_who_asks_and_for_what(world: World, code: str | None, by: str, changes: dict[str, Any]) -> None:
    key_id = world[by].sign.key_id

    assert code == judge_asker(_ticket(**changes), key_id, world.directory, NOW)
