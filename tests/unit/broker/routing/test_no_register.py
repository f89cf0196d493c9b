"""P12: of a routine event about a child without a matter a count stays, and nothing else, anywhere in the file."""

from collections.abc import Iterable
from typing import Any

import pytest
import sqlalchemy as sa

from broker.routing.intake import Outcome
from broker.routing.quarantine import KEPT_DAYS
from broker.store.router import tables
from schemas.control import Action, ActionKind
from schemas.wire import EventClass, ReceiptKind
from tests.support.desk import CHILD, NEW, OLD, STRANGER, Posted, RouterDesk
from tests.support.directory import CUMBERLAND, WESTMORLAND

ALLOWED = {"chains", "counters", "daily_counts", "sent"}


def rows(desk: RouterDesk) -> dict[str, list[Any]]:
    """Every row of every table that has any."""
    with desk.store.work() as work:
        found = {
            name: [tuple(row) for row in work.connection.execute(sa.select(table)).all()]
            for name, table in tables.METADATA.tables.items()
        }
    return {name: lines for name, lines in found.items() if lines}


def traces(desk: RouterDesk, *secrets: bytes) -> list[str]:
    """The files of the store in which any of these bytes still stand."""
    desk.publish()
    return [
        path.name
        for path in sorted(desk.path.iterdir())
        if any(secret in path.read_bytes() for secret in secrets)
    ]


def marks(posted: Iterable[Posted]) -> list[bytes]:
    """What would give an event away: its token, id and manifest hash."""
    return [STRANGER.value, *(one.event_id for one in posted), *(hash_of(one) for one in posted)]


def hash_of(posted: Posted) -> bytes:
    """SHA-256 of the signed manifest."""
    assert posted.sealed is not None
    return posted.sealed.manifest_hash


def routine(desk: RouterDesk) -> list[Posted]:
    """Routine events of every kind about a child without a matter."""
    return [
        desk.event("school", tokens=(STRANGER,)),
        desk.event("health", tokens=(STRANGER,), to=(OLD, NEW)),
        desk.move("health", tokens=(STRANGER,)),
        desk.event("police", tokens=(STRANGER,), hidden=True),
        desk.event("health", tokens=(STRANGER,), event_class=EventClass.INVOLVEMENT),
    ]


def test_a_routine_event_leaves_a_count_and_nothing_else(desk: RouterDesk) -> None:
    posted = routine(desk)
    last = desk.event("school")
    desk.take(*posted)
    desk.take(desk.receipts(OLD, *(desk.receipt(got, ReceiptKind.OPENED) for got in desk.inbox(OLD))))
    desk.take(last)
    desk.publish()

    found = rows(desk)

    assert set(found) <= ALLOWED
    assert {(desk.world["school"].id, "2026-03-02", 2), (desk.world["health"].id, "2026-03-02", 3)} <= set(
        found["daily_counts"]
    )
    # The head of each chain is the author's newest manifest: of the last school event, not of any before it.
    newest = {hash_of(one) for one in (posted[3], posted[4], last)}
    assert newest == {digest for *_, digest in found["chains"]}
    assert [] == traces(desk, *(mark for mark in marks(posted) if mark not in newest))
    assert [] == desk.audit()


def test_closing_the_last_matter_forgets_the_child_wholly(desk: RouterDesk) -> None:
    """Tokens, deliveries, receipts, orders, handovers, clocks, links: gone from every table, and from the file."""
    opening = desk.opens_matter(tokens=(STRANGER,))
    desk.take(opening, desk.move(tokens=(STRANGER,)))
    handover = desk.handover(NEW).handover
    release = desk.acts(OLD, Action(ActionKind.RELEASE, handover), tokens=(STRANGER,))
    desk.take(release)
    for order in desk.orders(NEW):
        desk.take(*(desk.grant(OLD, order, event) for event, _ in order.events))
    desk.take(desk.receipts(OLD, *(desk.receipt(got) for got in desk.inbox(OLD))))
    involved = Action(ActionKind.INVOLVE, member=desk.world["health"].id)
    desk.take(
        desk.event(
            OLD,
            to=(OLD, NEW, "health"),
            tokens=(STRANGER,),
            event_class=EventClass.INVOLVEMENT,
            action=involved,
        ),
        desk.acts(NEW, Action(ActionKind.ACCEPT, handover), tokens=(STRANGER,)),
    )
    for order in desk.orders("health"):
        grantor = next(name for name, seat in desk.world.seats.items() if seat.id == order.grantor)
        desk.take(*(desk.grant(grantor, order, event) for event, _ in order.events))
    assert set(rows(desk)) > ALLOWED - {"daily_counts"}

    desk.take(desk.closes_matter(tokens=(STRANGER,), to=(OLD, NEW, "health"), residence=WESTMORLAND))
    desk.publish()

    assert set(rows(desk)) <= ALLOWED
    assert [] == traces(desk, STRANGER.value, opening.event_id, handover, release.event_id)


def test_a_refused_routine_event_is_gone_once_it_was_taken_after_all(desk: RouterDesk) -> None:
    """Its bytes name a token: they stay only as long as an operator needs them for another try."""
    good = desk.world
    desk.world = good.having_member("school", areas=(WESTMORLAND,))
    posted = desk.event("school", tokens=(STRANGER,), acting=CUMBERLAND)
    assert [Outcome.REFUSED] == desk.take(posted)
    assert ["router.db"] == traces(desk, STRANGER.value)

    desk.world = good
    [kept] = desk.quarantine()
    with desk.store.work() as work:
        work.intake.set_quarantine_state(kept.entry, "retry")
    desk.tick()

    [kept] = desk.quarantine()
    assert ("done", b"", "wrong-acting-area") == (kept.state, kept.body, kept.code)
    assert [posted.event_id] == desk.views(OLD)
    assert [] == traces(desk, STRANGER.value)


def test_a_refused_event_is_not_kept_for_ever(desk: RouterDesk) -> None:
    desk.take(desk.event("school", tokens=(STRANGER,), acting=WESTMORLAND))
    desk.wait(days=KEPT_DAYS)
    desk.tick()
    assert "waiting" == desk.quarantine()[0].state

    desk.wait(minutes=1)
    desk.tick()

    [kept] = desk.quarantine()
    assert ("expired", b"") == (kept.state, kept.body)
    assert [] == traces(desk, STRANGER.value)


@pytest.mark.parametrize("again", [1, 3])
def test_counts_are_per_member_and_day(desk: RouterDesk, again: int) -> None:
    for _ in range(again):
        desk.take(desk.event("school", tokens=(STRANGER,)))
    desk.wait(days=1)
    desk.take(desk.event("school", tokens=(STRANGER,)))

    school = desk.world["school"].id
    assert [(school, "2026-03-02", again), (school, "2026-03-03", 1)] == rows(desk)["daily_counts"]


def test_a_view_about_nobodys_matter_has_no_handle(desk: RouterDesk) -> None:
    """Readers cannot tell from the router's notes whether two routine events are about one child."""
    desk.take(
        desk.event("school", tokens=(STRANGER,)),
        desk.event("school", tokens=(STRANGER,)),
        desk.event("school"),
    )

    assert [(None, 0)] * 3 == [(got.note.child, got.note.previous) for got in desk.inbox(OLD)]
    assert CHILD.value != STRANGER.value
