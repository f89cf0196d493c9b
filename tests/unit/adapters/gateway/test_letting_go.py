"""Who lets a history go: a person, the policy, or the new area that breaks the glass; and what each can never do."""

from pathlib import Path

import pytest

from adapters.gateway.errors import AuthorNotAskedError, NoSuchItemError, NotForThisPlanError
from adapters.gateway.frontdoor.actions import Person
from adapters.gateway.orders.releasing import ByPerson, ByPolicy, Decision, who_releases
from schemas.audit import AuditEntry, EntryKind
from schemas.codes.cases import LiveStatus
from schemas.default_policy import default_policy
from schemas.policy import MoveEvidence, Policy
from schemas.wire import InKind
from tests.support.events import CUMBERLAND, WESTMORLAND, a_document
from tests.support.postroom import PostRoom, a_postroom

WORKER = Person("Rowan Example", "social worker")
HERE = {"residence": {"gss": CUMBERLAND}}
BREAK = ("section_47", "old_area_silent", "Bruises, and the old area does not pick up.")


def trail(room: PostRoom) -> list[AuditEntry]:
    """Every audit entry so far, of whatever kind."""
    with room.store.work() as work:
        return [AuditEntry.from_bytes(row.body) for row in work.outgoing.waiting_audit(100_000)]


def a_child_in_danger(room: PostRoom, *, mover: str = "health", plan: str = "child_protection") -> str:
    """A plan, then a move reported by ``mover``; gives the handover."""
    room["cumberland"].publish(a_document("plan.opened", n=1, details={"plan": plan}, **HERE))
    room.settle()
    room["police"].publish(a_document("adult_risk.disclosed", n=2, **HERE))
    room.settle()
    acting = WESTMORLAND if mover == "westmorland" else CUMBERLAND
    room[mover].publish(a_document("move.notified", n=3, acting_area=acting))
    room.settle()
    return room["westmorland"].actions.handovers()[0].handover.hex()


def read_types(room: PostRoom, name: str) -> set[str]:
    """The types of all that a member can read of the one child it knows."""
    child = next(item.child for item in room[name].inbox(everything=True) if item.child)
    return {line.read.type for line in room[name].chronology(child)}


def test_a_new_area_that_breaks_the_glass_reads_the_history_the_old_area_and_the_trail_see_it(
    room: PostRoom,
) -> None:
    """Nobody in the old area lifts a finger: its gateway grants. What the police marked *ask me* stays."""
    handover = a_child_in_danger(room)
    room["westmorland"].actions.break_glass(
        handover, WORKER, "child_protection_plan", "old_area_silent", BREAK[2]
    )
    room.settle()

    assert "plan.opened" in read_types(room, "westmorland")
    assert "adult_risk.disclosed" not in read_types(room, "westmorland")
    assert "handover.glass_broken" in read_types(room, "cumberland")
    steps = [entry.fields for entry in trail(room) if entry.kind is EntryKind.HANDOVER]
    assert ("break-glass", "old_area_silent") in [(one["step"], one.get("reason")) for one in steps]
    view = room["cumberland"].actions.handovers()[0]
    assert (CUMBERLAND, WESTMORLAND) == (view.holder, view.safety)


def test_the_glass_is_not_broken_on_the_new_areas_own_word_that_the_child_is_there(room: PostRoom) -> None:
    """No evidence releases anything to its author: a second, independent one makes it possible."""
    handover = a_child_in_danger(room, mover="westmorland")
    room["westmorland"].actions.break_glass(handover, WORKER, *BREAK)
    room.settle()
    before = [item.says for item in room["westmorland"].inbox() if item.kind is InKind.RETURNED]
    room["police"].publish(a_document("move.notified", n=4, acting_area=WESTMORLAND))
    room.settle()
    room["westmorland"].actions.break_glass(handover, WORKER, *BREAK)
    room.settle()

    assert 1 == len(before)
    assert "nobody but the new area says that the child is there" in str(before[0])
    assert "plan.opened" in read_types(room, "westmorland")


def test_the_old_areas_own_record_decides_which_plan_it_is(room: PostRoom) -> None:
    """The new area says section 47, the old area knows of a child in need: its gateway refuses, aloud."""
    handover = a_child_in_danger(room, plan="child_in_need")
    room["westmorland"].actions.break_glass(handover, WORKER, *BREAK)
    room.settle()

    assert "plan.opened" not in read_types(room, "westmorland")
    refused = [entry.fields for entry in trail(room) if entry.kind is EntryKind.ORDER_REFUSED]
    assert ["glass-not-for-this-plan"] == [one["reason"] for one in refused]
    with pytest.raises(NotForThisPlanError, match="child in need"):
        room["westmorland"].actions.break_glass(handover, WORKER, "child_in_need", *BREAK[1:])


def pre_authorising(live: LiveStatus, *evidence: MoveEvidence) -> Policy:
    """The default policy, with the history of such a plan let go on such evidence."""
    policy = default_policy()
    releases = tuple(
        rule.model_copy(update={"pre_authorised": True, "evidence": evidence}) if rule.live is live else rule
        for rule in policy.releases
    )
    return policy.model_copy(update={"releases": releases})


