"""Attendance as rules read it: exact shares, and spells of low attendance of which only the beginning is news. Pure."""

from collections.abc import Callable, Sequence

from adapters.gateway.cues.facts import Fact
from adapters.gateway.cues.windows import in_order, of_type


def attended_below(fact: Fact, percent: int) -> bool:
    """Whether fewer than so many per cent of the sessions were attended: exactly so many is not fewer."""
    possible, attended = _sessions(fact)
    return possible > 0 and 100 * attended < percent * possible


def missed_at_least(fact: Fact, percent: int) -> bool:
    """Whether so many per cent of the sessions were missed, or more."""
    possible, attended = _sessions(fact)
    return possible > 0 and 100 * (possible - attended) >= percent * possible


def in_words(fact: Fact) -> str:
    """The newest figures: ``101 of 119 sessions attended``."""
    possible, attended = _sessions(fact)
    return f"{attended} of {possible} sessions attended"


def spells(facts: Sequence[Fact], sessions: int, low: Callable[[Fact], bool]) -> list[list[Fact]]:
    """Runs of summaries that are low, one after the other; what counts too few sessions neither makes nor ends one."""
    runs: list[list[Fact]] = []
    going = False
    for fact in in_order(of_type(facts, "attendance.summary")):
        if _sessions(fact)[0] < sessions:
            continue
        if low(fact):
            if going:
                runs[-1].append(fact)
            else:
                runs.append([fact])
        going = low(fact)
    return runs


def _sessions(fact: Fact) -> tuple[int, int]:
    return int(fact.said.get("possible", 0)), int(fact.said.get("attended", 0))
