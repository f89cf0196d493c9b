"""Every clock of the policy that a gateway keeps: started by a real event, met by a real event, late once."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from adapters.gateway.api import Gateway
from adapters.gateway.commands.clocks import clocks
from broker.clock import from_ms
from broker.directory.duties import AreaCalendar
from broker.store.gateway.clocks import ClockRow
from schemas.deadlines import FACTS
from schemas.keeping import ROUTER_KEPT, Keeper, keeper
from tests.support.clock_stories import (
    BOTH,
    CAST,
    HERE,
    KEPT,
    LEFT,
    NOT_YET,
    OWN_WORDS,
    POLICY,
    STORIES,
    TERMS,
    THERE,
    UNBORN,
    WORKER,
    Story,
    a_noticed_move,
    a_plan,
    a_plan_before_birth,
)
from tests.support.events import CHILD, CUMBERLAND, SIBLING, WESTMORLAND, a_document, event_id
from tests.support.postroom import PostRoom, a_postroom
from tests.support.turning import Stopped


@pytest.fixture
def turned() -> Stopped:
    return Stopped()


def _players(story: Story) -> set[str]:
    """Who is needed for a story: a room with everybody takes seconds to make."""
    met = {story.met[0]} if story.met else set()
    opened = {story.opened_by} if story.opened_by else set()
    return {"cumberland", "westmorland", "health", "desk", story.owner} | {story.by} - {""} | met | opened


@pytest.fixture
def room(tmp_path: Path, turned: Stopped, request: pytest.FixtureRequest) -> Any:
    called = getattr(request.node, "callspec", None)
    story = None if called is None else STORIES.get(called.params.get("key", ""))
    names = set(CAST) - {"infants", "youth", "help"} if story is None else _players(story)
    made = a_postroom(tmp_path, turned, {name: CAST[name] for name in CAST if name in names})
    local = tuple(sorted(key for key, clock in KEPT.items() if clock.local))
    for area in BOTH:
        made.exchange.issuer().set_calendar(area, AreaCalendar(terms=TERMS, local_clocks=local))
    yield made
    made.close()


def kept(gateway: Gateway, key: str) -> list[ClockRow]:
    """The clocks of that kind that a gateway keeps, met or not, after it has read all that came."""
    while gateway.clocking.look():
        pass
    with gateway.home.store.look() as work:
        everything = work.clocks.open() + list(_met(work))
    return [row for row in everything if row.key == key]


def _met(work: Any) -> list[ClockRow]:
    import sqlalchemy as sa

    from broker.store.gateway import tables as t

    query = sa.select(t.clocks).where(t.clocks.c.met_ms.is_not(None))
    return [ClockRow(**row) for row in work.connection.execute(query).mappings()]


def publish(room: PostRoom, by: str, kind: str, n: int, *, to: str = "desk", **fields: Any) -> None:
    """What goes to a counterpart goes to ``to``."""
    if kind == "counterpart.sent":
        fields["details"] = {"to_member": str(room.exchange.members[to])} | dict(fields.get("details", {}))
    room[by].publish(a_document(kind, n=n, **fields))
    room.settle()


def begin(room: PostRoom, story: Story) -> None:
    story.before(room)
    if story.by:
        to = story.opened_by or "desk"
        publish(room, story.by, story.starts, 1, to=to, details=story.details, **story.fields)


def test_each_clock_of_the_policy_is_kept_by_somebody_or_says_why_not() -> None:
    keys = {clock.key for clock in POLICY.clocks}

    assert set(STORIES) | NOT_YET == set(KEPT)
    assert set(ROUTER_KEPT) <= keys
    assert all(clock.not_observed for clock in POLICY.clocks if keeper(clock) is Keeper.NOBODY)
    assert all(not FACTS.isdisjoint(POLICY.clock(key).starts) for key in ROUTER_KEPT)  # type: ignore[union-attr]


@pytest.mark.parametrize("key", sorted(STORIES))
def test_a_real_event_starts_it_and_a_real_event_meets_it(room: PostRoom, turned: Stopped, key: str) -> None:
    story = STORIES[key]
    begin(room, story)
    owner = room[story.owner]
    started = kept(owner, key)

    assert started
    assert {room.exchange.members[story.owner]} == {row.owner for row in started}
    assert [None] * len(started) == [row.met_ms for row in started]
    assert all(row.due_ms and row.reason.startswith(KEPT[key].limit) for row in started if row.number == 1)

    turned.now += timedelta(minutes=5)
    if story.met is not None:
        by, kind, fields = story.met
        publish(room, by, kind, 2, **fields)
    elif story.opened_by is not None:
        reader = room[story.opened_by]
        [number] = [item.number for item in reader.inbox() if item.message_id == started[0].about]
        reader.read(number, role="on duty")
        room.settle()
    else:
        owner.clocking.said(started[0].about, key, started[0].number, by="social worker")

    met = kept(owner, key)
    assert met
    assert all(row.met_ms for row in met)


def test_both_sides_reckon_the_same_date_for_the_same_reason(room: PostRoom) -> None:
    begin(room, STORIES["request-handled"])
    [there], [here] = (kept(room[name], "request-handled") for name in ("westmorland", "cumberland"))

    assert (there.due_ms, there.reason, there.owner) == (here.due_ms, here.reason, here.owner)


def test_a_practice_runs_only_where_an_area_has_switched_it_on(room: PostRoom) -> None:
    room.exchange.issuer().set_calendar(BOTH[0], AreaCalendar(terms=TERMS, local_clocks=()))
    a_noticed_move(room)

    assert [] == kept(room["cumberland"], "short-stay") == kept(room["cumberland"], "tell-plan-team")
    assert kept(room["cumberland"], "tell-of-move")


def test_a_conference_of_the_other_area_meets_nothing_of_ours(room: PostRoom, turned: Stopped) -> None:
    begin(room, STORIES["sudden-move-review"])
    turned.now += timedelta(minutes=5)
    room["westmorland"].publish(a_document("conference.held", n=2, **THERE))
    room.settle()

    assert [None] == [row.met_ms for row in kept(room["cumberland"], "sudden-move-review")]


def test_an_urgent_event_with_a_purpose_of_its_own_owes_no_other_and_one_without_goes_all_the_same(
    room: PostRoom, turned: Stopped
) -> None:
    a_plan(room)
    room["cumberland"].publish(a_document("missing.child", n=1, **HERE, **OWN_WORDS))
    room["school"].publish(a_document("attendance.summary", n=2, **HERE))
    assert [] == kept(room["cumberland"], "complete-purpose") == kept(room["school"], "complete-purpose")

    room["cumberland"].publish(a_document("missing.child", n=3, **HERE))
    turned.now += timedelta(minutes=5)
    room["cumberland"].publish(a_document("correction", n=4, supersedes=event_id(3), **HERE))
    room["cumberland"].publish(a_document("correction", n=5, supersedes=event_id(1), **HERE, **OWN_WORDS))
    room.settle()

    assert [None] == [row.met_ms for row in kept(room["cumberland"], "complete-purpose")]
    assert event_id(3).raw in {item.message_id for item in room["cumberland"].inbox(everything=True)}


def test_a_birth_of_no_pre_birth_plan_or_after_its_end_starts_no_review(
    room: PostRoom, turned: Stopped
) -> None:
    """Nearly every birth: nobody is asked to review what was never planned."""
    room["health"].publish(a_document("birth.notified", n=1, details={"pregnancy_ref": "preg-1"}, **HERE))
    room.settle()
    a_plan_before_birth(room)
    closed = {"plan": "pre_birth", "plan_ref": "pb-1"}
    turned.now += timedelta(minutes=5)
    room["cumberland"].publish(a_document("plan.closed", n=2, subject=dict(UNBORN), details=closed, **HERE))
    room["health"].publish(a_document("birth.notified", n=3, details={"pregnancy_ref": "preg-1"}, **HERE))
    room.settle()

    assert [] == kept(room["cumberland"], "after-birth-review")


@pytest.mark.parametrize("link_first", [True, False], ids=["linked, then notified", "notified, then linked"])
def test_a_birth_that_names_no_pregnancy_is_reviewed_from_when_a_person_has_linked_it(
    room: PostRoom, turned: Stopped, link_first: bool
) -> None:
    """As the national feed sends it: the mother's number, not which pregnancy. Nobody guesses; and it is owed once."""
    a_plan_before_birth(room)
    a_birth = a_document("birth.notified", n=1, **HERE)
    if not link_first:
        room["health"].publish(a_birth)
        room.settle()
        assert [] == kept(room["cumberland"], "after-birth-review")
    turned.now += timedelta(minutes=5)
    both = [{"nhs_number": CHILD}, dict(UNBORN)]
    room["cumberland"].actions.link(both, WORKER, "Seen in the hospital's record.", "official_document")
    room.settle()
    if link_first:
        room["health"].publish(a_birth)
        room.settle()

    assert 1 == len(kept(room["cumberland"], "after-birth-review"))


