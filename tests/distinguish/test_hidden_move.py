"""P7 from end to end, on real gateways and a real router: nothing that the old side holds gives the new area away."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from adapters.gateway.errors import NobodyVouchesError, NotOurSideError
from adapters.gateway.frontdoor.actions import Person
from broker.crypto.veil import lift
from schemas.audit import EntryKind
from schemas.ids import EventId, GssCode
from schemas.wire import InKind
from tests.distinguish.searching import files_of, search, words_of
from tests.distinguish.story import NEW, _accept, _arrival, _before, _flag, _release, moment, play
from tests.distinguish.world import BEGIN, BOARD, CAST, DURHAM, LANCASHIRE, NAMES, OLD, OLD_SIDE, Mesh, a_mesh

MANAGER = Person("Kim Specimen", "team manager")


@pytest.fixture
def mesh() -> Iterator[Mesh]:
    made = a_mesh(3)
    yield made
    made.close()
    made.remove()


def _places(mesh: Mesh) -> Iterator[tuple[str, bytes]]:
    """All that the side that was left holds or could have heard."""
    for name in OLD_SIDE:
        mesh[name].home.store.version()
        yield from files_of(mesh.home(name))
    for seen in mesh.seen:
        if seen.reader in (*OLD_SIDE, BOARD):
            yield f"bus to {seen.reader}", seen.body
    for row in mesh.log:
        yield "the audit trail, as the board of the old side has it", row.body


def _words(mesh: Mesh, area: GssCode) -> dict[str, bytes]:
    members = [mesh.directory.member(mesh.members[name]) for name in CAST if area in CAST[name][1]]
    return words_of([member for member in members if member is not None], area, NAMES[area])


@pytest.mark.parametrize("area", [DURHAM, LANCASHIRE])
def test_nothing_of_the_old_side_names_the_new_area_in_any_spelling(mesh: Mesh, area: GssCode) -> None:
    play(mesh, area)

    assert [] == search(_places(mesh), _words(mesh, area))


def test_the_same_search_finds_it_all_where_nothing_is_hidden(mesh: Mesh) -> None:
    """The control: told openly, the area's code, the front door and its keys stand in several places."""
    play(mesh, DURHAM, hidden=False)

    found = search(_places(mesh), _words(mesh, DURHAM))
    words = {one.word for one in found}
    places = {one.place.split("/")[0] for one in found}
    assert f"word {DURHAM}" in words
    assert any(word.startswith("id of") for word in words)
    assert any(word.startswith("key id") for word in words)
    assert {"bus to old", "the audit trail, as the board of the old side has it"} <= places


def test_the_new_area_has_the_whole_history_and_the_old_one_its_endorsed_acceptance(mesh: Mesh) -> None:
    play(mesh, DURHAM)

    [new], [old] = mesh["durham"].actions.handovers(), mesh["old"].actions.handovers()
    assert (new.state, new.holder, new.safety, new.verified) == ("closed", DURHAM, DURHAM, True)
    assert (old.state, old.to_area, old.holder, old.safety) == ("closed", "withheld", "withheld", "withheld")
    with mesh["durham"].home.store.look() as work:
        kinds = {row.author for row in work.inbox.history(work.inbox.handovers()[0].child or b"")}
    assert {mesh.members[name] for name in ("old", "old-school", "old-health", "police")} == kinds
    with mesh["old"].home.store.look() as work:
        row = work.hidden.of(old.handover)
    assert row is not None
    assert row.acceptance
    assert not row.own


def test_for_72_hours_after_the_last_marker_and_to_a_quarter_of_a_day_nothing_automatic_is_said(
    mesh: Mesh,
) -> None:
    _before(mesh, hidden=True)
    mesh.at(moment(4), lambda: _arrival(mesh, DURHAM))
    mesh.at(moment(5), lambda: _flag(mesh, DURHAM))

    mesh.run(moment(81.9))

    assert [] == mesh["old"].actions.handovers()
    assert [DURHAM] == [view.safety for view in mesh["durham"].actions.handovers()]

    mesh.run(moment(82.3))

    [old] = mesh["old"].actions.handovers()
    assert ("noticed", "withheld", OLD) == (old.state, old.to_area, old.holder)
    assert old.opened_ms % (15 * 60_000) == 0


