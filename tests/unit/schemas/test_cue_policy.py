"""Cues as policy data: each rule has the numbers that it needs and no others, and is said once."""

from typing import Any

import pytest
from pydantic import ValidationError

from schemas.cues import NEEDS, CuePolicy, CueRule, LocalCue, in_area
from schemas.default_policy import default_policy

RULE: dict[str, Any] = {
    "key": "k2",
    "finds": "{count} in {days} days",
    "asks": "Why?",
    "count": 2,
    "days": 60,
    "source": ("ours",),
}


def test_the_default_policy_has_each_rule_that_a_gateway_computes() -> None:
    cues = default_policy().cues
    assert cues is not None

    assert [*NEEDS] == [rule.key for rule in cues.rules]
    assert not any("{" in rule.looks_for for rule in cues.rules)


@pytest.mark.parametrize(
    "wrong",
    [{"days": None}, {"percent": 85}, {"count": 0}, {"key": "two"}, {"source": ()}, {"days": 800}],
    ids=["one too few", "one too many", "none", "no key", "no source", "longer than facts are kept"],
)
def test_a_rule_without_its_numbers_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CueRule(**(RULE | wrong))


def test_a_rule_said_twice_is_refused() -> None:
    rule = CueRule(**RULE)

    with pytest.raises(ValidationError, match="k2 twice"):
        CuePolicy(per_week=3, look_within=5, rules=(rule, rule))


def test_what_a_rule_does_not_say_is_not_written_and_nought_is() -> None:
    written = CueRule(**(RULE | {"look_within": 0})).model_dump(mode="json")

    assert 0 == written["look_within"]
    assert {"percent", "plans", "without_case"}.isdisjoint(written)
    assert CueRule.model_validate_json(CueRule(**RULE).model_dump_json()) == CueRule(**RULE)


def test_an_areas_numbers_stand_in_for_the_policys_and_a_rule_nobody_computes_is_left_out() -> None:
    unknown = CueRule(key="k30", finds="?", asks="?", count=9, source=("ours",))
    [rule] = in_area((CueRule(**RULE), unknown), (LocalCue(key="k2", days=30, look_within=0),))

    assert (2, 30, True) == (rule.count, rule.days, rule.urgent)


def test_a_policy_from_before_there_were_cues_stays_what_it_is() -> None:
    before = default_policy().model_copy(update={"cues": None})

    assert "cues" not in before.model_dump(mode="json")