def test_what_was_due_before_it_began_is_due_at_once_and_not_months_late(
    room: PostRoom, turned: Stopped
) -> None:
    soon = str((turned.now + timedelta(weeks=10)).date())
    booked = {"concerns": "yes", "expected_on": soon, "late_booking": True}
    room["health"].publish(a_document("pregnancy.booked", n=1, details=booked, **HERE))

    [row] = kept(room["health"], "pre-birth-referral")
    assert row.due_ms == row.start_ms


def test_a_file_that_goes_to_its_counterpart_meets_its_own_clock_and_no_other(
    room: PostRoom, turned: Stopped
) -> None:
    room["school"].publish(a_document("school.left", n=1, details=LEFT, **HERE))
    turned.now += timedelta(minutes=5)
    sent = {"to_member": str(room.exchange.members["desk"]), "what": "protection_file"}
    room["school"].publish(a_document("counterpart.sent", n=2, details=sent, **HERE))

    [file], [other] = (kept(room["school"], key) for key in ("protection-file", "common-transfer-file"))
    assert file.met_ms is not None
    assert other.met_ms is None


def test_a_notice_sent_to_the_host_by_name_meets_what_its_opening_would(
    room: PostRoom, turned: Stopped
) -> None:
    begin(room, STORIES["housing-notice"])
    turned.now += timedelta(minutes=5)
    publish(room, "housing", "counterpart.sent", 2, to="host", details={"what": "housing_notice"}, **HERE)

    [row] = kept(room["housing"], "housing-notice")
    assert str(event_id(2)) == row.met_by


