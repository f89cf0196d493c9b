"""What was said of a child that stands in the way of a clock: early help that goes on, or the same clock running already.

Kept as keyed hashes beside what a clock's child is found by, for the types of event that a rule names and no others, and
forgotten when an event says that it has ended (P12).
"""

import hashlib
from collections.abc import Iterable

from broker.store.gateway.store import Work
from schemas.deadlines import ClockRule


def mind(work: Work, event_type: str, refs: Iterable[bytes], rules: Iterable[ClockRule]) -> None:
    """Keep, or forget, that such an event was said of the child."""
    for rule in rules:
        keys = [_of(rule, ref) for ref in refs]
        if event_type == rule.unless[0]:
            work.clocks.note(_of(rule, b""), keys)
        else:
            work.clocks.unnote(keys)


def stands(work: Work, rule: ClockRule, refs: tuple[bytes, ...], about: bytes) -> bool:
    """Whether a clock does not start for this child now. One that an event has started, it starts when it is read again."""
    if any(row.key == rule.key for row in work.clocks.about(about)):
        return False
    if rule.once and work.clocks.owed(rule.key, refs):
        return True
    return bool(rule.unless) and bool(work.clocks.noted([_of(rule, ref) for ref in refs]))


def _of(rule: ClockRule, ref: bytes) -> bytes:
    return hashlib.sha256(f"unless {rule.unless[0]}\0".encode() + ref).digest()[:16]
