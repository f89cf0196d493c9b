"""Cues of a real front door: raised from real events, listed, settled, told to the boards, ended where the case passes."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from adapters.gateway.api import Gateway
from adapters.gateway.commands.cues import cues
from adapters.gateway.cues.grouping import Cue, CueState
from adapters.gateway.errors import AlreadyDoneError
from adapters.gateway.frontdoor.actions import Person
from broker.directory.duties import AreaCalendar
from schemas.codes.members import MemberKind
from schemas.cues import DismissReason, LocalCue
from schemas.ids import GssCode
from tests.support.diary import HERE, THERE, Diary
from tests.support.events import CHILD, CUMBERLAND, PUPIL, WESTMORLAND, a_document, event_id
from tests.support.postroom import PostRoom, a_postroom
from tests.support.turning import Stopped

CAST: Final[Mapping[str, tuple[MemberKind, tuple[GssCode, ...]]]] = {
    "cumberland": (MemberKind.SOCIAL_CARE, (GssCode(CUMBERLAND),)),
    "westmorland": (MemberKind.SOCIAL_CARE, (GssCode(WESTMORLAND),)),
    "school": (MemberKind.SCHOOL, (GssCode(CUMBERLAND),)),
    "health": (MemberKind.HEALTH_PROVIDER, (GssCode(CUMBERLAND),)),
}
WORKER: Final = Person("Rowan Example", "social worker")


@pytest.fixture
def clock() -> Stopped:
    return Stopped()


@pytest.fixture
def room(tmp_path: Path, clock: Stopped) -> Iterator[PostRoom]:
    room = a_postroom(tmp_path, clock, CAST)
    yield room
    room.close()


@pytest.fixture
def diary(room: PostRoom, clock: Stopped) -> Diary:
    return Diary(room, clock)


def cues_of(gateway: Gateway, state: CueState | None = CueState.OPEN) -> list[Cue]:
    gateway.clocking.open()
    return gateway.cueing.every(state)


QUIET: Final[dict[str, Any]] = {"initial_category": "NEG", "latest_category": "NEG"}
"""A plan that itself gives no reason for a cue."""


def missed(diary: Diary, day: int, where: dict[str, Any] = HERE) -> datetime:
    return diary.says("health", "appointment.missed", where, missed_at=f"2026-03-{day:02}T10:00:00Z")


@pytest.fixture
def two_missed(room: PostRoom, diary: Diary) -> Cue:
    """A plan, two appointments missed, and the cue that they raised."""
    diary.says("cumberland", "plan.opened", **QUIET)
    missed(diary, 1)
    assert [] == cues_of(room["cumberland"])
    missed(diary, 5)
    [cue] = cues_of(room["cumberland"])
    return cue


def test_two_appointments_missed_are_one_cue_with_its_grounds_and_a_day(
    room: PostRoom, two_missed: Cue, diary: Diary
) -> None:
    facts = room["cumberland"].cueing.grounds(two_missed)
    missed(diary, 9)
    [same] = cues_of(room["cumberland"])

    assert "k2" == two_missed.rule
    assert ["2026-03-01", "2026-03-05"] == [fact.on.isoformat() for fact in facts]
    assert {str(room.exchange.members["health"])} == {fact.author for fact in facts}
    assert timedelta(days=4) < timedelta(milliseconds=two_missed.due_ms - two_missed.raised_ms)
    assert (two_missed.id, 3) == (same.id, len(same.parts[0].events))
    assert [] == cues_of(room["westmorland"], None)


def test_no_other_kind_of_member_has_cues(room: PostRoom, two_missed: Cue) -> None:
    assert two_missed
    assert [] == cues_of(room["health"], None) == cues_of(room["school"], None)


def test_a_dismissed_cue_comes_again_only_on_new_grounds(
    room: PostRoom, two_missed: Cue, diary: Diary
) -> None:
    gateway = room["cumberland"]
    gateway.cueing.dismiss(two_missed.id.hex()[:8], DismissReason.KNOWN, words="canary", by="Rowan")
    diary.says("cumberland", "concern.raised")
    none = cues_of(gateway)
    missed(diary, 9)
    [again] = cues_of(gateway)

    assert [] == none
    assert again.id != two_missed.id
    assert 3 == len(again.parts[0].events)
    with pytest.raises(AlreadyDoneError):
        gateway.cueing.dismiss(two_missed.id.hex(), DismissReason.KNOWN, words=None, by="Rowan")


def test_a_reappraisal_that_names_it_settles_it_at_once_and_nobody_elses_does(
    room: PostRoom, two_missed: Cue, diary: Diary
) -> None:
    ref = two_missed.id.hex()
    diary.says("westmorland", "reappraisal.recorded", THERE, cue_ref=ref, decision="changed")
    diary.says("cumberland", "reappraisal.recorded", cue_ref=ref[:4], decision="changed")
    still = cues_of(room["cumberland"])
    document = a_document(
        "reappraisal.recorded", n=90, details={"cue_ref": ref.upper(), "decision": "changed"}, **HERE
    )
    room["cumberland"].publish(document)
    [offline] = room["cumberland"].cueing.every(None)
    room.settle()

    assert [two_missed] == still
    assert CueState.REAPPRAISED is offline.state
    assert [offline] == cues_of(room["cumberland"], None)


def test_a_reappraisal_may_itself_dismiss_it(room: PostRoom, two_missed: Cue, diary: Diary) -> None:
    diary.says("cumberland", "reappraisal.recorded", cue_ref=two_missed.id.hex(), decision="dismissed")
    [cue] = cues_of(room["cumberland"], None)

    assert (CueState.DISMISSED, "other") == (cue.state, cue.code)


def test_what_its_author_corrects_ends_it(room: PostRoom, two_missed: Cue, clock: Stopped) -> None:
    clock.now += timedelta(minutes=5)
    room["health"].publish(a_document("correction", n=91, supersedes=event_id(3), **HERE))
    room.settle()
    [cue] = cues_of(room["cumberland"], None)

    assert (two_missed.id, CueState.ENDED) == (cue.id, cue.state)


class Failing(Stopped):
    """A clock that breaks once it is asked in the middle of what must be whole."""

    def __init__(self) -> None:
        super().__init__()
        self.breaks_in: int | None = None

    def __call__(self) -> datetime:
        if self.breaks_in is not None:
            self.breaks_in -= 1
            if self.breaks_in < 0:
                self.breaks_in = None
                raise RuntimeError("broken off")
        return super().__call__()


def test_broken_off_between_taking_and_committing_nothing_is_left_out_or_twice(tmp_path: Path) -> None:
    """Wherever it breaks, what was read is not noted as read without the cue, and the cue comes once."""
    clock = Failing()
    room = a_postroom(tmp_path, clock, CAST)
    try:
        diary = Diary(room, clock)
        diary.says("cumberland", "plan.opened", **QUIET)
        missed(diary, 1)
        missed(diary, 5)
        gateway = room["cumberland"]
        broken = 0
        for step in range(40):
            clock.breaks_in = step
            try:
                gateway.clocking.look()
            except RuntimeError:
                broken += 1
                continue
            clock.breaks_in = None
            break
        found = cues_of(gateway, None)
        gateway.clocking.look()

        assert broken >= 3
        assert ["k2"] == [cue.rule for cue in found]
        assert found == cues_of(gateway, None)
    finally:
        room.close()


def test_nothing_of_it_is_readable_at_rest(room: PostRoom, two_missed: Cue) -> None:
    room["cumberland"].cueing.dismiss(two_missed.id.hex(), DismissReason.OTHER, words="canary", by="Rowan")
    held = b"".join(path.read_bytes() for path in room["cumberland"].home.folder.glob("gateway.db*"))

    assert two_missed.id in held
    for word in (b"canary", b"Rowan", b"appointments missed", b"was_not_brought", b"appointment.missed"):
        assert word not in held


def test_when_the_case_passes_the_old_areas_cue_ends_and_the_new_areas_history_is_one_cue(
    room: PostRoom, two_missed: Cue, diary: Diary
) -> None:
    diary.says("school", "household.changed", HERE, change="joined")
    diary.says("school", "move.notified")
    handover = room["cumberland"].actions.handovers()[0].handover.hex()
    room["cumberland"].actions.release(handover, WORKER)
    room.settle()
    before = cues_of(room["westmorland"], None)
    room["westmorland"].actions.accept(handover, WORKER)
    room.settle()
    diary.says("westmorland", "plan.opened", THERE, plan_ref="theirs", **QUIET)
    diary.says("cumberland", "plan.closed", reason="RC5", **QUIET)
    diary.says("westmorland", "conference.held", THERE, plan_ref="theirs")
    [there] = cues_of(room["westmorland"], None)
    here = cues_of(room["cumberland"], None)

    assert [] == before
    assert {CueState.ENDED} == {cue.state for cue in here}
    assert two_missed.id in {cue.id for cue in here}
    assert there.several
    assert {"k1", "k2"} <= {part.rule for part in there.parts}


def test_records_that_a_person_has_linked_are_one_child_and_no_others_are(
    room: PostRoom, diary: Diary
) -> None:
    """A pupil number alone is nobody's until it is linked, and is parted again with the link (P10)."""
    gateway, pupil = room["cumberland"], HERE | {"subject": {"upn": PUPIL}}
    diary.says("cumberland", "plan.opened", **QUIET)
    missed(diary, 1)
    missed(diary, 5, pupil)
    apart = cues_of(gateway)
    both = [{"nhs_number": CHILD}, {"upn": PUPIL}]
    link = str(gateway.actions.link(both, WORKER, "seen together", "seen_together"))
    room.settle()
    together = cues_of(gateway)
    missed(diary, 9, pupil)
    three = cues_of(gateway)
    gateway.actions.unlink(both, WORKER, "another child", link)
    room.settle()

    assert [] == apart
    assert ["k2"] == [cue.rule for cue in together]
    assert [3] == [len(cue.parts[0].events) for cue in three]
    assert [] == cues_of(gateway)


