"""The questions that a board asks of its node: ``CATALOGUE`` names them, ``ask`` records and answers one.

    answer = ask(home, store, asker, purpose, "Q3", {"since": "2026-01-01"}, system_clock())

A question about a protected child raises ``NeedsApprovalError``; another person's ``approve`` lets it be asked again.
``Answer`` is what may be shown; ``cell_text`` says how; ``to_json`` is the same for machines.
"""

from broker.board.questions.answer import (
    Answer,
    BadQuestionError,
    Cell,
    Column,
    Mark,
    NeedsApprovalError,
    NotAnsweredError,
    Proof,
    Question,
    Role,
    Takes,
    Unit,
    cell_text,
    to_json,
)
from broker.board.questions.approving import approve, waiting
from broker.board.questions.asking import ask
from broker.board.questions.catalogue import CATALOGUE

__all__ = [
    "CATALOGUE",
    "Answer",
    "BadQuestionError",
    "Cell",
    "Column",
    "Mark",
    "NeedsApprovalError",
    "NotAnsweredError",
    "Proof",
    "Question",
    "Role",
    "Takes",
    "Unit",
    "approve",
    "ask",
    "cell_text",
    "to_json",
    "waiting",
]
