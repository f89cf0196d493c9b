"""What each stage of a handover means, in the words that both sides, the board and the page for managers read."""

from collections.abc import Mapping
from typing import Final

from schemas.handover import WITHHELD, HandoverView

PASSES: Final = "passes"
"""``reason`` of an ASK: the case is to pass to the new area."""
STAYS: Final = "stays"
"""``reason`` of an ASK: the child only stays or is placed there; the case stays where it is."""

MEANS: Final[Mapping[str, str]] = {
    "noticed": "{new} knows that the child is there and must keep it safe; {old} holds the case and has not released the history.",
    "released": "{old} holds the case and has released the history, which is on its way to {new}.",
    "verified": "{old} holds the case; {new} has the whole history and has checked it.",
    "provisional": "{new} has accepted, and nobody else says yet that the child is there: {old} holds the case "
    "and may contest that within one working day; then the acceptance stands.",
    "accepted": "{new} holds the case; the plan of {old} stays until the transfer-in conference has been held.",
    "declined": "{new} has declined the case; {old} holds it and must answer. Whoever has the child keeps it safe all the same.",
    "disputed": "The areas do not agree, or nobody has moved it on: the heads of service settle it, then the chairs. "
    "Meanwhile {old} holds the case.",
    "staying": "{old} holds the case and says that the child only stays in the other area, or is placed there; {new} "
    "must keep it safe. Whether it is still a stay is looked at again by a date.",
    "withdrawn": "{old} has taken the handover back and holds the case.",
    "closed": "{new} holds the case; the handover is complete.",
    "superseded": "Nobody is waited for here any more: another area has the case, or two records were not one child.",
}
"""``old`` and ``new`` are the two areas."""
OVER: Final = frozenset({"withdrawn", "closed", "superseded"})
ELSEWHERE: Final = (
    "But the child has been reported in {safety} since: now {safety} must keep it safe, not {new}."
)
"""Beside what a stage means, where the child has moved on or is back and the handover stands as it stood."""


def meaning(view: HandoverView, names: Mapping[str, str]) -> str:
    """What a handover's stage means, and whether the child is where it leads; ``names``: of areas, by code."""
    old, new, safety = (names.get(area, area) for area in (view.from_area, view.to_area, view.safety))
    said = MEANS.get(view.state, view.state).format(old=old, new=new)
    if view.state in OVER or view.safety in {view.to_area, WITHHELD}:
        return said
    return f"{said} {ELSEWHERE.format(safety=safety, new=new)}"


KEPT: Final[Mapping[str, str]] = {
    "owed": "The case did not pass, and {new} was given the history: a person there must decide to return or to retain it.",
    "return": "{new} has returned the history that it was given.",
    "retain": "{new} retains the history that it was given, with its reason.",
}
"""By what the view says under ``keeping``."""