def test_a_child_without_a_case_gives_reason_for_one_rule_alone(room: PostRoom, diary: Diary) -> None:
    """Two appointments missed are nobody's business yet; an injured baby is, at once."""
    missed(diary, 1)
    missed(diary, 5)
    diary.says("health", "health.presentation", injury=True, mobility="not_mobile", under_one=True)
    [cue] = cues_of(room["cumberland"])

    assert ("k8", cue.raised_ms) == (cue.rule, cue.due_ms)


def test_what_came_before_there_was_a_case_counts_once_there_is_one(room: PostRoom, diary: Diary) -> None:
    diary.says("school", "household.changed", HERE, change="joined")
    missed(diary, 1)
    before = cues_of(room["cumberland"])
    diary.says("cumberland", "plan.opened", **QUIET)
    [together] = cues_of(room["cumberland"])
    missed(diary, 5)
    rules = {cue.rule: len(cue.parts[0].events) for cue in cues_of(room["cumberland"])}

    assert [] == before
    assert (True, ["k1"]) == (together.several, [part.rule for part in together.parts])
    assert {"several": 1, "k2": 2} == rules


def test_when_the_case_is_closed_nothing_more_is_raised(room: PostRoom, diary: Diary) -> None:
    diary.says("cumberland", "plan.opened", **QUIET)
    missed(diary, 1)
    diary.says("cumberland", "plan.closed", reason="RC7", **QUIET)
    missed(diary, 5)

    assert [] == cues_of(room["cumberland"], None)


