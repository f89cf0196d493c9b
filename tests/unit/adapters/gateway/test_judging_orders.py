"""A front door's own judgement on the router's orders: every numbered check, every reason."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.gateway.orders.judgement import Carry, Known, Refuse, Release, Wait, judge
from adapters.gateway.record.sameness import identifiers_in, joined, links_in
from broker.clock import to_ms
from schemas.orders import Order, OrderKind
from schemas.policy import GrantAnswer
from tests.support.directory import NOW, World, a_directory
from tests.support.events import CHILD, PUPIL, SIBLING, WESTMORLAND, a_document

ONE, TWO, HANDOVER = b"1" * 16, b"2" * 16, b"h" * 16
DIGEST = b"d" * 32


@pytest.fixture(scope="module")
def world() -> World:
    return a_directory()


def an_order(world: World, **changes: Any) -> Order:
    """An order that the old front door carries out."""
    order = Order(
        order_id=b"o" * 16,
        kind=OrderKind.HANDOVER,
        grantor=world["cumberland"].id,
        reader=world["westmorland"].id,
        child=b"c" * 16,
        handover=HANDOVER,
        evidence=b"e" * 16,
        events=((ONE, DIGEST), (TWO, DIGEST)),
        issued_ms=to_ms(NOW),
        expires_ms=to_ms(NOW + timedelta(days=1)),
    )
    return replace(order, **changes)


def knowing(**changes: Any) -> Known:
    """What the old front door knows: both events, released to the new area, used for nothing yet."""
    known = Known(
        digests={ONE: DIGEST, TWO: DIGEST},
        answers={ONE: GrantAnswer.YES, TWO: GrantAnswer.BY_PERSON},
        release=Release(HANDOVER.hex(), WESTMORLAND),
        used_before=False,
        grounded=True,
        news=False,
    )
    return replace(known, **changes)


def test_a_released_history_is_carried_across(world: World) -> None:
    """A release counts as a person's word for what the policy leaves to a person."""
    verdict = judge(an_order(world), world["cumberland"].id, knowing(), world.directory, NOW)

    assert Carry((ONE, TWO)) == verdict


COMPLETE = {"kind": OrderKind.COMPLETE_READERS, "handover": None}


@pytest.mark.parametrize(
    ("order", "known", "code"),
    [
        pytest.param({"grantor": "m-aaaaaaaaaa"}, {}, "not-for-us", id="1 another's"),
        pytest.param({"expires_ms": to_ms(NOW) - 1}, {}, "expired", id="1 too late"),
        pytest.param({"reader": "m-aaaaaaaaaa"}, {}, "unknown-reader", id="2 no such member"),
        pytest.param({"reader": "cumberland"}, {}, "unknown-reader", id="2 ourselves"),
        pytest.param({}, {"used_before": True}, "evidence-used", id="3 used"),
        pytest.param(
            {"issued_ms": to_ms(NOW - timedelta(minutes=11))},
            {"digests": {ONE: DIGEST}},
            "not-in-our-record",
            id="4 not ours, or another child",
        ),
        pytest.param(
            {}, {"digests": {ONE: DIGEST, TWO: b"x" * 32}}, "another-event", id="4 another of the same id"
        ),
        pytest.param({}, {"release": None}, "not-released", id="5 no release of ours"),
        pytest.param({"handover": None}, {}, "not-released", id="5 names no handover"),
        pytest.param(
            {}, {"release": Release("00" * 16, WESTMORLAND)}, "not-released", id="5 another handover released"
        ),
        pytest.param({"reader": "school"}, {}, "not-the-new-front-door", id="5 not the new front door"),
        pytest.param(
            {},
            {"release": Release(HANDOVER.hex(), "E06000063")},
            "not-the-new-front-door",
            id="5 released to another area",
        ),
        pytest.param(
            COMPLETE,
            {"answers": {ONE: GrantAnswer.BY_PERSON, TWO: GrantAnswer.NO}},
            "needs-a-person",
            id="7 a person decides",
        ),
        pytest.param(
            COMPLETE,
            {"answers": dict.fromkeys((ONE, TWO), GrantAnswer.NO)},
            "kept-by-policy",
            id="7 policy or mark says no",
        ),
    ],
)
def test_an_order_is_refused_with_its_reason(
    world: World, order: dict[str, Any], known: dict[str, Any], code: str
) -> None:
    if order.get("reader") in {"cumberland", "school"}:
        order = order | {"reader": world[order["reader"]].id}

    verdict = judge(an_order(world, **order), world["cumberland"].id, knowing(**known), world.directory, NOW)

    assert Refuse(code) == verdict


