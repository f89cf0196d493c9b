"""Who keeps which clock of the policy: what starts it and what meets it, as far as anybody here can see.

The router is blind: it keeps what follows from classes and actions alone. What only an event's content says is kept by
the gateways that read it, each for itself, by the same rule. What nobody can see says so in the data.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from schemas.deadlines import FACTS, ClockRule, Fact, Moment


class Keeper(StrEnum):
    """Where a clock runs."""

    ROUTER = "router"
    GATEWAY = "gateway"
    NOBODY = "not observed"


_OVER: Final = "the handover being over"
_HELD: Final = "the conference being held"
ROUTER_KEPT: Final[Mapping[str, str]] = {
    "release-unplanned": f"the release, or {_OVER}",
    "release": f"the release, or {_OVER}",
    "accept": "an acceptance or a decline",
    "accept-again": "an acceptance or a decline",
    "conference": _HELD,
    "conference-written": _HELD,
    "conference-accepted": _HELD,
    "conference-permanence": _HELD,
    "temporary-review": f"a signed word that it still is a stay, the case being asked to pass, or {_OVER}",
    "grant-at-once": "every ordered event being granted, or a signed refusal",
    "grant": "every ordered event being granted, or a signed refusal",
    "refusal": "a person's signed word on the refusal: shared after all, or upheld",
    "contest": "a contest; unmet, the acceptance stands",
    "respond": "being asked again, or a withdrawal",
    "dispute": "any step; unmet, the heads of service must settle it",
    "heads-of-service": "a settlement by either area's signed step",
    "chairs": "a settlement by either area's signed step",
    "return-or-retain": "the signed decision",
    "hidden-hold": "running out, at the end of that quarter of a day, or the new area's signed word that lifts the marker",
}
"""What meets each clock that the router keeps, by its key: a handover's own, started and met by signed actions."""

TOLD: Final = frozenset({*Moment, Fact.PREFILLED})
"""The facts that a gateway learns, too: the router tells both front doors of them, or it sees them itself."""


def keeper(rule: ClockRule) -> Keeper:
    """Who keeps a clock."""
    if rule.not_observed is not None:
        return Keeper.NOBODY
    if rule.key in ROUTER_KEPT:
        return Keeper.ROUTER
    # A fact that only the router sees starts nothing at a gateway.
    return Keeper.NOBODY if set(rule.starts) & (FACTS - TOLD) else Keeper.GATEWAY


def met_words(rule: ClockRule) -> str:
    """What meets a clock, in words."""
    if rule.not_observed is not None:
        return f"not started here: {rule.not_observed}"
    if rule.key in ROUTER_KEPT:
        return ROUTER_KEPT[rule.key]
    said = [f"`{kind}`" for kind in rule.met_by]
    says = f" ({', '.join(condition_words(one) for one in rule.met_when)})" if rule.met_when else ""
    if said and says:
        said = [f"{' or '.join(said)}{says}"]
    if rule.met_at:
        said = [f"{' or '.join(said)} ({rule.met_at.replace('_', ' ')})"]
    if rule.met_by_correction:
        said.append("an event of its author that supersedes it and gives both")
    if rule.met_when_opened_by:
        kinds = " or ".join(kind.value.replace("_", " ") for kind in rule.met_when_opened_by)
        said.append(f"{kinds} having opened it")
    over = [f"over with {' or '.join(f'`{kind}`' for kind in rule.over_by)}{says}"] if rule.over_by else []
    return "; ".join([" or ".join([*said, "a person's word"]), *over])


def condition_words(condition: str) -> str:
    """A condition of a rule as people read it: ``emergency is true``, ``ground is not other school``."""
    name, sign, value = condition.partition("!=") if "!=" in condition else condition.partition("=")
    said = f"{name.replace('.', ', ')} {'is not' if sign == '!=' else 'is'} {value}"
    return said.replace("_", " ")