def test_a_registration_elsewhere_starts_what_the_old_practice_owes_and_nothing_for_the_new(
    room: PostRoom,
) -> None:
    moved = {"moved_from": {"gss": CUMBERLAND}, "moved_to": {"gss": WESTMORLAND}}
    publish(room, "practice", "gp.changed", 1, details=moved, **HERE)
    back = {"moved_from": {"gss": WESTMORLAND}, "moved_to": {"gss": CUMBERLAND}}
    subject = {"nhs_number": SIBLING}
    publish(room, "practice", "gp.changed", 2, details=back, subject=subject, **HERE)

    assert [event_id(1).raw] == [row.about for row in kept(room["practice"], "practice-record")]


def test_the_receipt_of_a_file_that_was_sent_takes_over_from_the_general_one(
    room: PostRoom, turned: Stopped
) -> None:
    """A file on paper is chased from the pupil's leaving; one that was sent here, from its being sent, by its own receipt."""
    publish(room, "school", "school.left", 1, details=LEFT, **HERE)
    turned.now += timedelta(minutes=5)
    publish(room, "school", "counterpart.sent", 2, details={"what": "common_transfer_file"}, **HERE)
    paper = kept(room["school"], "protection-file-receipt")
    publish(room, "school", "counterpart.sent", 3, **HERE)
    [over], [waits] = (kept(room["school"], key) for key in ("protection-file-receipt", "sent-file-receipt"))
    desk = room["desk"]
    [number] = [item.number for item in desk.inbox() if item.message_id == event_id(3).raw]
    desk.take_on(number, by="Kim Example, designated lead")
    room.settle()
    [given] = kept(room["school"], "sent-file-receipt")

    assert [None] == [row.met_ms for row in paper]
    assert "over" == over.met_by
    assert waits.met_ms is None
    assert desk.home.member_id == given.met_by
    assert [] == kept(desk, "sent-file-receipt")


