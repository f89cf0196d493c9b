"""Boards that may hold bands of children's characteristics, as a partnership decides it."""

from datetime import date

from schemas.policy import Policy
from schemas.rules import BandsRule
from tests.support.exchange import Exchange


def with_bands(policy: Policy) -> Policy:
    """The policy with that decision."""
    decided = BandsRule(decided_on=date(2026, 2, 1), document="example only")
    whole = {name: getattr(policy, name) for name in Policy.model_fields}
    return Policy.model_validate(whole | {"board_bands": decided})


def agree_on_bands(it: Exchange) -> None:
    """The operator adopts it; homes have it at once."""
    it.issuer().adopt_policy(with_bands(it.directory.policy))
