"""The questions that a board can ask, by their keys (domain: what a board asks of an audit log)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from broker.board.questions import child, moves
from broker.board.questions.answer import Question, Takes

_ALL: Final = (
    Question(
        "Q1",
        "Every share about a child",
        "What kind of thing, from whom, to whom, why, and when it was sent, delivered, opened and taken on.",
        child.shares,
        takes=(Takes.CHILD, Takes.PERIOD),
        needs=(Takes.CHILD,),
    ),
    Question(
        "Q3",
        "From a move being known to the receiving area opening it",
        "Median and 90th centile in hours, by the kind of agency that knew of the move first.",
        moves.known_to_opened,
        aggregate=True,
    ),
)

CATALOGUE: Final[Mapping[str, Question]] = MappingProxyType({question.key: question for question in _ALL})
"""Every question, in the order of its number."""
