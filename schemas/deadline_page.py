"""Writes ``docs/deadlines.md``: every clock of the default policy and every ladder, as people read them."""

from collections.abc import Iterable, Iterator
from typing import Final

from schemas.deadlines import RUNGS, ClockRule, LadderRule, Moment, cited
from schemas.default_policy import default_policy
from schemas.keeping import condition_words, keeper, met_words
from schemas.policy import Policy

_INTRO: Final = """# Deadlines

Made by `make schemas` from `schemas/default_policy/deadlines.toml`; a change of practice is a change of that data, signed
with the directory. Keys in brackets are sources of practice and law; *policy default* is what the design adds.

- **Due dates** are reckoned once, by whoever keeps the clock, and shown to both sides in the same words.
- **Working days** leave out weekends and the bank holidays of the division (England and Wales, Scotland, Northern
  Ireland) of the area that owes. **School days** are those of the terms that the area has published in the directory; an
  area without terms gets the answer *not known*, never a guess. **Days beginning with** count the first day. Where a
  source says only "days", calendar days count: never later than it may mean.
- **Starts** are what the router has seen, at its own commit; a name in backquotes is the type of an event, and a date in
  parentheses is one that the event names and law or guidance counts from.
- **Kept by** the *router* from signed actions alone, or by each *gateway* that reads the event, for itself and by the same
  rule: the router does not know what happened, so it cannot start those. The owner's people are told by the owner's
  gateway; the other side's gateway shows the same due date and reason (`handrail gateway clocks list`). *A person's word* is
  `handrail gateway clocks met`. *Not observed* says why nothing here starts it: somebody must keep it elsewhere.
- **Missing papers are a reason beside the date, not a pause.** Late is late, also if nothing ran when it fell due.
- A **local** clock runs where an area has switched it on. For the transfer-in conference the one from *being notified* is
  always shown and reported first; an area's own clock stands beside it.
"""
_MOMENTS: Final = {
    Moment.MOVE_KNOWN: "the router took the first report of the move",
    Moment.NOTIFIED: "the new area's front door was told, which is at once",
    Moment.WRITTEN_PACK_RECEIVED: "the new area's gateway had the whole history and had checked it",
    Moment.ACCEPTED: "the new area's person accepted",
    Moment.PERMANENCE_AGREED: "the new area has accepted, and a person of the old one has released: both say that it is for good",
    Moment.RESPONSIBILITY_ACCEPTED: "the new area took responsibility: it holds the case from then on",
}


def page() -> str:
    """The whole page, of the default policy alone."""
    policy = default_policy()
    parts = [_INTRO, "## The six moments of a handover\n", *_moments(), "## Clocks\n", *_clocks(policy)]
    parts += ["## Ladders\n", _LADDERS, *_ladders(policy.ladders)]
    return "\n".join(parts)


_LADDERS: Final = """Who is told of something owed, and when, before (-) or after it falls due. Contacts are the member's own, from the
directory, for day, night and holidays; a rung without a contact passes to the next one up. An acknowledgement keeps the
next rung from being told for a while; it stops no clock.
"""


def _moments() -> Iterator[str]:
    yield "| moment | when |\n|---|---|"
    yield "\n".join(f"| `{moment.value}` | {_MOMENTS[moment]} |" for moment in Moment) + "\n"


def _clocks(policy: Policy) -> Iterator[str]:
    yield _table(
        ("clock", "what is owed", "by", "to", "limit", "kept by", "met by", "ladder", "in force", "source"),
        (
            (
                f"`{clock.key}`",
                clock.owed,
                _whose(clock),
                clock.to,
                clock.reason.removesuffix(f" {cited(clock.source)}") + _only_if(clock) + _repeated(clock),
                keeper(clock).value,
                met_words(clock),
                clock.ladder,
                _in_force(clock),
                cited(clock.source),
            )
            for clock in policy.clocks
        ),
    )


def _ladders(ladders: Iterable[LadderRule]) -> Iterator[str]:
    yield _table(
        ("ladder", *(rung.replace("_", " ") for rung in RUNGS), "an acknowledgement holds"),
        (
            (
                f"{ladder.name} (not paced)" if ladder.urgent else ladder.name,
                *(
                    next((_span(one.minutes) for one in ladder.rungs if one.rung == rung), "")
                    for rung in RUNGS
                ),
                _span(ladder.held_minutes),
            )
            for ladder in ladders
        ),
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _whose(clock: ClockRule) -> str:
    side = {"from": "old area", "to": "new area", "acting": "own area"}.get(
        clock.side.value, clock.side.value
    )
    if clock.of_author:
        return "whoever says it"
    if clock.each_involved:
        return f"each {clock.by.value.replace('_', ' ')} that works with the child, {side}"
    return f"{clock.by.value.replace('_', ' ')}, {side}"


def _only_if(clock: ClockRule) -> str:
    said = [condition_words(one) for one in clock.when]
    if clock.on_plan is not None:
        said.append(f"a {clock.on_plan.value.replace('_', '-')} plan is open on record")
    if clock.unless:
        begun, *ended = (f"`{kind}`" for kind in clock.unless)
        said.append(f"{begun} was not said before" + (f", or {' or '.join(ended)} since" if ended else ""))
    return f", where {' and '.join(said)}" if said else ""


def _repeated(clock: ClockRule) -> str:
    return f"; {clock.times} times in a row" if clock.times > 1 else ""


def _in_force(clock: ClockRule) -> str:
    if clock.awaiting_commencement:
        return "awaits commencement"
    span = [f"from {clock.in_force_from}"] if clock.in_force_from else []
    span += [f"until {clock.in_force_until}"] if clock.in_force_until else []
    return ", ".join([*span, *(["local"] if clock.local else [])]) or "yes"


def _span(minutes: int) -> str:
    if minutes == 0:
        return "at once"
    for size, unit in ((1440, "d"), (60, "h")):
        if minutes % size == 0:
            return f"{minutes // size} {unit}"
    return f"{minutes} min"
