"""From what a person types to a question that the store answers, and to the words under which it is recorded."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from broker.audit.words import UK
from broker.board.node import BoardHome
from broker.board.questions.answer import BadQuestionError
from broker.board.questions.asking import WHY
from broker.board.questions.params import ENDS_FIRST, a_member, own_area, tokens_of
from broker.board.scope import scope_of
from broker.clock import to_ms
from broker.store.audit.rows import FOR_EVER_MS, Question
from broker.store.audit.store import AuditWork


@dataclass(frozen=True, slots=True)
class Ask:
    """One question, ready to be answered. ``recorded`` names no identifier of a child, only its token."""

    question: Question
    recorded: str
    unknown: str | None
    """What to say where the reference or number leads to no child of this board's areas."""

    def leads_nowhere(self, work: AuditWork) -> bool:
        """Whether the reference or number leads to nothing here: said alike for a child of nobody and of others."""
        if self.unknown is None:
            return False
        about = Question(scope=self.question.scope, records=self.question.records, most=1)
        return not work.answer(about)


def read_question(home: BoardHome, work: AuditWork, asked: Mapping[str, Any], purpose: str) -> Ask:
    """Read one question. Raises BadQuestionError with a sentence for the person."""
    if not purpose:
        raise BadQuestionError("purpose", WHY)
    directory = home.directory()
    scope = scope_of(home.board, directory)
    recorded = []
    records: frozenset[bytes] | None = None
    unknown = None
    if case_ref := asked["case_ref"]:
        recorded.append(f"case {case_ref}")
        records = work.records_by_case(case_ref, scope)
        unknown = f"No event of this board's areas carries the case reference “{case_ref}”."
    tokens, numbers = tokens_of(home, {name: value for name, value in asked.items() if value})
    recorded += numbers
    for token in tokens:
        led = work.records_by_token(token)
        records = led if records is None else records & led
        unknown = unknown or "Nothing is known in this board's areas of a child with that number."
    recorded += [f"{name} {asked[name]}" for name in ("member", "area", "since", "until") if asked[name]]
    recorded += [f"kind {kind}" for kind in asked["kinds"]]
    since_ms, until_ms = _moment(asked["since"], 0), _moment(asked["until"], FOR_EVER_MS)
    if since_ms >= until_ms:
        raise BadQuestionError("until", ENDS_FIRST)
    question = Question(
        scope=scope,
        records=records,
        member=a_member(directory, asked["member"]),
        area=own_area(home.areas(), asked["area"]),
        kinds=tuple(asked["kinds"]),
        since_ms=since_ms,
        until_ms=until_ms,
        most=asked["most"],
    )
    return Ask(question, "; ".join(recorded) or "everything", unknown)


def _moment(given: datetime | None, otherwise: int) -> int:
    """What was typed is UK time, as everything that is shown is."""
    return otherwise if given is None else to_ms(given.replace(tzinfo=UK).astimezone(UTC))
