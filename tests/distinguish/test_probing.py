"""P7 against somebody of the old side who goes on asking: it holds the child's token, and may publish whatever it likes.

The same is asked in worlds that differ in where the child is and in whether the case was taken on. Whatever comes back
to the old side, what stands in the trail in clear, and what is refused, is the same until the relay's next slot says so.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final, TypeAlias

from broker.crypto.signing import unverified_payload
from schemas.audit import EntryKind
from schemas.control import Note, unframe
from schemas.ids import GssCode
from schemas.wire import PROTOCOL_VERSION
from tests.distinguish.searching import search
from tests.distinguish.story import NEW, _accept, _arrival, _flag, moment
from tests.distinguish.test_hidden_move import MANAGER, _places, _words
from tests.distinguish.world import BOARD, DURHAM, LANCASHIRE, OLD, OLD_SIDE, Mesh, a_mesh
from tests.support.events import CHILD, PUPIL, SIBLING

Probe: TypeAlias = Callable[[Mesh], object]


def _a_routine_event(mesh: Mesh) -> object:
    return mesh.publish("old-school", "attendance.summary", area=OLD)


def _another_plan(mesh: Mesh) -> object:
    return mesh.publish("old", "plan.opened", area=OLD, details={"plan_ref": "probe"})


def _a_concern(mesh: Mesh) -> object:
    return mesh.publish("old-health", "concern.raised", area=OLD, details={"concern_ref": "probe"})


def _a_false_return(mesh: Mesh) -> object:
    between = {"from_area": "E06000063", "to_area": OLD}
    return mesh.publish("old-health", "move.notified", area=OLD, details=between)


def _a_false_return_by_the_front_door(mesh: Mesh) -> object:
    between = {"from_area": "E06000063", "to_area": OLD}
    return mesh.publish("old", "move.notified", area=OLD, details=between)


def _missing(mesh: Mesh) -> object:
    return mesh.publish("police", "missing.child", area=OLD, details={"report_ref": "probe"})


def _a_lift(mesh: Mesh) -> object:
    details = {"scope": ["address"], "lifted": True, "starts_at": mesh.now.isoformat()}
    return mesh.publish("old", "sensitivity.set", area=OLD, details=details)


def _an_involvement(mesh: Mesh) -> object:
    return mesh["old"].actions.involve({"nhs_number": CHILD}, mesh.members["old-school"], MANAGER)


def _a_link(mesh: Mesh) -> object:
    ends = [{"nhs_number": CHILD}, {"upn": PUPIL}]
    return mesh["old"].actions.link(ends, MANAGER, "Compared.", "official_document")


def _a_false_link(mesh: Mesh) -> object:
    """With another child, which lives in the old area: whoever holds that one's case would hold this one's."""
    ends = [{"nhs_number": CHILD}, {"nhs_number": SIBLING}]
    return mesh["old"].actions.link(ends, MANAGER, "Compared.", "official_document")


PROBES: Final[tuple[Probe, ...]] = (
    _a_routine_event,
    _another_plan,
    _a_concern,
    _a_false_return,
    _a_false_return_by_the_front_door,
    _missing,
    _a_lift,
    _an_involvement,
    _a_link,
    _a_false_link,
)


@contextmanager
def _world(area: GssCode, accepts: float | None) -> Iterator[Mesh]:
    """The family has fled there; somebody there accepts at that hour, or not at all."""
    mesh = a_mesh(21)
    try:
        mesh.publish("old", "plan.opened", area=OLD, details={"plan_ref": "old-plan"})
        mesh.publish(
            "old",
            "plan.opened",
            area=OLD,
            subject={"nhs_number": SIBLING},
            details={"plan_ref": "another child's"},
        )
        mesh.run(moment(1))
        mesh.publish("police", "da.incident", area=OLD)
        mesh.run(moment(3))
        mesh.at(moment(4), lambda: _arrival(mesh, area))
        mesh.at(moment(5), lambda: _flag(mesh, area))
        if accepts is not None:
            mesh.at(moment(accepts), lambda: _accept(mesh, area))
        mesh.run(moment(20))
        yield mesh
    finally:
        mesh.close()
        mesh.remove()


def _answers(mesh: Mesh) -> list[str]:
    """What came back of each probe, to whom and of which size, and what the trail has in clear; without random ids."""
    found = []
    for probe in PROBES:
        seen, log = len(mesh.seen), len(mesh.log)
        probe(mesh)
        for who in OLD_SIDE:
            mesh.goes(who)
        mesh.run(mesh.now + timedelta(minutes=50))
        came = []
        for one in mesh.seen[seen:]:
            if one.reader in (*OLD_SIDE, BOARD):
                signed, kind, body = unframe(one.body, 3, PROTOCOL_VERSION)
                note = Note.from_bytes(unverified_payload(signed))
                came.append(
                    f"{one.reader} {kind} {note.author} {len(body)} {note.child is None} {note.number}"
                )
        clear = [entry for entry in mesh.entries()[log:] if entry.kind is not EntryKind.VEILED]
        found += [f"{probe.__name__}: {line}" for line in sorted(came)]
        found += [f"{probe.__name__}: {entry.kind} {sorted(entry.fields)}" for entry in clear]
    return found


def test_whoever_asks_with_the_childs_token_is_answered_the_same_wherever_it_is() -> None:
    """Taken on or not, here or there: found by this test, another plan or a false return had named the new area."""
    answers = {}
    for area, accepts in ((DURHAM, None), (DURHAM, 8), (LANCASHIRE, 8)):
        with _world(area, accepts) as mesh:
            answers[area, accepts] = _answers(mesh)
            view = next(one for one in mesh[NEW[area]].actions.handovers() if one.from_area == OLD)

            assert [] == search(_places(mesh), _words(mesh, area))
            assert (area, OLD if accepts is None else area) == (view.safety, view.holder)
            warned = [
                one.says or "" for one in mesh[NEW[area]].inbox() if "it is hidden from" in str(one.says)
            ]
            assert 2 <= len(warned), "the protecting area is told of each claim"

    assert answers[DURHAM, None] == answers[DURHAM, 8]
    assert answers[DURHAM, 8] == answers[LANCASHIRE, 8]
