"""Cumberland and Westmorland and Furness, with one police force over both: it is told in the new area's unit only."""

from collections.abc import Iterator

import pytest

from broker.crypto.errors import CryptoRejectedError
from broker.crypto.open import open_view
from broker.crypto.signing import unverified_payload
from schemas.control import Note, unframe
from schemas.envelope import View
from schemas.wire import PROTOCOL_VERSION, InKind
from tests.distinguish.searching import files_of, search, words_of
from tests.distinguish.story import moment
from tests.distinguish.world import CUMBERLAND, OLD, SHARED, Mesh, a_mesh

LEFT = ("old", "old-school")


@pytest.fixture
def mesh() -> Iterator[Mesh]:
    made = a_mesh(5, story="shared")
    yield made
    made.close()
    made.remove()


def _views(mesh: Mesh) -> list[tuple[Note, View]]:
    """What came to the force, with its notes, in its order."""
    found = []
    for seen in mesh.seen:
        if seen.reader != "police":
            continue
        signed, kind, body = unframe(seen.body, 3, PROTOCOL_VERSION)
        if kind == InKind.VIEW:
            found.append((Note.from_bytes(unverified_payload(signed)), View.from_bytes(body)))
    return found


def _flight(mesh: Mesh) -> None:
    mesh.publish("old", "plan.opened", area=OLD, details={"plan_ref": "old-plan"})
    mesh.run(moment(0.5))
    mesh.publish("police", "da.incident", area=OLD)
    mesh.publish("old", "missing.child", area=OLD, details={"report_ref": "gone-1"})
    mesh.run(moment(4))
    mesh.publish(
        "cumberland-health",
        "move.notified",
        area=CUMBERLAND,
        details={"from_area": OLD, "to_area": CUMBERLAND},
    )
    mesh.run(moment(5))
    mesh.publish("cumberland", "missing.child", area=CUMBERLAND, details={"report_ref": "gone-2"})
    mesh.run(moment(6))


def test_the_force_is_told_under_the_key_of_the_new_areas_unit_alone(mesh: Mesh) -> None:
    _flight(mesh)

    home = mesh["police"].home
    units = {str(area): unit.id for unit in home.me.units for area in unit.areas}
    kems = {
        area: {
            str(key.key_id): home.keyring.kems[key.key_id]
            for key in home.me.keys
            if key.unit == unit and key.use.value == "kem"
        }
        for area, unit in units.items()
    }
    before, after = _views(mesh)[0], _views(mesh)[-1]
    assert open_view(after[1], mesh.directory.public_of, kems[CUMBERLAND])
    with pytest.raises(CryptoRejectedError):
        open_view(after[1], mesh.directory.public_of, kems[OLD])
    assert open_view(before[1], mesh.directory.public_of, kems[OLD])
    with pytest.raises(CryptoRejectedError):
        open_view(before[1], mesh.directory.public_of, kems[CUMBERLAND])


def test_nothing_in_the_forces_order_ties_the_child_of_one_unit_to_that_of_the_other(mesh: Mesh) -> None:
    _flight(mesh)

    first, last = _views(mesh)[0][0], _views(mesh)[-1][0]
    assert first.child is not None
    assert last.child is not None
    assert first.child != last.child
    assert 0 == last.previous


def test_members_of_the_area_that_was_left_hold_nothing_of_the_other(mesh: Mesh) -> None:
    _flight(mesh)
    mesh.publish("police", "household.changed", area=CUMBERLAND)
    mesh.publish("cumberland", "plan.opened", area=CUMBERLAND, details={"plan_ref": "new-plan"})
    mesh.run(moment(12))

    members = [
        mesh.directory.member(mesh.members[name]) for name in SHARED if SHARED[name][1] == (CUMBERLAND,)
    ]
    words = words_of([one for one in members if one is not None], CUMBERLAND)
    places = [place for name in LEFT for place in files_of(mesh.home(name))]
    places += [("bus", seen.body) for seen in mesh.seen if seen.reader in (*LEFT, "old-board")]
    places += [("trail", row.body) for row in mesh.log]
    assert [] == search(places, words)
    assert search(files_of(mesh.home("cumberland")), words)