def test_a_reader_who_left_or_has_no_key_is_granted_nothing(world: World) -> None:
    gone = world.having_member("westmorland", left_on=NOW.date() - timedelta(days=1))
    later = NOW + timedelta(days=150)
    order = an_order(world, expires_ms=to_ms(later + timedelta(days=1)))

    assert Refuse("unknown-reader") == judge(order, world["cumberland"].id, knowing(), gone.directory, NOW)
    assert Refuse("reader-without-key") == judge(
        order, world["cumberland"].id, knowing(), world.directory, later
    )


UNVOUCHED = {"answers": dict.fromkeys((ONE, TWO), GrantAnswer.YES), "grounded": False}


@pytest.mark.parametrize(
    ("reader", "news", "verdict"),
    [
        pytest.param("school", False, Wait("not-concerned"), id="a school, history"),
        pytest.param("school", True, Wait("not-concerned"), id="a school, news"),
        pytest.param("westmorland", False, Wait("not-concerned"), id="a front door, history"),
        pytest.param("westmorland", True, Carry((ONE, TWO)), id="a front door, news"),
    ],
)
def test_who_has_no_ground_but_the_routers_word_waits_and_then_is_refused(
    world: World, reader: str, news: bool, verdict: Wait | Carry
) -> None:
    """Only another front door gets news on the router's word; whoever waits is refused in the end, aloud."""
    order = an_order(world, **COMPLETE, reader=world[reader].id)
    known, me, later = knowing(**UNVOUCHED, news=news), world["cumberland"].id, NOW + timedelta(minutes=11)
    afterwards = verdict if isinstance(verdict, Carry) else Refuse("not-concerned")

    assert verdict == judge(order, me, known, world.directory, NOW)
    assert afterwards == judge(order, me, known, world.directory, later)


def test_an_order_that_overtook_what_it_rests_on_waits_for_it(world: World) -> None:
    """A link or confirmation may be on its way from another front door: without it the order is never refused blindly."""
    order, me, later = an_order(world), world["cumberland"].id, NOW + timedelta(hours=20)

    for evidence, afterwards in ((False, Wait("not-in-our-record")), (True, Refuse("not-in-our-record"))):
        known = knowing(digests={ONE: DIGEST}, evidence=evidence)
        assert Wait("not-in-our-record") == judge(order, me, known, world.directory, NOW)
        assert afterwards == judge(order, me, known, world.directory, later)


def test_what_its_author_marked_never_stays_and_the_rest_goes(world: World) -> None:
    answers = {ONE: GrantAnswer.YES, TWO: GrantAnswer.NO}

    verdict = judge(an_order(world), world["cumberland"].id, knowing(answers=answers), world.directory, NOW)

    assert Carry((ONE,), kept=((TWO, "kept-by-policy"),)) == verdict


def test_identifiers_join_through_signed_links_only_and_part_again() -> None:
    link = a_document("identity.linked", n=5)
    undone = a_document("identity.unlinked", n=6, details={"link": link["id"]})
    child, pupil = ("nhs_number", CHILD), ("upn", PUPIL)
    start = identifiers_in(a_document("concern.raised"))

    assert frozenset({child}) == start
    assert frozenset({child, pupil}) == joined(start, links_in([link]))
    assert start == joined(start, links_in([link, undone]))
    assert start == joined(
        start,
        links_in(
            [
                a_document(
                    "identity.linked",
                    details={"identities": [{"nhs_number": SIBLING}, {"upn": PUPIL}]},
                    subject={"upn": PUPIL},
                )
            ]
        ),
    )
