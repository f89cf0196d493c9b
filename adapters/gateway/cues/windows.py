"""What lies close together in time: the one way in which several events become one reason. Pure."""

from collections.abc import Callable, Collection, Iterable, Sequence

from adapters.gateway.cues.facts import Fact


def in_order(facts: Iterable[Fact]) -> list[Fact]:
    """By the day they are about; on one day by id, so that the order of arrival changes nothing."""
    return sorted(facts, key=lambda fact: (fact.on, fact.event))


def clusters(
    facts: Iterable[Fact], days: int, enough: Callable[[Collection[Fact]], bool]
) -> list[list[Fact]]:
    """All runs of facts within ``days`` days (first to last) that are ``enough``; runs that share one are one."""
    ordered = in_order(facts)
    found: list[tuple[int, int]] = []
    end = 0
    for start, first in enumerate(ordered):
        while end < len(ordered) and (ordered[end].on - first.on).days <= days:
            end += 1
        if not enough(ordered[start:end]):
            continue
        if found and start < found[-1][1]:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return [list(ordered[start:end]) for start, end in found]


def of_type(facts: Sequence[Fact], *types: str) -> list[Fact]:
    """Those of these types."""
    return [fact for fact in facts if fact.type in types]
