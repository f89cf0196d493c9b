"""P7 where a third area claims the child, too: what becomes of that handover tells the old side nothing either."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from adapters.gateway.frontdoor.telling import Telling
from broker.crypto.signing import unverified_payload
from broker.crypto.veil import lift
from schemas import canonical
from schemas.audit import EntryKind
from schemas.catalogue import parse_event
from schemas.control import Action, ActionKind, Note, unframe
from schemas.handover import HandoverView
from schemas.hiding import HIDDEN
from schemas.ids import EventId
from schemas.members import ROUTER
from schemas.wire import PROTOCOL_VERSION
from tests.distinguish.searching import search
from tests.distinguish.story import _accept, _arrival, _flag, _release, moment
from tests.distinguish.test_hidden_move import MANAGER, _places, _words
from tests.distinguish.world import BOARD, DURHAM, LANCASHIRE, OLD, OLD_SIDE, Mesh, a_mesh
from tests.support.events import a_document


@pytest.fixture
def mesh() -> Iterator[Mesh]:
    """The child has a plan in the old area, and Lancashire has opened one as well: people are to decide which counts."""
    made = a_mesh(5)
    made.publish("old", "plan.opened", area=OLD, details={"plan_ref": "old-plan"})
    made.run(moment(1))
    made.publish("lancashire", "plan.opened", area=LANCASHIRE, details={"plan_ref": "third-plan"})
    made.run(moment(2))
    assert ["conflict"] == [view.kind for view in made["old"].actions.handovers()]
    yield made
    made.close()
    made.remove()


def _flight(mesh: Mesh) -> None:
    mesh.publish("police", "da.incident", area=OLD)
    mesh.at(moment(4), lambda: _arrival(mesh, DURHAM))
    mesh.at(moment(5), lambda: _flag(mesh, DURHAM))
    mesh.run(moment(6))


def test_a_hidden_acceptance_shows_in_no_other_handover_of_the_child(mesh: Mesh) -> None:
    _flight(mesh)
    before = len([seen for seen in mesh.seen if seen.reader == "old"])
    mesh.at(moment(7), lambda: _accept(mesh, DURHAM))
    mesh.run(moment(81))

    assert before == len([seen for seen in mesh.seen if seen.reader == "old"]), (
        "the old area was told at once"
    )
    assert [("conflict", OLD)] == [(view.kind, view.holder) for view in mesh["old"].actions.handovers()]

    mesh.run(moment(83))
    told = {view.kind: view for view in mesh["old"].actions.handovers()}
    assert {"move", "conflict"} == set(told)
    assert ("superseded", "withheld", "withheld") == (
        told["conflict"].state,
        told["conflict"].holder,
        told["conflict"].safety,
    )
    assert all(due.met_ms for due in told["conflict"].due), "nothing is owed in it any more"
    assert [] == search(_places(mesh), _words(mesh, DURHAM))


def test_the_area_that_claims_the_child_is_told_that_it_is_over_and_not_by_whom(mesh: Mesh) -> None:
    """Before the flag it had been told where the child had come to; from there on it hears nothing more."""
    _flight(mesh)
    before = len(mesh.seen)
    mesh.at(moment(7), lambda: _accept(mesh, DURHAM))
    mesh.run(moment(85))

    [view] = mesh["lancashire"].actions.handovers()
    assert ("superseded", "withheld", "withheld") == (view.state, view.holder, view.safety)
    seen = [(f"bus to {one.reader}", one.body) for one in mesh.seen[before:] if one.reader == "lancashire"]
    assert [] == search(seen, _words(mesh, DURHAM))


def _moves_on(mesh: Mesh) -> HandoverView:
    """From Durham, which has the case and the papers, to Lancashire: hidden from both areas that it left."""
    mesh.publish("old", "plan.opened", area=OLD, details={"plan_ref": "old-plan"})
    mesh.run(moment(1))
    _flight(mesh)
    mesh.at(moment(7), lambda: _accept(mesh, DURHAM))
    mesh.at(moment(83.2), lambda: _release(mesh))
    mesh.run(moment(90))
    between = {"from_area": DURHAM, "to_area": LANCASHIRE}
    mesh.publish("lancashire-health", "move.notified", area=LANCASHIRE, details=between)
    mesh.run(moment(92))
    return next(view for view in mesh["lancashire"].actions.handovers() if view.from_area == DURHAM)


def _tells(mesh: Mesh, onward: HandoverView) -> None:
    telling = Telling(mesh["lancashire"].home, mesh["lancashire"].actions)
    telling.tell(onward.handover.hex(), MANAGER, "They moved house together with the case.")
    mesh.goes("lancashire")
    mesh.run(mesh.now + timedelta(hours=1))


def _of_durham(mesh: Mesh, onward: HandoverView) -> HandoverView:
    return next(one for one in mesh["durham"].actions.handovers() if one.handover == onward.handover)


def test_an_onward_move_can_be_told_to_the_area_left_last_and_stays_hidden_from_the_first() -> None:
    """A person in the third area says so: the second one works with it as in any move, the first hears of nothing."""
    mesh = a_mesh(7)
    try:
        onward = _moves_on(mesh)
        told = len([seen for seen in mesh.seen if seen.reader in (*OLD_SIDE, BOARD)])
        _tells(mesh, onward)

        view = _of_durham(mesh, onward)
        assert (LANCASHIRE, LANCASHIRE, DURHAM) == (view.to_area, view.safety, view.holder)
        late = mesh.publish("durham-health", "appointment.missed", area=DURHAM)
        mesh["durham"].actions.release(onward.handover.hex(), MANAGER)
        mesh.goes("durham")
        mesh["lancashire"].actions.accept(onward.handover.hex(), MANAGER)
        mesh.goes("lancashire")
        mesh.publish("old-health", "appointment.missed", area=OLD)
        mesh.run(mesh.now + timedelta(hours=6))
        _shares_the_flag(mesh)

        read = next(v for v in mesh["lancashire"].actions.handovers() if v.handover == onward.handover)
        assert ("closed", LANCASHIRE, True) == (read.state, read.holder, read.verified)
        assert ("closed", LANCASHIRE) == (_of_durham(mesh, onward).state, _of_durham(mesh, onward).holder)
        with mesh["lancashire"].home.store.look() as work:
            assert work.inbox.holds(EventId(late).raw)
        after = [seen for seen in mesh.seen if seen.reader in (*OLD_SIDE, BOARD)][told:]
        own = {mesh.members[name] for name in OLD_SIDE}
        assert {(ROUTER), *own} >= {_note(seen.body).author for seen in after}
        assert [] == search(_places(mesh), _words(mesh, DURHAM) | _words(mesh, LANCASHIRE))
        # Durham's board can prove what Durham did, and Lancashire's the rest; the old one's neither.
        assert EntryKind.HANDOVER.value in _lifted(mesh, "durham-board")
        assert EntryKind.HANDOVER.value in _lifted(mesh, "lancashire-board")
    finally:
        mesh.close()
        mesh.remove()


def test_a_history_released_before_the_area_left_last_was_told_still_comes() -> None:
    """To whoever has the child, under the one-time key, though the destination is no secret to that area any more."""
    mesh = a_mesh(7)
    try:
        onward = _moves_on(mesh)
        lancashire = mesh["lancashire"].actions
        lancashire.accept(onward.handover.hex(), MANAGER, ask_now=True)
        mesh.goes("lancashire")
        mesh.run(moment(93))
        mesh["durham"].actions.release(onward.handover.hex(), MANAGER)
        mesh.goes("durham")
        mesh.run(mesh.now + timedelta(minutes=2))

        _tells(mesh, onward)
        late = mesh.publish("durham-health", "appointment.missed", area=DURHAM)
        mesh.run(mesh.now + timedelta(hours=2))
        _shares_the_flag(mesh)

        [read] = [view for view in lancashire.handovers() if view.handover == onward.handover]
        assert (True, LANCASHIRE) == (read.verified, _of_durham(mesh, onward).to_area)
        with mesh["lancashire"].home.store.look() as work:
            assert work.inbox.holds(EventId(late).raw)
        assert [] == search(_places(mesh), _words(mesh, DURHAM) | _words(mesh, LANCASHIRE))
    finally:
        mesh.close()
        mesh.remove()


def test_only_who_has_the_child_can_tell_and_only_of_a_way_that_leads_to_it() -> None:
    """Neither area that was left can, and of the first way, which leads to the second area, nobody can any more."""
    mesh = a_mesh(7)
    try:
        onward = _moves_on(mesh)
        [first] = [one for one in mesh["durham"].actions.handovers() if one.from_area == OLD]
        for name, area, handover in (
            ("old", OLD, first.handover),
            ("durham", DURHAM, onward.handover),
            ("lancashire", LANCASHIRE, first.handover),
        ):
            details = {
                "scope": ["address"],
                "lifted": True,
                "towards": OLD,
                "starts_at": mesh.now.isoformat(),
            }
            document = a_document("sensitivity.set", n=len(name), acting_area=area, details=details)
            mesh[name].publishing.publish(
                parse_event(document), action=Action(ActionKind.UNPROTECT, handover=handover)
            )
            mesh.goes(name)
        mesh.run(mesh.now + timedelta(hours=1))

        codes = [entry.fields["code"] for entry in mesh.entries(EntryKind.REFUSED)]
        assert ["not-your-action", "not-your-action", "unknown-handover"] == codes
        assert HIDDEN == _of_durham(mesh, onward).to_area
        # That a message of theirs was refused stands in the trail, of any member and about nobody.
        places = [place for place in _places(mesh) if "trail" not in place[0]]
        assert [] == search(places, _words(mesh, DURHAM) | _words(mesh, LANCASHIRE))
    finally:
        mesh.close()
        mesh.remove()


def _shares_the_flag(mesh: Mesh) -> None:
    """The flag is "ask me" by default: its author is Durham itself, and a person there shares it."""
    for kept in mesh["durham"].reviewing.refused():
        mesh["durham"].reviewing.share(kept.order_id.hex(), MANAGER, "They must know.", agreed="our own flag")
    mesh.goes("durham")
    mesh.run(mesh.now + timedelta(hours=2))


def _note(body: bytes) -> Note:
    return Note.from_bytes(unverified_payload(unframe(body, 3, PROTOCOL_VERSION)[0]))


def _lifted(mesh: Mesh, board: str) -> set[str]:
    """The kinds of entry that a board finds in the blocks."""
    found = set()
    for entry in mesh.entries(EntryKind.VEILED):
        for item in lift(entry.fields["sealed"], mesh.open_board(board)) or []:
            found.add(str(canonical.decode(item)[1]) if isinstance(item, bytes) else str(item[1]))
    return found


def test_a_hidden_family_that_moves_on_is_hidden_from_both_areas_that_it_left() -> None:
    """From the hidden area to a further one: the first old area hears of neither, and the second not of the third."""
    mesh = a_mesh(7)
    try:
        mesh.publish("old", "plan.opened", area=OLD, details={"plan_ref": "old-plan"})
        mesh.run(moment(1))
        _flight(mesh)
        mesh.at(moment(7), lambda: _accept(mesh, DURHAM))
        mesh.at(moment(83.2), lambda: _release(mesh))
        mesh.run(moment(90))
        [durham] = mesh["durham"].actions.handovers()
        assert ("closed", DURHAM) == (durham.state, durham.holder)
        told = len([seen for seen in mesh.seen if seen.reader == "old"])
        before = len(mesh.seen)

        _arrival(mesh, LANCASHIRE)
        mesh.run(moment(96))
        onward = next(v for v in mesh["lancashire"].actions.handovers() if v.from_area == DURHAM)
        mesh["lancashire"].actions.accept(onward.handover.hex(), MANAGER)
        mesh.goes("lancashire")
        mesh.run(moment(100))
        asked = next(v for v in mesh["durham"].actions.handovers() if v.from_area == DURHAM)
        assert ("withheld", "withheld") == (asked.to_area, asked.safety)
        mesh["durham"].actions.release(asked.handover.hex(), MANAGER)
        mesh.goes("durham")
        mesh.run(moment(104))
        # The flag is "ask me" by default: its author is Durham itself, and a person there shares it.
        [kept] = mesh["durham"].reviewing.refused()
        mesh["durham"].reviewing.share(kept.order_id.hex(), MANAGER, "They must know.", agreed="our own flag")
        mesh.goes("durham")
        mesh.run(moment(106))

        read = next(v for v in mesh["lancashire"].actions.handovers() if v.handover == onward.handover)
        assert ("closed", LANCASHIRE, LANCASHIRE, True) == (
            read.state,
            read.holder,
            read.safety,
            read.verified,
        )
        assert told == len([seen for seen in mesh.seen if seen.reader == "old"]), "the first area heard of it"
        assert [] == search(_places(mesh), _words(mesh, DURHAM) | _words(mesh, LANCASHIRE))
        # The area that it has left now knows of the first, and learns nothing of the next.
        to_durham = [(one.reader, one.body) for one in mesh.seen[before:] if one.reader.startswith("durham")]
        own = {"durham", "durham-health"}
        assert [] == search([one for one in to_durham if one[0] in own], _words(mesh, LANCASHIRE))
    finally:
        mesh.close()
        mesh.remove()
