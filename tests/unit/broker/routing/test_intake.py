"""Batches, chains and crashes: nothing taken twice, nothing lost, and one that is wrong delays no other."""

from dataclasses import replace

import pytest

from broker.clock import to_ms
from broker.errors import UnavailableError
from broker.routing.intake import Outcome
from broker.routing.quarantine import QUOTA_A_MINUTE
from broker.routing.verify import ChainStep, judge_chain
from schemas.audit import EntryKind
from schemas.control import Action, ActionKind, Resend
from schemas.wire import ChainLink, EventClass, InKind, Lane, OutKind
from tests.support.desk import CHILD, NEW, OLD, RouterDesk
from tests.support.directory import WESTMORLAND

DIGEST, OTHER = b"d" * 32, b"o" * 32
STEPS = {
    "the first": (1, bytes(32), 0, bytes(32), (), ChainStep.NEXT),
    "the next": (8, DIGEST, 7, DIGEST, (), ChainStep.NEXT),
    "the next of another history": (8, OTHER, 7, DIGEST, (), ChainStep.FORK),
    "after a hole": (9, OTHER, 7, DIGEST, (), ChainStep.GAP),
    "the first that is not number one": (3, OTHER, 0, bytes(32), (), ChainStep.GAP),
    "the last again": (7, OTHER, 7, b"own" * 10 + b"wn", (), ChainStep.REPEAT),
    "another at the last place": (7, OTHER, 7, DIGEST, (), ChainStep.FORK),
    "an old one again": (4, OTHER, 7, DIGEST, (), ChainStep.REPEAT),
    "one that fills a hole": (4, OTHER, 7, DIGEST, ((2, 2), (4, 6)), ChainStep.LATE),
    "one beside a hole": (3, OTHER, 7, DIGEST, ((2, 2), (4, 6)), ChainStep.REPEAT),
}


@pytest.mark.parametrize(
    ("sequence", "previous", "last", "last_digest", "holes", "expected"), STEPS.values(), ids=STEPS
)
def test_a_message_stands_in_one_way_to_its_authors_chain(
    sequence: int,
    previous: bytes,
    last: int,
    last_digest: bytes,
    holes: tuple[tuple[int, int], ...],
    expected: ChainStep,
) -> None:
    own = b"own" * 10 + b"wn"

    assert expected is judge_chain(ChainLink(Lane.NORMAL, sequence, previous), own, last, last_digest, holes)


def test_what_the_bus_brings_late_is_taken_once(desk: RouterDesk) -> None:
    """A batch was not stored; the bus brings the later messages first, then those again: none is lost or doubled."""
    sent = [desk.event("police") for _ in range(6)]

    first = desk.take(sent[3], sent[4])
    again = desk.take(*sent[:3], sent[5], sent[3])
    at_last = desk.take(*sent)

    assert [Outcome.ROUTINE] * 2 == first
    assert [*[Outcome.ROUTINE] * 4, Outcome.REPEAT] == again
    assert [Outcome.REPEAT] * 6 == at_last
    assert sorted(one.event_id for one in sent) == sorted(desk.views(OLD))
    [gap] = desk.audit(EntryKind.CHAIN_GAP)
    assert (0, 4) == (gap.fields["after"], gap.fields["at"])


def test_a_crash_before_the_commit_loses_and_doubles_nothing(desk: RouterDesk) -> None:
    sent = [desk.opens_matter(), desk.move(), desk.event("school")]

    def crash() -> None:
        raise UnavailableError("the machine lost its power here")

    with pytest.raises(UnavailableError):
        desk.take(*sent, before_commit=crash)
    desk.restart()
    assert [] == desk.audit()
    assert [] == desk.inbox(OLD)
    desk.take(*sent)

    assert [sent[0].event_id, sent[1].event_id, sent[2].event_id] == desk.views(OLD)
    assert list(range(1, len(desk.audit()) + 1)) == [entry.number for entry in desk.audit()]


def test_a_restart_after_the_commit_publishes_what_was_decided(desk: RouterDesk) -> None:
    sent = [desk.opens_matter(), desk.move()]
    desk.take(*sent)
    desk.restart()

    assert [Outcome.REPEAT] * 2 == desk.take(*sent)
    assert [one.event_id for one in sent] == desk.views(OLD)


def test_a_refused_action_undoes_all_that_it_had_begun(desk: RouterDesk) -> None:
    """Refused late, after the router had written and prepared: the next message finds nothing of it."""
    desk.take(desk.opens_matter(), desk.move())
    wrong = desk.acts(NEW, Action(ActionKind.VERIFY, desk.handover(NEW).handover))
    before = len(desk.audit())

    desk.take(wrong, desk.event("police", to=(OLD, NEW)))

    assert [EntryKind.REFUSED, EntryKind.TAKEN] == [entry.kind for entry in desk.audit()[before:]]