def test_silence_is_seen_on_the_day_it_has_lasted_too_long_and_ends_with_the_childs_words(
    room: PostRoom, diary: Diary, clock: Stopped
) -> None:
    diary.says("cumberland", "plan.opened", **QUIET)
    opened = clock.now
    clock.now = opened + timedelta(days=89)
    before = cues_of(room["cumberland"])
    clock.now = opened + timedelta(days=90)
    [cue] = _ticked(room["cumberland"])
    heard = {"words": "I like it here.", "on": clock.now.date().isoformat()}
    room["cumberland"].home.clock()
    diary.says("cumberland", "voice.recorded", voice=heard)

    assert [] == before
    assert "k28" == cue.rule
    assert [] == cues_of(room["cumberland"])


def _ticked(gateway: Gateway) -> list[Cue]:
    gateway.clocking.look()
    return gateway.cueing.every()


def test_attendance_that_drifts_below_is_seen_with_the_session_that_brings_it_there(
    room: PostRoom, diary: Diary
) -> None:
    """S4: 101 of 118 sessions are enough, 101 of 119 are not; then father's new partner and drugs, in one record."""
    diary.says("cumberland", "concern.raised")
    low = {"attended": 101, "unauthorised": 10}
    diary.says("school", "attendance.summary", possible=118, ends="2026-02-26", **low)
    enough = [cue.rule for cue in cues_of(room["cumberland"])]
    diary.says("school", "attendance.summary", possible=119, ends="2026-02-27", **low)
    less = [cue.rule for cue in cues_of(room["cumberland"]) if cue.rule != "k4"]
    diary.says("school", "household.changed", change="joined")
    diary.says("school", "substance.concern", {**HERE, "occurred_at": "2026-03-02T09:00:00Z"})
    reasons = {part.rule for cue in cues_of(room["cumberland"]) for part in cue.parts}

    assert ["k4"] == enough
    assert ["k3"] == less
    assert {"k1", "k3", "k4", "k23"} == reasons


