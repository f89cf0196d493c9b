"""P7 where a third area claims the child, too: what becomes of that handover tells the old side nothing either."""

from collections.abc import Iterator

import pytest

from tests.distinguish.searching import search
from tests.distinguish.story import _accept, _arrival, _flag, moment
from tests.distinguish.test_hidden_move import _places, _words
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
