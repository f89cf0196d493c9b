"""What a rule finds: the events it rests on, in whose light it would be said again, and the reason in words. Values only."""

from collections.abc import Iterable
from dataclasses import dataclass

from adapters.gateway.cues.facts import Fact


@dataclass(frozen=True, slots=True)
class Finding:
    """``grounds`` is what makes it new: a cue that was settled comes again only where there is one more.

    ``fresh`` are those of the grounds that are news and no part of a history; ``cased`` those about a child with an
    open matter.
    """

    rule: str
    words: str
    events: tuple[bytes, ...]
    grounds: frozenset[bytes]
    fresh: frozenset[bytes]
    cased: frozenset[bytes]


def found(rule: str, words: str, facts: Iterable[Fact], old: Iterable[Fact] = ()) -> Finding:
    """A finding that rests on these; of them, ``old`` say nothing that was not said before."""
    rests_on = sorted(facts, key=lambda fact: (fact.on, fact.event))
    stale = {fact.event for fact in old}
    new = [fact for fact in rests_on if fact.event not in stale]
    return Finding(
        rule=rule,
        words=words,
        events=tuple(fact.event for fact in rests_on),
        grounds=frozenset(fact.event for fact in new),
        fresh=frozenset(fact.event for fact in new if not fact.history),
        cased=frozenset(fact.event for fact in new if fact.child is not None),
    )
