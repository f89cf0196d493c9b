"""A tour through a handover: of each kind into each stage, and there every verb that random lives did not come to.

The same machine, book and checks; only the choices are not random. What does not fit where it is tried is refused by the
router and changes nothing, so all of those share one life; what fits has a life of its own.
"""

from collections.abc import Collection, Iterator
from typing import Final

from tests.model.machine import Lives
from tests.model.passages import BY_GIVER, KINDS, STAGES, VERBS, Passage, fits
from tests.model.play import visited
from tests.support.desk import NORTHUMBERLAND

_MOVE: Final[dict[str, tuple[str, ...]]] = {
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
_STAY: Final[dict[str, tuple[str, ...]]] = {
    "staying": (),
    "declined": ("decline",),
    "disputed": ("decline", "decline once more"),
    "withdrawn": ("withdraw",),
    "superseded": ("another area accepts",),
}
"""When its area asks for the case to pass, it is no stay any more, and of that kind no longer."""
_OUTSIDE: Final[dict[str, tuple[str, ...]]] = {
    "noticed": (),
    "released": ("release",),
    "staying": ("stays",),
    "disputed": ("three weeks",),
    "withdrawn": ("withdraw",),
    "superseded": ("another area accepts",),
}
"""Nobody can decline or accept for an area that cannot sign."""
WAYS: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "permanent": _MOVE,
    "temporary": _STAY,
    "placement": _STAY,
    "placement at a distance": _STAY,
    "found_elsewhere": _MOVE,
    "unborn": _MOVE | {"staying": ("stays",)},
    "secure": _STAY,
    "non_member": _OUTSIDE,
}
"""The stages that a handover of each kind comes to, and how."""
_IN_SHORT: Final = (
    ("noticed", "found_elsewhere"),
    ("released", "permanent"),
    ("verified", "unborn"),
    ("provisional", "found_elsewhere"),
    ("accepted", "permanent"),
    ("declined", "temporary"),
    ("disputed", "placement"),
    ("staying", "non_member"),
    ("staying", "secure"),
    ("withdrawn", "placement at a distance"),
    ("closed", "permanent"),
    ("superseded", "temporary"),
)


def pairs(kinds: Collection[str] = KINDS) -> list[tuple[str, str, str]]:
    """All that there is to visit: (kind, stage, verb)."""
    return [
        (kind, stage, verb)
        for kind in kinds
        for stage in STAGES
        if stage in WAYS[kind]
        for verb in VERBS
        if kind != "non_member" or verb in BY_GIVER
    ]


def missing(kinds: Collection[str] = KINDS) -> list[tuple[str, str, str]]:
    """What has not been visited."""
    return [pair for pair in pairs(kinds) if not visited()[pair]]


def tour(kinds: Collection[str] = KINDS) -> None:
    """Visit every pair that has not been visited, of each kind; and families, and a birth."""
    for kind in kinds:
        for stage in WAYS[kind]:
            visit(kind, stage, {verb for of, where, verb in missing([kind]) if (of, where) == (kind, stage)})
    family()
    claim()
    ending()
    birth()


def short_tour() -> None:
    """Visit every pair of a stage and a verb that has not been visited in any kind, and be of each kind once."""
    for stage, kind in _IN_SHORT:
        seen = {verb for verb in VERBS if any(visited()[one, stage, verb] for one in KINDS)}
        wanted = {verb for of, where, verb in pairs([kind]) if where == stage}
        visit(kind, stage, wanted - seen)
    family(["accept"])
    claim()
    ending()
    birth()


def family(verbs: Collection[str] = ("accept", "decline", "withdraw")) -> None:
    """Brother and sister are asked for together, and something becomes of one of them."""
    for verb in verbs:
        lives = Lives()
        lives.begin(1)
        lives.a_family_moves_together("cumberland", further=1, stays=False, also=verb)
        lives.the_promises_hold()
        lives.teardown()


def ending() -> None:
    """The only plan of a child that went nowhere ends: nothing of the child stays."""
    lives = Lives()
    lives.begin(1)
    lives.a_plan_opens("nhs-a", "cumberland", "settle")
    lives.a_matter_ends(0, "settle")
    lives.teardown()


def claim() -> None:
    """An area says itself that a child was placed there: nothing follows from that by itself."""
    lives = Lives()
    lives.begin(1)
    lives.a_child_goes_to_another_area("placement", "nhs-a", "cumberland", further=1, claimed=True)
    lives.the_promises_hold()
    lives.teardown()


def birth() -> None:
    """An unborn child with a plan moves and is born: whoever accepts it has one child with one plan."""
    lives, passage = life("unborn", "verified")
    lives.two_names_are_linked("nhs-a", "unborn-a", "cumberland", "settle")
    lives.the_promises_hold()
    lives._try(passage, "accept", conference=False, far="settle")
    lives.the_promises_hold()
    lives.teardown()


def visit(kind: str, stage: str, verbs: Collection[str]) -> None:
    """Try these verbs there."""
    for some in list(_shares(kind, stage, [verb for verb in VERBS if verb in verbs])):
        _visit(kind, stage, some)


def _shares(kind: str, stage: str, to_try: Collection[str]) -> Iterator[tuple[str, ...]]:
    if not to_try:
        return
    lives, passage = life(kind, stage)
    idle = tuple(verb for verb in to_try if not fits(passage, verb))
    lives.teardown()
    if idle:
        yield idle
    yield from ((verb,) for verb in to_try if verb not in idle)


def _visit(kind: str, stage: str, verbs: tuple[str, ...]) -> None:
    lives, passage = life(kind, stage)
    assert (kind, stage) == (passage.sort, passage.stage)
    for verb in verbs:
        far = "stay" if verb == "verify" and passage.let_go else "route"
        lives._try(passage, verb, conference=False, far=far)
        lives.the_promises_hold()
    lives.teardown()


def life(kind: str, stage: str) -> tuple[Lives, Passage]:
    """A child with a plan in one area and a home in another, its handover brought to a stage."""
    lives = Lives()
    lives.begin(1)
    name = "unborn-a" if kind == "unborn" else "nhs-a"
    if stage == "provisional":
        lives.an_area_claims_a_child(name, "cumberland", further=1, days=0)
        if kind == "found_elsewhere":
            lives._request(lives._passages()[0], kind)
        return lives, lives._passages()[0]
    lives.a_child_goes_to_another_area(kind, name, "cumberland", further=1)
    (passage,) = lives._passages()
    for way in WAYS[kind][stage]:
        _go(lives, passage, way)
    return lives, passage


def _go(lives: Lives, passage: Passage, way: str) -> None:
    match way:
        case "another area accepts":
            lives.a_move_of_a_child_that_is_known(0, "health", NORTHUMBERLAND, "settle")
            (other,) = [one for one in lives._passages() if one.taker == NORTHUMBERLAND]
            lives._try(other, "accept", conference=False, far="settle")
        case "accept, conference to come":
            lives._try(passage, "accept", conference=True, far="settle")
        case "decline once more":
            lives._request(passage, passage.sort)
            lives._try(passage, "decline", conference=False, far="settle")
        case "three weeks":
            lives.time_passes(20 * 24)
        case "release":
            lives._try(passage, "release", conference=False, far="route")
        case "verify":
            lives.everything_arrives()
        case verb:
            lives._try(passage, verb, conference=False, far="settle")