def test_a_person_of_the_new_area_can_have_the_old_one_asked_at_once(mesh: Mesh) -> None:
    _before(mesh, hidden=True)
    mesh.at(moment(4), lambda: _arrival(mesh, DURHAM))
    mesh.run(moment(5))
    durham = mesh["durham"].actions

    durham.accept(durham.handovers()[0].handover.hex(), MANAGER, ask_now=True)
    mesh.goes("durham")
    mesh.run(moment(5.6))

    [old] = mesh["old"].actions.handovers()
    assert ("closed", "withheld") == (old.state, old.to_area)
    _release(mesh)
    mesh.run(moment(7))
    assert mesh["durham"].actions.handovers()[0].verified


def test_without_enough_endorsers_nothing_can_be_released(mesh: Mesh) -> None:
    """The router alone could have made the key: its word is not enough."""
    mesh.silent |= {"endorser-1", "endorser-2"}
    _before(mesh, hidden=True)
    mesh.at(moment(4), lambda: _arrival(mesh, DURHAM))
    mesh.at(moment(5), lambda: _accept(mesh, DURHAM))

    mesh.run(moment(83))

    [old] = mesh["old"].actions.handovers()
    with pytest.raises(NobodyVouchesError):
        mesh["old"].actions.release(old.handover.hex(), MANAGER)
    assert ["hidden-unendorsed"] == [alarm.code for alarm in mesh["old"].alarms()]
    with pytest.raises(NotOurSideError):
        mesh["old"].actions.withdraw(old.handover.hex(), MANAGER, "not ours")


def test_a_late_flag_warns_the_protecting_area_of_what_was_said(mesh: Mesh) -> None:
    """Told openly first: the old side knows. From the flag on it hears no more, and the new one hears what went out."""
    _before(mesh, hidden=False)
    mesh.at(moment(4), lambda: _arrival(mesh, DURHAM))
    mesh.run(moment(6))
    assert [DURHAM] == [view.to_area for view in mesh["old"].actions.handovers()]

    _flag(mesh, DURHAM)
    mesh.run(moment(7))
    before = len([seen for seen in mesh.seen if seen.reader in OLD_SIDE])
    _accept(mesh, DURHAM)
    mesh.run(moment(9))

    [warning] = [item.says for item in mesh["durham"].inbox() if "WARNING" in str(item.says)]
    assert mesh.members["old"] in str(warning)
    assert before == len([seen for seen in mesh.seen if seen.reader in OLD_SIDE])


def test_a_person_of_the_protecting_area_lifts_it_and_then_both_are_told(mesh: Mesh) -> None:
    _before(mesh, hidden=True)
    mesh.at(moment(4), lambda: _arrival(mesh, DURHAM))
    mesh.run(moment(5))

    mesh.publish(
        "durham",
        "sensitivity.set",
        area=DURHAM,
        details={"scope": ["address"], "lifted": True, "starts_at": mesh.now.isoformat()},
    )
    mesh.run(moment(6))

    [old] = mesh["old"].actions.handovers()
    assert (DURHAM, DURHAM) == (old.to_area, old.safety)


def test_nobody_else_can_lift_it(mesh: Mesh) -> None:
    _before(mesh, hidden=True)
    mesh.at(moment(4), lambda: _arrival(mesh, DURHAM))
    mesh.run(moment(5))

    mesh.publish(
        "old",
        "sensitivity.set",
        area=OLD,
        details={"scope": ["address"], "lifted": True, "starts_at": mesh.now.isoformat()},
    )
    mesh.run(moment(6))

    assert [] == mesh["old"].actions.handovers()
    assert any(item.kind is InKind.RETURNED for item in mesh["old"].inbox())


def test_the_new_areas_board_reads_what_the_old_ones_cannot(mesh: Mesh) -> None:
    """Blocks of one size at every slot, full or empty; only one board has a key to them."""
    play(mesh, DURHAM)

    blocks = [entry.fields["sealed"] for entry in mesh.entries(EntryKind.VEILED)]
    read = [lift(block, mesh.open_board("durham-board")) for block in blocks]
    assert 1 == len({len(block) for block in blocks})
    assert all(lift(block, mesh.open_board(BOARD)) is None for block in blocks)
    assert any(entries for entries in read)
    times = [entry.at_ms for entry in mesh.entries(EntryKind.VEILED)]
    assert {15 * 60_000} == {later - earlier for earlier, later in pairwise(times)}


def test_the_hold_and_the_relay_survive_a_restart_of_the_router(mesh: Mesh) -> None:
    _before(mesh, hidden=True)
    mesh.at(moment(4), lambda: _arrival(mesh, DURHAM))
    mesh.at(moment(5), lambda: _accept(mesh, DURHAM))
    mesh.run(moment(20))
    mesh.restart_router()
    mesh.run(moment(74))
    mesh.restart_router()
    assert [] == mesh["old"].actions.handovers()

    mesh.run(moment(77))
    mesh.restart_router()
    _release(mesh)
    mesh.run(moment(81))

    assert mesh[NEW[DURHAM]].actions.handovers()[0].verified
    assert BEGIN + timedelta(hours=81) == mesh.now