def test_what_does_not_apply_starts_nothing(room: PostRoom) -> None:
    a_plan(room)
    room["cumberland"].publish(a_document("placement.out_of_area", n=1, **HERE))
    room["school"].publish(a_document("school.left", n=2, details={"ground": "home_education"}, **HERE))
    room.settle()

    assert [] == kept(room["cumberland"], "placement-notice") == kept(room["school"], "protection-file")


def test_it_fires_once_and_late_also_if_nothing_ran_when_it_fell_due(room: PostRoom, turned: Stopped) -> None:
    begin(room, STORIES["assessment"])
    [row] = kept(room["cumberland"], "assessment")
    room.shut("cumberland")
    turned.now = from_ms(row.due_ms or 0) + timedelta(days=30)
    [late] = kept(room["cumberland"], "assessment")
    turned.now += timedelta(days=1)
    room.shut("cumberland")
    [later] = kept(room["cumberland"], "assessment")

    assert late.fired_ms == later.fired_ms
    assert (late.fired_ms or 0) - (row.due_ms or 0) > 29 * 86_400_000
    assert later.met_ms is None


def test_what_had_to_wait_for_another_delivery_starts_its_clock_all_the_same(room: PostRoom) -> None:
    a_plan(room)
    room.settle()
    for n, kind in ((1, "appointment.missed"), (2, "concern.raised")):
        room["health"].publish(a_document(kind, n=n, **HERE))
        room.post("health")
    first, second = room.collect("cumberland")
    room["cumberland"].receiving.take([second])
    before = kept(room["cumberland"], "assessment")
    room["cumberland"].receiving.take([first])

    assert [] == before
    assert 1 == len(kept(room["cumberland"], "assessment"))


def test_an_imported_history_raises_nothing(room: PostRoom) -> None:
    a_plan(room)
    room["health"].publish(a_document("concern.raised", n=3, **HERE))
    room["health"].publish(a_document("move.notified", n=4))
    room.settle()
    kept(room["westmorland"], "assessment")
    handover = room["cumberland"].actions.handovers()[0].handover.hex()
    room["cumberland"].actions.release(handover, WORKER)
    room.settle()

    assert [] == kept(room["westmorland"], "assessment")
    assert 1 == len(kept(room["cumberland"], "assessment"))


def test_the_child_is_found_by_any_of_its_numbers(room: PostRoom, turned: Stopped) -> None:
    """A school that knows only the UPN closes what a plan by both numbers has started."""
    both = {"nhs_number": CHILD, "upn": "E909999923001"}
    room["school"].publish(a_document("school.left", n=1, details=LEFT, subject=both, **HERE))
    turned.now += timedelta(minutes=5)
    room["school"].publish(a_document("handover.bundle", n=2, subject={"upn": both["upn"]}, **HERE))
    room.settle()

    assert all(row.met_ms for row in kept(room["school"], "protection-file"))


def test_a_person_lists_what_is_owed_and_says_what_is_done(room: PostRoom) -> None:
    begin(room, STORIES["placement-notice"])
    run, home = CliRunner().invoke, {"HANDRAIL_HOME": str(room.exchange.home("cumberland")), "COLUMNS": "200"}
    listed = {one["owed"]: one for one in json.loads(run(clocks, ["list", "--json"], env=home).output)}
    name = listed["placement-notice"]["name"]
    shown = run(clocks, ["list"], env=home).output
    done = run(clocks, ["met", name, "--by", "Rowan Example, social worker"], env=home)
    after = json.loads(run(clocks, ["list", "--json"], env=home).output)

    assert name in shown
    assert "[REG13]" in shown
    assert 0 == done.exit_code
    assert {"placement-notice"} == set(listed) - {one["owed"] for one in after}
