"""P7 where a third area claims the child, too: what becomes of that handover tells the old side nothing either."""

from collections.abc import Iterator

import pytest

from tests.distinguish.searching import search
from tests.distinguish.story import _accept, _arrival, _flag, _release, moment
from tests.distinguish.test_hidden_move import MANAGER, _places, _words
from tests.distinguish.world import DURHAM, LANCASHIRE, OLD, Mesh, a_mesh


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
