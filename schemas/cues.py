"""Cues as data: which rule asks a case holder to think again, with which numbers, and how many cues are too many.

Every number is a default that an area may set for itself; where a source is named, the rule says which.
A cue is a prompt to a person, with its reason and the events it rests on. It is never a score.
"""

import re
from enum import StrEnum
from typing import Annotated, Any, Final, Self

from pydantic import Field as Of
from pydantic import SerializerFunctionWrapHandler, StringConstraints, model_serializer, model_validator
from pydantic_core import PydanticCustomError

from schemas.base import Line, Wire
from schemas.codes.cases import PlanKind, Theme

CueKey = Annotated[str, StringConstraints(pattern=r"^k[1-9][0-9]?$")]
"""The number of a rule in the list of them: ``k2``."""
SEVERAL: Final = "several"
"""Stands for the rule of a cue that names what several rules found."""
KIND: Final = "cue."
"""What the kind of an obligation begins with that is a cue; the rule's key follows."""

NEEDS: Final[dict[str, frozenset[str]]] = {
    "k1": frozenset(),
    "k2": frozenset({"count", "days"}),
    "k3": frozenset({"percent", "sessions"}),
    "k4": frozenset({"percent", "severe_percent", "sessions"}),
    "k8": frozenset({"count", "days", "months"}),
    "k9": frozenset({"count", "days", "providers"}),
    "k13": frozenset(),
    "k14": frozenset({"days"}),
    "k15": frozenset({"count"}),
    "k18": frozenset({"count", "days", "working_days"}),
    "k19": frozenset({"count", "days", "percent", "sessions"}),
    "k20": frozenset({"count", "days"}),
    "k23": frozenset({"days", "percent", "sessions"}),
    "k27": frozenset({"count"}),
    "k28": frozenset({"days"}),
}
"""The rules that a gateway computes, and the numbers that each must be given. Of another key a gateway makes nothing."""


class DismissReason(StrEnum):
    """Why a person dismisses a cue. The code reaches the boards, words beside it never do."""

    KNOWN = "known"
    """It was weighed before, and the record says so."""
    EXPLAINED = "explained"
    """There is an explanation, and it was checked."""
    NOT_SO = "not-so"
    """What the cue rests on is wrong, or about another child."""
    IN_HAND = "in-hand"
    """Somebody is on it already."""
    OTHER = "other"
    """In words, which stay here."""


class CueNumbers(Wire):
    """Numbers of one rule. What a rule does not need is not given."""

    count: int | None = Of(default=None, ge=1, le=60)
    """How many make a reason."""
    days: int | None = Of(default=None, ge=1, le=731)
    """Calendar days between the first and the last of them, at most; both ends count."""
    working_days: int | None = Of(default=None, ge=0, le=60)
    months: int | None = Of(default=None, ge=1, le=60)
    """The child's age in months, not reached."""
    providers: int | None = Of(default=None, ge=1, le=20)
    """Different ones, at least."""
    percent: int | None = Of(default=None, ge=1, le=100)
    """Of sessions attended (K3, K19, K23: fewer than this), or missed (K4: this or more)."""
    severe_percent: int | None = Of(default=None, ge=1, le=100)
    sessions: int | None = Of(default=None, ge=1, le=400)
    """Possible sessions (half days) below which a share says nothing."""
    look_within: int | None = Of(default=None, ge=0, le=60)
    """Working days in which a person is to look at the cue; 0: at once. None: as the budget says."""

    @model_serializer(mode="wrap")
    def _what_it_says(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        document: dict[str, Any] = handler(self)
        # Nought working days says something; what is empty, or not so, does not.
        return {name: value for name, value in document.items() if value or type(value) is int}


class CueRule(CueNumbers):
    """One rule: what it looks for is the program's, its numbers and words are data."""

    key: CueKey
    finds: Line
    """What it looks for, in words; ``{days}`` and the like stand for its numbers."""
    asks: Line
    """What the person is asked, in one sentence."""
    plans: tuple[PlanKind, ...] = ()
    """Kinds of plan that count."""
    without_case: bool = False
    """Also raised about a child without an open matter, by the front door of where it lives."""
    themes: tuple[Theme, ...] = ()
    source: tuple[Line, ...] = Of(min_length=1)

    @model_validator(mode="after")
    def _has_its_numbers(self) -> Self:
        given = {name for name in CueNumbers.model_fields if getattr(self, name) is not None}
        needed = NEEDS.get(self.key)
        if needed is not None and given - {"look_within"} != needed:
            raise PydanticCustomError(
                "numbers",
                "needs exactly these numbers: {needed}",
                {"needed": ", ".join(sorted(needed)) or "none"},
            )
        return self

    @property
    def looks_for(self) -> str:
        """What it looks for, with its numbers in it."""
        numbers = {name: getattr(self, name) for name in CueNumbers.model_fields}
        return re.sub(r"{([a-z_]+)}", lambda found: str(numbers.get(found[1], found[0])), self.finds)

    @property
    def urgent(self) -> bool:
        """To be looked at as soon as it is there; no budget holds it back."""
        return self.look_within == 0


class LocalCue(CueNumbers):
    """An area's own practice for one rule: other numbers, or not at all."""

    key: CueKey
    off: bool = False


class CuePolicy(Wire):
    """The rules, how many cues about one child a person is given, and how soon they are to be looked at."""

    per_week: int = Of(ge=1, le=50)
    """About one child in seven days; what is beyond it stands together in one."""
    look_within: int = Of(ge=0, le=60)
    """Working days."""
    rules: tuple[CueRule, ...] = Of(min_length=1)

    @model_validator(mode="after")
    def _says_each_rule_once(self) -> Self:
        keys = [rule.key for rule in self.rules]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise PydanticCustomError("twice", "says cue {names} twice", {"names": ", ".join(twice)})
        return self


def in_area(rules: tuple[CueRule, ...], local: tuple[LocalCue, ...]) -> tuple[CueRule, ...]:
    """The rules with an area's own numbers. A number that a rule does not need changes nothing."""
    own = {one.key: one for one in local}
    return tuple(
        rule.model_copy(update=_numbers(rule, own.get(rule.key)))
        for rule in rules
        if rule.key in NEEDS and not (rule.key in own and own[rule.key].off)
    )


def _numbers(rule: CueRule, local: LocalCue | None) -> dict[str, int]:
    if local is None:
        return {}
    said = {name: getattr(local, name) for name in CueNumbers.model_fields}
    return {
        name: value
        for name, value in said.items()
        if value is not None and (name in NEEDS[rule.key] or name == "look_within")
    }
