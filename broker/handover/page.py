"""Writes the part of ``docs/handover.md`` that the code decides: the diagram of the states, and what each of them means."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from broker.handover import machine
from broker.handover.machine import HANDOVER_ACTIONS, Handover, Keeping, Kind, Moved, State
from schemas.control import Action
from schemas.handover_words import MEANS
from schemas.wire import Urgency

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "handover.md"
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
        for conference in (False, True):
            match machine.step(before, Action(kind, reason="retain", conference=conference), 0):
                case Moved(after):
                    yield f"{side} area: {kind.value}", after
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


def written(page: str) -> str:
    """The page with that part brought up to date."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{made()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
