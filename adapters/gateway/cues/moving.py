"""Rules about change: somebody new in the home, moves, and an ending that comes soon after either. Pure."""

from collections.abc import Collection, Iterator, Sequence
from datetime import date, timedelta

from adapters.gateway.cues.facts import Fact
from adapters.gateway.cues.findings import Finding, found
from adapters.gateway.cues.windows import clusters, in_order, of_type
from broker.calendars import add_working_days
from schemas.cues import CueRule

_MOVES = ("move.notified", "move.destination_withheld", "temp_accommodation.placed")
_NOT_BY_CHOICE = frozenset({"safety", "placement"})
_NEWS = ("da.incident", "concern.raised")


def new_adults(facts: Sequence[Fact]) -> list[Fact]:
    """Each time that an adult came into the home, or into the family's life."""
    return [fact for fact in of_type(facts, "household.changed") if fact.said["new_adult"]]


def address_changes(facts: Sequence[Fact]) -> list[Fact]:
    """Moves that are one: not to the same place, nor a place that was told before, in whatever spelling (K30)."""
    moves = []
    at = ""
    for fact in in_order(of_type(facts, *_MOVES)):
        here, there = fact.said["from"], fact.said["to"]
        if there and there in {here, at}:
            continue
        moves.append(fact)
        at = there or at
    return moves


def moving_away(facts: Sequence[Fact], rule: CueRule, _today: date) -> Iterator[Finding]:
    """K18 [P-WYK]: many addresses in a year, or a move soon after a plan or an enquiry began."""

    def enough(some: Collection[Fact]) -> bool:
        return len(_addresses(some)) >= (rule.count or 1)

    moves = address_changes(facts)
    for run in clusters(moves, rule.days or 0, enough):
        yield found(rule.key, f"{len(_addresses(run))} addresses, {rule.count} within {rule.days} days.", run)
    chosen = [fact for fact in of_type(moves, "move.notified") if fact.said["reason"] not in _NOT_BY_CHOICE]
    for begun in of_type(facts, "plan.opened", "assessment.started"):
        if begun.type == "assessment.started" and not begun.said["enquiry"]:
            continue
        last = add_working_days(begun.on, rule.working_days or 0)
        after = [move for move in chosen if begun.on <= move.on <= last]
        if after:
            words = f"A move within {rule.working_days} working days of a plan or an enquiry."
            yield found(rule.key, words, [begun, *after])


def _addresses(moves: Collection[Fact]) -> set[str]:
    return {fact.said[end] for fact in moves for end in ("from", "to")} - {""}


def closing_after_a_change(facts: Sequence[Fact], rule: CueRule, _today: date) -> Iterator[Finding]:
    """K14 [SCR-GEO]. That a case is closed because the family has moved is no reason; all else that changed is."""
    moves = address_changes(facts)
    for closed in of_type(facts, "plan.closed"):
        since = closed.on - timedelta(days=rule.days or 0)
        changes = [*new_adults(facts), *of_type(facts, *_NEWS)]
        changes += [] if closed.said.get("reason") == "RC5" else moves
        recent = [fact for fact in changes if since <= fact.on <= closed.on]
        if recent:
            words = f"A plan was closed within {rule.days} days of a significant change."
            yield found(rule.key, words, [closed, *recent])