EARLY = LiveStatus.EARLY_HELP
POLICY = pre_authorising(EARLY, MoveEvidence.EXPLICIT)


@pytest.mark.parametrize(
    ("live", "evidence", "independent", "decision"),
    [
        pytest.param(
            {EARLY}, MoveEvidence.EXPLICIT, True, ByPolicy(frozenset({EARLY}), MoveEvidence.EXPLICIT)
        ),
        pytest.param(
            {EARLY},
            MoveEvidence.BIRTH,
            True,
            ByPerson("the policy leaves it to a person for: early_help"),
        ),
        pytest.param(
            {EARLY, LiveStatus.SECTION_47},
            MoveEvidence.EXPLICIT,
            True,
            ByPerson("the policy leaves it to a person for: section_47"),
        ),
        pytest.param(
            {EARLY},
            MoveEvidence.EXPLICIT,
            False,
            ByPerson("only the new area itself says that the child is there"),
        ),
        pytest.param(
            set(), MoveEvidence.EXPLICIT, True, ByPerson("nothing is known to be live for the child")
        ),
        pytest.param(
            {EARLY},
            None,
            True,
            ByPerson("nothing that counts as evidence of a move says that the child is there"),
        ),
    ],
)
def test_who_decides_on_a_history(
    live: set[LiveStatus], evidence: MoveEvidence | None, independent: bool, decision: Decision
) -> None:
    assert decision == who_releases(POLICY, live, evidence, independent=independent)


def test_a_history_that_the_policy_lets_go_needs_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Early help, on an explicit report by somebody else: released, checked whole and said to be by policy."""
    monkeypatch.setattr("tests.support.exchange.default_policy", lambda: POLICY)
    from tests.support.directory import SEATS

    room = a_postroom(tmp_path, cast=SEATS)
    room["school"].publish(a_document("eha.opened", n=1, **HERE))
    room.settle()
    room["health"].publish(a_document("move.notified", n=3))
    room.settle()
    view = room["westmorland"].actions.handovers()[0]
    types = read_types(room, "westmorland")
    steps = [one.fields["step"] for one in trail(room) if one.kind is EntryKind.HANDOVER]
    room.close()

    assert view.verified
    assert "eha.opened" in types
    assert 1 == steps.count("release")


def test_what_an_author_wants_to_be_asked_about_goes_when_it_has_agreed(room: PostRoom) -> None:
    """A release is not the author's word. Refused with the exact item; shared once a person says that it agreed."""
    handover = a_child_in_danger(room)
    room["cumberland"].actions.release(handover, WORKER)
    room.settle()
    before = read_types(room, "westmorland")
    [refused] = room["cumberland"].reviewing.refused()
    reference = refused.order_id.hex()[:8]
    with pytest.raises(AuthorNotAskedError, match="1 of these events"):
        room["cumberland"].reviewing.share(reference, WORKER, "The new area needs to know of him.")
    room["cumberland"].reviewing.share(
        reference, WORKER, "The new area needs to know of him.", "DI Example, by telephone"
    )
    room.settle()

    assert "adult_risk.disclosed" not in before
    assert ["ask-the-author"] == [why for _, why in refused.kept]
    assert "adult_risk.disclosed" in read_types(room, "westmorland")
    assert room["westmorland"].actions.handovers()[0].verified
    assert [] == room["cumberland"].reviewing.refused()


def test_never_is_never_and_a_person_who_upholds_it_says_so(room: PostRoom) -> None:
    """The new area learns that something stays, how much of it, and that a person has looked at it; never what."""
    room["cumberland"].publish(a_document("plan.opened", n=1, **HERE))
    room.settle()
    room["police"].publish(a_document("concern.raised", n=2, onward="never", **HERE))
    room.settle()
    room["health"].publish(a_document("move.notified", n=3))
    room.settle()
    handover = room["cumberland"].actions.handovers()[0].handover.hex()
    room["cumberland"].actions.release(handover, WORKER)
    room.settle()
    [refused] = room["cumberland"].reviewing.refused()
    owed = room.owed(refused.order_id)
    room["cumberland"].reviewing.uphold(refused.order_id.hex(), WORKER, "Police: it would identify a source.")
    room.settle()
    after = room.owed(refused.order_id)

    says = [str(item.says) for item in room["westmorland"].inbox() if item.kind is InKind.NOTICE]
    assert [("kept-by-policy", 1)] == [(why, len(refused.kept)) for _, why in refused.kept]
    assert ["refusal"] == [one.kind for one in owed if one.met_ms is None]
    assert [] == [one.kind for one in after if one.met_ms is None]
    assert "concern.raised" not in read_types(room, "westmorland")
    assert "1 of the events stay with it" in says[0]
    assert "looked again" in says[1]
    with pytest.raises(NoSuchItemError):
        room["cumberland"].reviewing.uphold(refused.order_id.hex(), WORKER, "Again.")
