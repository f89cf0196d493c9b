"""The rig's table in ``docs/faults.md``: kills at every gap, and what was counted afterwards."""

import os
import platform
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from broker.faults import GAPS
from tests.rig.counting import Counts
from tests.rig.parts import ANY_MOMENT, Deaths

PAGE: Final = Path(__file__).parents[2] / "docs" / "faults.md"
_BEGIN, _END = "<!-- kills -->\n", "<!-- end of kills -->\n"


def table(deaths: Deaths, gaps: Iterable[tuple[str, int]], counts: Counts) -> str:
    """Everything there is to say about one run, as Markdown."""
    moments = sorted({kind for kind, gap, _ in deaths.kills if gap == ANY_MOMENT})
    rows = [
        *((kind, f"{gap}: {GAPS[kind][gap]}", gap) for kind, gap in gaps),
        *((kind, "any moment", ANY_MOMENT) for kind in moments),
    ]
    lines = [
        f"| {kind} | {where} | {deaths.at(kind, gap)} | {_whom(deaths, kind, gap)} |"
        for kind, where, gap in rows
    ]
    counted = [
        ("events accepted", counts.accepted),
        ("deliveries in the readers' ledgers", counts.deliveries),
        ("entries in the board's trail", counts.audit_entries),
        ("children whose case moved to another area meanwhile", counts.moves_closed),
        ("lost", len(counts.lost)),
        ("applied twice", len(counts.doubled)),
        ("out of note order", len(counts.out_of_order)),
        ("accepted and not in the trail exactly once, or a hole in it", len(counts.not_in_audit) + len(counts.audit_gaps)),
        ("routine events that left a trace (P12)", len(counts.routine_left)),
        ("failed, returned or stuck", len(counts.failed) + len(counts.returned) + len(counts.moves_open)),
        ("processes that ended though nobody killed them", len(deaths.unordered)),
    ]  # fmt: skip
    head = (
        f"`python -m tests.rig`, {datetime.now(UTC):%d %B %Y}: {deaths.rounds:,} kills;"
        f" {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}.\n"
    )
    return "\n".join(
        [
            head,
            "| process | killed at gap | kills | of which |\n|---|---|---|---|",
            *lines,
            "\n| counted afterwards, from authors' and readers' own records | |\n|---|---|",
            *(f"| {what} | {number:,} |" for what, number in counted),
            "",
        ]
    )


def write(page: Path, text: str) -> None:
    """Put the table in its place on the page. Raises ValueError for a page that has no place for it."""
    before, _, rest = page.read_text("utf-8").partition(_BEGIN)
    _, marked, after = rest.partition(_END)
    if not marked:
        raise ValueError(f"{page} has no place for the table: {_BEGIN.strip()} ... {_END.strip()}")
    page.write_text(f"{before}{_BEGIN}{text}{_END}{after}", "utf-8")


def _whom(deaths: Deaths, kind: str, gap: int) -> str:
    names: Sequence[tuple[str, int]] = sorted(
        (name, count) for (whose, where, name), count in deaths.kills.items() if (whose, where) == (kind, gap)
    )
    return (
        "" if [name for name, _ in names] == [kind] else ", ".join(f"{name} {count}" for name, count in names)
    )
