"""An answer on paper: one child's sharing chronology, or any other answer, as PDF. Made for print, and for a file.

What is not this child's, or would name a person, was cut before: answers name organisations, never people, and other
children's records are no part of them.
"""

import unicodedata
from datetime import UTC, datetime
from typing import Final

from fpdf import FPDF

from broker.audit.words import uk_text
from broker.board.questions.answer import Answer, cell_text

_SIZE, _SMALL, _LARGE, _LINE = 10, 8, 14, 5
_PLAIN: Final = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "…": "..."})


class _Paper(FPDF):
    """Every page says what it is, and which of how many."""

    def __init__(self, foot: str, made: datetime) -> None:
        super().__init__()
        self._foot = foot
        self.set_creation_date(made)
        self.set_auto_page_break(True, margin=18)
        self.set_title(foot)
        self.set_lang("en-GB")

    def footer(self) -> None:
        """What the library calls at the end of each page."""
        self.set_y(-14)
        self.set_font("helvetica", size=_SMALL)
        self.cell(0, _LINE, f"{self._foot}   page {self.page_no()} of {{nb}}", align="C")

    def say(self, text: str, *, bold: bool = False, size: int = _SIZE) -> None:
        """A paragraph over the whole width; nothing is cut off."""
        self.set_font("helvetica", "B" if bold else "", size)
        self.multi_cell(0, _LINE + (size - _SIZE) / 2, printable(text), new_x="LMARGIN", new_y="NEXT")


def as_pdf(answer: Answer, *, asker: str, purpose: str) -> bytes:
    """The answer as a PDF. The same answer gives the same bytes."""
    made = datetime.fromtimestamp(answer.at_ms / 1000, UTC)
    paper = _Paper(printable(f"Question {answer.logged}, {uk_text(answer.at_ms)}"), made)
    paper.add_page()
    paper.say(f"{answer.key}: {answer.title}", bold=True, size=_LARGE)
    paper.say("Treat this as the case record that it is.")
    paper.ln(2)
    paper.say(
        f"Asked for: {answer.asked}. Asked by: {asker}, {uk_text(answer.at_ms)} (UK time). Purpose: {purpose}."
    )
    if not answer.measured:
        paper.say(f"Not measured: {answer.why_not}", bold=True)
    for line in answer.summary:
        paper.say(line)
    paper.ln(2)
    for row in answer.rows:
        _row(paper, answer, row)
    for line in (*answer.notes, f"Proof: {answer.proof.says}"):
        paper.say(line, size=_SMALL)
    if answer.proof.root is not None:
        paper.say(
            f"Log {answer.proof.origin}, {answer.proof.size} entries, root {answer.proof.root}.", size=_SMALL
        )
    return bytes(paper.output())


def _row(paper: _Paper, answer: Answer, row: tuple[object, ...]) -> None:
    """One line of the chronology: its first two cells as a heading, the others named one by one, empty ones left out."""
    shown = [
        (column.heading, cell_text(value, column))  # type: ignore[arg-type]
        for value, column in zip(row, answer.columns, strict=True)
    ]
    head, rest = shown[:2], [(heading, text) for heading, text in shown[2:] if text]
    paper.say("   ".join(text for _, text in head if text), bold=True)
    paper.say("; ".join(f"{heading.lower()}: {text}" for heading, text in rest))
    paper.ln(1)


def printable(text: str) -> str:
    """In the letters that every printer has: a letter beyond them is shown without its accent, or as a question mark."""
    plain = text.translate(_PLAIN)
    found = []
    for letter in plain:
        if letter.isprintable():
            bare = unicodedata.normalize("NFKD", letter)[0] if ord(letter) > 0xFF else letter  # noqa: PLR2004  Latin-1
            found.append(bare if ord(bare) <= 0xFF else "?")  # noqa: PLR2004
    return "".join(found)
