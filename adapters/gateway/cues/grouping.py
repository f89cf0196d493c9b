"""From what rules find to what a person is given: one cue for one reason, not too many in a week, none without grounds.

Pure. The same findings, in whatever order their events came, leave the same reasons named once each; what was settled
comes again only where something is new; what a history, or what came before there was a case, gives reason for by itself stands in one cue for all of it.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, TypeAlias

from adapters.gateway.cues.findings import Finding
from schemas import canonical
from schemas.cues import SEVERAL, CuePolicy, CueRule

WEEK_MS: Final = 7 * 24 * 3_600_000


class CueState(StrEnum):
    """How a cue stands. The values are kept and shown."""

    OPEN = "open"
    REAPPRAISED = "reappraised"
    DISMISSED = "dismissed"
    ENDED = "ended"
    """Its grounds are gone, or another area holds the case: nobody was to settle it any more."""


SETTLED: Final = frozenset({CueState.REAPPRAISED, CueState.DISMISSED})


@dataclass(frozen=True, slots=True)
class Part:
    """One rule's reason in a cue."""

    rule: str
    words: str
    events: tuple[bytes, ...]
    grounds: frozenset[bytes]


@dataclass(frozen=True, slots=True)
class Cue:
    """A prompt to a person. ``several``: it names what would have been too many one by one, or what a history gave.

    ``code``, ``words`` and ``by`` are of whoever dismissed it; ``settled_by`` is the event of the reappraisal.
    """

    id: bytes
    child: bytes
    """The router's handle, or a keyed pseudonym where the child had no open matter."""
    several: bool
    parts: tuple[Part, ...]
    raised_ms: int
    due_ms: int
    state: CueState = CueState.OPEN
    settled_ms: int | None = None
    code: str | None = None
    words: str | None = None
    by: str | None = None
    settled_by: bytes | None = None

    @property
    def rule(self) -> str:
        """The key of its rule."""
        return SEVERAL if self.several else self.parts[0].rule

    @property
    def open(self) -> bool:
        """Whether somebody is still to look at it."""
        return self.state is CueState.OPEN

    def ended(self, at_ms: int) -> "Cue":
        """Nobody is to settle it any more."""
        return replace(self, state=CueState.ENDED, settled_ms=at_ms)

    def to_bytes(self) -> bytes:
        """What is kept of it beside its id, child, state and times."""
        parts = [[one.rule, one.words, list(one.events), sorted(one.grounds)] for one in self.parts]
        return canonical.encode([self.several, parts, self.code, self.words, self.by, self.settled_by])


Due: TypeAlias = Callable[[int], int]
"""From working days to the moment by when somebody is to look, in milliseconds; 0 is now."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What reconciling goes by besides findings and cues."""

    child: bytes
    now_ms: int
    held: bool
    """This area holds the case."""
    cased: bool
    """The child has an open matter, by the newest of what came."""
    rules: Mapping[str, CueRule]
    policy: CuePolicy
    due: Due


def reconcile(findings: Sequence[Finding], cues: Sequence[Cue], moment: Moment) -> list[Cue]:
    """The cues that are new or have changed."""
    before = {cue.id: cue for cue in cues}
    now = dict(before)
    _end(findings if moment.held else [], now, moment.now_ms)
    for finding in findings if moment.held else []:
        _say(finding, now, moment)
    return [cue for id_, cue in now.items() if before.get(id_) != cue]


def _end(findings: Sequence[Finding], cues: dict[bytes, Cue], now_ms: int) -> None:
    """End what has no ground left; a cue of several keeps the parts that have one."""
    stands: dict[str, set[bytes]] = {}
    for finding in findings:
        stands.setdefault(finding.rule, set()).update(finding.grounds)
    for cue in list(cues.values()):
        if not cue.open:
            continue
        kept = tuple(one for one in cue.parts if one.grounds & stands.get(one.rule, set()))
        if not kept:
            cues[cue.id] = cue.ended(now_ms)
        elif kept != cue.parts:
            cues[cue.id] = replace(cue, parts=kept)


def _say(finding: Finding, cues: dict[bytes, Cue], moment: Moment) -> None:
    known = _settled(finding.rule, cues.values())
    new = finding.grounds - known
    for cue in cues.values():
        if cue.open and any(one.rule == finding.rule for one in cue.parts):
            cues[cue.id] = _joined(cue, finding, new)
            return
    rule = moment.rules[finding.rule]
    if not new or not (rule.without_case or moment.cased):
        return
    news = new & finding.fresh if rule.without_case else new & finding.fresh & finding.cased
    if news and (rule.urgent or _within_budget(cues.values(), moment)):
        cue = _cue([_part(finding)], moment, _look_within(rule, moment), several=False)
    else:
        cue = _among_several(finding, cues.values(), moment)
    cues[cue.id] = cue


def _settled(rule: str, cues: Iterable[Cue]) -> frozenset[bytes]:
    return frozenset(
        ground
        for cue in cues
        if cue.state in SETTLED
        for part in cue.parts
        if part.rule == rule
        for ground in part.grounds
    )


def _joined(cue: Cue, finding: Finding, new: frozenset[bytes]) -> Cue:
    """The same reason with what has come since. What is no news to a person who settled it joins nothing."""
    if not new:
        return cue
    return replace(
        cue, parts=tuple(_both(one, finding) if one.rule == finding.rule else one for one in cue.parts)
    )


def _both(part: Part, finding: Finding) -> Part:
    known = set(part.events)
    events = (*part.events, *(event for event in finding.events if event not in known))
    newer = finding.events[-1] not in known or finding.grounds >= part.grounds
    words = finding.words if newer else part.words
    return Part(part.rule, words, events, part.grounds | finding.grounds)


def _among_several(finding: Finding, cues: Iterable[Cue], moment: Moment) -> Cue:
    for cue in cues:
        if cue.open and cue.several:
            return replace(cue, parts=(*cue.parts, _part(finding)))
    return _cue([_part(finding)], moment, moment.policy.look_within, several=True)


def _within_budget(cues: Iterable[Cue], moment: Moment) -> bool:
    lately = [cue for cue in cues if not cue.several and cue.raised_ms > moment.now_ms - WEEK_MS]
    return len(lately) < moment.policy.per_week


def _look_within(rule: CueRule, moment: Moment) -> int:
    return moment.policy.look_within if rule.look_within is None else rule.look_within


def _part(finding: Finding) -> Part:
    return Part(finding.rule, finding.words, finding.events, finding.grounds)


def _cue(parts: list[Part], moment: Moment, within: int, *, several: bool) -> Cue:
    named = [moment.child, several, moment.now_ms, [[one.rule, sorted(one.grounds)] for one in parts]]
    id_ = hashlib.sha256(b"handrail cue\0" + canonical.encode(named)).digest()[:16]
    return Cue(id_, moment.child, several, tuple(parts), moment.now_ms, moment.due(within))