def test_what_stands_in_clear_in_the_trail_does_not_tell_whether_the_case_has_passed(mesh: Mesh) -> None:
    """Found by the attacker of ``docs/withheld.md``: three bytes of an entry told when the new area had accepted."""
    _before(mesh, hidden=True)
    mesh.at(moment(4), lambda: _arrival(mesh, DURHAM))
    mesh.run(moment(5))
    mesh.publish("old-school", "attendance.summary", area=OLD)
    mesh.run(moment(6))
    _accept(mesh, DURHAM)
    mesh.run(moment(7))
    mesh.publish("old-school", "attendance.summary", area=OLD)
    mesh.run(moment(8))

    before, after = mesh.entries(EntryKind.TAKEN)[-2:]
    assert ["withheld", "withheld"] == [before.fields["holder"], before.fields["safety"]]
    for name in ("holder", "safety", "areas", "involved"):
        assert before.fields[name] == after.fields[name]
    assert len(replace(before, number=1).to_bytes()) == len(replace(after, number=1).to_bytes())


def _before_any_plan(mesh: Mesh) -> None:
    """The police come on Friday; there is no matter yet, and the router keeps nothing of it (P12)."""
    mesh.publish("police", "da.incident", area=OLD)
    mesh.run(moment(1))
    with mesh.store.work() as work:
        assert not work.hiding.children()
    mesh.publish("old", "plan.opened", area=OLD, details={"plan_ref": "old-plan"})
    mesh.run(moment(2))


def test_a_marker_that_came_before_the_first_plan_hides_the_later_move(mesh: Mesh) -> None:
    """The front door that was told of it remembers, and says so with the plan that it opens."""
    _before_any_plan(mesh)
    mesh.at(moment(4), lambda: _arrival(mesh, DURHAM))
    mesh.at(moment(6), lambda: _accept(mesh, DURHAM))
    mesh.run(moment(73))
    assert [] == mesh["old"].actions.handovers()

    mesh.run(moment(79))

    [old] = mesh["old"].actions.handovers()
    assert ("withheld", "withheld") == (old.to_area, old.safety)
    assert [] == search(_places(mesh), _words(mesh, DURHAM))


def test_what_the_front_door_has_lifted_since_is_not_remembered(mesh: Mesh) -> None:
    mesh.publish("police", "da.incident", area=OLD)
    mesh.run(moment(1))
    mesh.publish(
        "old",
        "sensitivity.set",
        area=OLD,
        details={"scope": ["address"], "lifted": True, "starts_at": mesh.now.isoformat()},
    )
    mesh.publish("old", "plan.opened", area=OLD, details={"plan_ref": "old-plan"})
    mesh.run(moment(2))
    _arrival(mesh, DURHAM)
    mesh.run(moment(3))

    assert [DURHAM] == [view.to_area for view in mesh["old"].actions.handovers()]


def test_what_its_author_wants_to_be_asked_about_can_be_shared_with_whoever_has_the_child(mesh: Mesh) -> None:
    """By a person, under the same one-time key: the old side still does not learn who reads."""
    mesh.publish("old", "plan.opened", area=OLD, details={"plan_ref": "old-plan"})
    mesh.run(moment(1))
    secret = mesh.publish("police", "da.incident", area=OLD, onward="ask_me")
    mesh.at(moment(4), lambda: _arrival(mesh, DURHAM))
    mesh.at(moment(5), lambda: _accept(mesh, DURHAM))
    mesh.at(moment(83.1), lambda: _release(mesh))
    mesh.run(moment(85))
    with mesh["durham"].home.store.look() as work:
        assert not work.inbox.holds(EventId(secret).raw)
    [refused] = mesh["old"].reviewing.refused()
    assert [(secret, "ask-the-author")] == list(refused.kept)

    mesh["old"].reviewing.share(refused.order_id.hex(), MANAGER, "They must know.", agreed="the police")
    mesh.goes("old")
    mesh.run(moment(87))

    with mesh["durham"].home.store.look() as work:
        assert work.inbox.holds(EventId(secret).raw)
    assert [] == mesh["old"].reviewing.refused()
    assert [] == search(_places(mesh), _words(mesh, DURHAM))
