"""A tour through a handover: into each stage, and there every verb that random lives did not come to.

The same machine, book and checks; only the choices are not random. What does not fit where it is tried is refused by the
router and changes nothing, so all of those share one life; what fits has a life of its own.
"""

from collections.abc import Iterator
from typing import Final

from tests.model.machine import Lives
from tests.model.passages import STAGES, VERBS, fits
from tests.model.play import visited
from tests.support.desk import NORTHUMBERLAND

_WAYS: Final[dict[str, tuple[str, ...]]] = {
    "noticed": (),
    "released": ("release",),
    "verified": ("release", "verify"),
    "provisional": ("accept",),
    "accepted": ("accept, conference to come",),
    "declined": ("decline",),
    "disputed": ("release", "decline", "release", "decline"),
    "withdrawn": ("withdraw",),
    "closed": ("accept",),
    "superseded": ("another area accepts",),
}


def tour() -> None:
    """Visit every pair that has not been visited."""
    for stage in STAGES:
        for verbs in list(_shares(stage)):
            _visit(stage, verbs)


def _shares(stage: str) -> Iterator[tuple[str, ...]]:
    lives = _life(stage)
    (passage, *_) = lives._passages()
    missing = [verb for verb in VERBS if not visited()[stage, verb]]
    idle = tuple(verb for verb in missing if not fits(passage, verb))
    lives.teardown()
    if idle:
        yield idle
    yield from ((verb,) for verb in missing if verb not in idle)


def _visit(stage: str, verbs: tuple[str, ...]) -> None:
    lives = _life(stage)
    (passage, *_) = lives._passages()
    assert stage == passage.stage
    for verb in verbs:
        lives._try(
            passage, verb, conference=False, far="stay" if verb == "verify" and passage.let_go else "route"
        )
        lives.the_promises_hold()
    lives.teardown()


def _life(stage: str) -> Lives:
    """A child with a plan in one area and a home in another, its handover brought to a stage."""
    lives = Lives()
    lives.begin(1)
    if stage == "provisional":
        lives.an_area_claims_a_child("nhs-a", "cumberland", further=1, days=0)
        return lives
    lives.a_child_with_a_plan_moves("nhs-a", "cumberland", further=1)
    (passage,) = lives._passages()
    for way in _WAYS[stage]:
        match way:
            case "another area accepts":
                lives.a_move_of_a_child_that_is_known(0, "health", NORTHUMBERLAND, "settle")
                (other,) = [one for one in lives._passages() if one.taker == NORTHUMBERLAND]
                lives._try(other, "accept", conference=False, far="settle")
            case "accept, conference to come":
                lives._try(passage, "accept", conference=True, far="settle")
            case "release":
                lives._try(passage, "release", conference=False, far="route")
            case "verify":
                lives.everything_arrives()
            case verb:
                lives._try(passage, verb, conference=False, far="settle")
    return lives
