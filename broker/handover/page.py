"""Writes the part of ``docs/handover.md`` that the code decides: the diagram of the states, and what each of them means."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from broker.handover import machine
from broker.handover.machine import HANDOVER_ACTIONS, Handover, Keeping, Kind, Moved, State
from schemas.control import Action, ActionKind
from schemas.deadlines import cited
from schemas.default_policy import default_policy
from schemas.handover_words import MEANS, PASSES, STAYS
from schemas.kinds import Terms
from schemas.wire import Urgency

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "handover.md"
KINDS_BEGIN: Final = "<!-- kinds, made from the policy: begin -->"
KINDS_END: Final = "<!-- kinds, made from the policy: end -->"
BEGIN: Final = "<!-- made by the code: begin -->"
END: Final = "<!-- made by the code: end -->"
_START: Final = Handover(
    handover=bytes(16),
    child=bytes(16),
    origin=bytes(16),
    from_area="old",
    to_area="new",
    kind=Kind.MOVE,
    state=State.NOTICED,
    evidence=bytes(16),
    urgency=Urgency.U2,
    opened_ms=0,
    changed_ms=0,
)
_CASE: Final = {
    Terms.PASSES: "The case passes when a person of the new area accepts.",
    Terms.STAYS: "The case stays where it is until the old area asks for it to pass, or withdraws.",
    Terms.INSIDE: "The case stays in the area.",
    Terms.OUTSIDE: "The case stays where it is.",
}
_BY_ITSELF: Final = {
    "one working day without contest": machine.uncontested,
    "somebody else reports the child there": machine.corroborated,
    "ten working days": machine.waited_too_long,
}


def arrows() -> list[tuple[str, str, str]]:
    """Every change of state that any run of actions, reports and times can bring about: from, to, by what."""
    found: set[tuple[str, str, str]] = set()
    seen: set[Handover] = set()
    todo = [_START, replace(_START, confirmed=True)]
    while todo:
        before = todo.pop()
        if before in seen:
            continue
        seen.add(before)
        for what, after in _steps(before):
            if after.state is not before.state:
                found.add((before.state.value, after.state.value, what))
            # Beyond the second decline nothing is new; the rest of a handover is a handful of yes and no.
            todo.append(replace(after, changed_ms=0, declines=min(after.declines, 2)))
    return sorted(found)


def _steps(before: Handover) -> Iterator[tuple[str, Handover]]:
    for kind in sorted(HANDOVER_ACTIONS):
        side = "old" if machine.side_of(kind, before) == before.from_area else "new"
        for reason, conference in (("retain", False), ("retain", True), (STAYS, False), (PASSES, False)):
            match machine.step(before, Action(kind, reason=reason, conference=conference), 0):
                case Moved(after):
                    terms = f", {reason}" if kind is ActionKind.ASK else ""
                    yield f"{side} area: {kind.value}{terms}", after
    for what, happens in _BY_ITSELF.items():
        match happens(before, 0):
            case Moved(after):
                yield what, after
    other = machine.after_acceptance(before, "third", "third", 0)
    if other != before:
        yield "another area takes the case", other


def made() -> str:
    """The diagram and the table, as they stand on the page."""
    together: dict[tuple[str, str], list[str]] = {}
    for start, end, what in arrows():
        together.setdefault((start, end), []).append(what)
    lines = [
        "```mermaid",
        "stateDiagram-v2",
        "    [*] --> noticed: a move is reported, or two areas have a plan",
    ]
    lines += [f"    {start} --> {end}: {', or '.join(whats)}" for (start, end), whats in together.items()]
    lines += [f"    {state.value} --> [*]" for state in State if state in machine.OVER]
    lines += ["```", "", "| State | Who holds the case, and what is waited for |", "|---|---|"]
    for state in State:
        means = MEANS[state.value].format(old="the old area", new="the new area")
        lines.append(f"| `{state.value}` | {means[0].upper()}{means[1:]} |")
    lines += [
        "",
        f"What becomes of a history that was read: {', '.join(f'`{one.value}`' for one in Keeping)}.",
    ]
    return "\n".join(lines)


def kinds() -> str:
    """One short section for each kind of handover of the default policy."""
    policy = default_policy()
    owed = {clock.key: clock.owed for clock in policy.clocks}
    parts = []
    for rule in policy.kinds:
        opened = (
            ", ".join(f"`{kind}`" for kind in rule.opened_by) or "a report of the move, and a person's word"
        )
        clocks = "; ".join(f"{owed[key]} (`{key}`)" for key in rule.clocks)
        parts.append(
            f"### {rule.title} (`{rule.kind.value}`)\n{rule.happens}\n\n"
            f"- **Never:** {rule.never}\n- Opened by {opened}. {_CASE[rule.terms]}\n- Clocks: {clocks}. {cited(rule.source)}\n"
        )
    return "\n".join(parts)


def written(page: str) -> str:
    """The page with those parts brought up to date."""
    page = _between(page, KINDS_BEGIN, KINDS_END, kinds())
    return _between(page, BEGIN, END, made())


def _between(page: str, begin: str, end: str, made_now: str) -> str:
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n{made_now}\n{end}{after}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