def test_a_poison_event_of_one_author_parks_no_other(desk: RouterDesk) -> None:
    desk.take(desk.opens_matter())
    poison = [desk.event("school", acting=WESTMORLAND) for _ in range(3)]
    good = [desk.event(by) for by in ("police", "health", "school")]

    outcomes = desk.take(poison[0], good[0], poison[1], good[1], poison[2], good[2])

    assert [Outcome.REFUSED, Outcome.TAKEN] * 3 == outcomes
    assert [one.event_id for one in good] == desk.views(OLD)[1:]


def test_a_flood_is_counted_once_a_minute_and_returned_to_who_rightly_signed(desk: RouterDesk) -> None:
    """Beyond the quota nothing is kept, yet no author is left to believe that its event was taken."""
    sent = [desk.event("school", acting=WESTMORLAND) for _ in range(QUOTA_A_MINUTE + 5)]
    desk.take(*sent)
    desk.tick()
    assert [] == desk.audit(EntryKind.FLOOD)

    desk.wait(minutes=1)
    desk.tick()
    desk.tick()

    assert QUOTA_A_MINUTE == len(desk.quarantine()) == len(desk.audit(EntryKind.REFUSED))
    assert [one.event_id for one in sent] == [event_id for *_, event_id in desk.returned("school")]
    [flood] = desk.audit(EntryKind.FLOOD)
    assert (desk.world["school"].id, 5) == (flood.fields["member"], flood.fields["count"])


def test_a_flood_of_what_nobody_signed_is_only_counted(desk: RouterDesk) -> None:
    junk = replace(desk.event("school"), data=b"\xff")
    desk.take(*[junk] * (QUOTA_A_MINUTE + 7))
    desk.wait(minutes=1)
    desk.tick()

    assert QUOTA_A_MINUTE == len(desk.returned("school"))
    assert [7] == [entry.fields["count"] for entry in desk.audit(EntryKind.FLOOD)]
    assert [] == desk.returned("police")


def test_a_mended_cause_lets_a_quarantined_event_through(desk: RouterDesk) -> None:
    good = desk.world
    desk.take(desk.opens_matter())
    desk.world = good.having_member("school", areas=(WESTMORLAND,))
    posted = desk.event("school", acting="E06000063")
    desk.take(posted)
    [kept] = desk.quarantine()
    release(desk, kept.entry)
    desk.tick()
    assert "waiting" == desk.quarantine()[0].state, "the cause is still there"

    desk.world = good
    release(desk, kept.entry)
    desk.take(desk.event("police"))

    assert posted.event_id in desk.views(OLD)
    assert "done" == desk.quarantine()[0].state
    release(desk, kept.entry)
    desk.tick()
    assert 1 == desk.views(OLD).count(posted.event_id), "released twice, taken once"


def release(desk: RouterDesk, entry: int) -> None:
    """What `handrail quarantine retry` does."""
    with desk.store.work() as work:
        assert work.intake.set_quarantine_state(entry, "retry")


def test_a_request_to_send_again_names_its_member(desk: RouterDesk) -> None:
    request = Resend(desk.world[OLD].id, (1, 2), 1)

    result = desk.take_all(desk.control(OLD, OutKind.RESEND, Resend.LABEL, request.to_bytes()))

    assert [(desk.world[OLD].id, request)] == result.resends


def test_late_and_skewed_are_flagged_and_never_refused(desk: RouterDesk) -> None:
    now = to_ms(desk.now)
    hour, day = 3_600_000, 86_400_000
    ages = {
        now: (False, False),
        now - 2 * day: (True, False),
        now - hour: (False, False),
        now + hour: (False, True),
    }

    desk.take(*(desk.event("police", created_ms=claimed) for claimed in ages))

    assert list(ages.values()) == [(got.note.late, got.note.skewed) for got in desk.inbox(OLD, InKind.VIEW)]


def test_an_unshared_child_stays_unshared(desk: RouterDesk) -> None:
    """A reader whom the policy does not admit gets no view even where the author sealed to it; that is written down."""
    desk.take(desk.opens_matter())
    posted = desk.event("police", to=(OLD, "board"), event_class=EventClass.CONCERN)

    desk.take(posted)

    assert [] == desk.inbox("board")
    [entry] = desk.audit(EntryKind.WITHHELD)
    assert (posted.event_id, [desk.world["board"].id]) == (entry.fields["event"], entry.fields["readers"])
    assert CHILD.value not in entry.to_bytes()