def test_an_area_may_have_its_own_numbers_or_leave_a_rule_out(room: PostRoom, diary: Diary) -> None:
    three = LocalCue(key="k2", count=3)
    room.exchange.issuer().set_calendar(
        GssCode(CUMBERLAND), AreaCalendar(cues=(three, LocalCue(key="k1", off=True)))
    )
    diary.says("cumberland", "plan.opened", **QUIET)
    diary.says("school", "household.changed", change="joined")
    missed(diary, 1)
    missed(diary, 5)
    two = cues_of(room["cumberland"])
    missed(diary, 9)

    assert [] == two
    assert ["k2"] == [cue.rule for cue in cues_of(room["cumberland"])]


def test_a_person_lists_looks_at_and_dismisses_them(room: PostRoom, two_missed: Cue) -> None:
    home = str(room["cumberland"].home.folder)
    room.shut("cumberland")
    name = two_missed.id.hex()[:8]

    def run(*arguments: str, code: int = 0) -> str:
        done = CliRunner().invoke(cues, [*arguments, "--home", home])
        assert code == done.exit_code, done.output
        return done.output

    listed, shown = run("list"), run("show", name)
    [document] = json.loads(run("list", "--json"))
    run("dismiss", name, "--reason", "other", "--by", "Rowan", code=2)
    run("dismiss", name, "--reason", "because", "--by", "Rowan", code=2)
    said = run("dismiss", name, "--reason", "explained", "--by", "Rowan Example, social worker")
    after = run("list")
    everything = run("list", "--all")

    assert all(len(line) <= 80 for line in (listed + shown + everything).splitlines())
    for word in (name, "look at it by", "2 appointments missed", "01 Mar 2026", "Example health", "(K2)"):
        assert word in listed
    assert two_missed.id.hex() in shown
    assert (two_missed.id.hex(), "k2", 2) == (document["cue"], document["rule"], len(document["grounds"]))
    assert "is dismissed" in said
    assert "No cue is open." in after
    assert "dismissed (explained)" in everything
