"""What of the trail may leave the node for one question: recorded first, protected children kept apart, places veiled."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from broker.audit.receipts import Receipts
from broker.board.asking import Ask, read_question
from broker.board.node import BoardHome
from broker.board.questions.answer import BadQuestionError, NeedsApprovalError, unreadable
from broker.board.questions.approving import require_second_auditor, write_request
from broker.board.recording import refuse, to_the_log, write_down
from broker.board.veil import Veil
from broker.store.audit.rows import Found, Hole
from broker.store.audit.store import AuditStore, AuditWork

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Released:
    """Entries that may be shown, with what must be known of them."""

    ask: Ask
    found: list[Found]
    left_out: int
    """Entries about protected children that nobody asked for by name and with approval."""
    veil: Veil
    receipts: Receipts
    holes: list[Hole]
    unread: list[str]
    nowhere: bool


def release(
    home: BoardHome,
    store: AuditStore,
    who: tuple[str, str],
    asked: Mapping[str, Any],
    at_ms: int,
    then: Callable[[AuditWork, Released], T],
    *,
    as_what: str = "",
) -> tuple[Released, T]:
    """Record a question by ``who`` (asker and purpose), find what may be shown, and do ``then`` with it.

    One transaction, and then the log: the question is durable in both before anything leaves, or nothing does.

    Raises:
        NeedsApprovalError: about a protected child; a second auditor must approve it first.
        BadQuestionError: it cannot be read, or says no purpose; that is recorded, too.
        NotLoggedError: the trail took no record of it.
    """
    asker, purpose = who[0], who[1].strip()
    answer: tuple[Released, T] | NeedsApprovalError
    try:
        with store.work() as work:
            ask = read_question(home, work, asked, purpose)
    except BadQuestionError as error:
        error.logged = refuse(home, store, at_ms, (asker, purpose), f"{as_what}{unreadable(error)}")
        raise
    with store.work() as work:
        words, records = f"{as_what}{ask.recorded}", ask.question.records
        try:
            require_second_auditor(work, asker, words, records, at_ms)
        except NeedsApprovalError as error:
            answer = error
            answer.logged = write_down(home, work, at_ms, asker, purpose, f"{words}; refused", 0)
            write_request(work, answer.logged, asker, words, records)
        else:
            released = _released(home, work, ask)
            answer = released, then(work, released)
            write_down(home, work, at_ms, asker, purpose, words, len(released.found))
    to_the_log(home, store)
    if isinstance(answer, NeedsApprovalError):
        raise answer
    return answer


def _released(home: BoardHome, work: AuditWork, ask: Ask) -> Released:
    found = work.answer(ask.question)
    protected = work.protected_among({one.child for one in found if one.child is not None})
    named = ask.question.records or frozenset()
    shown = [one for one in found if one.child not in protected or one.child in named]
    return Released(
        ask,
        shown,
        len(found) - len(shown),
        Veil.over(work, shown, ask.question.scope, home.directory()),
        Receipts.read(work.receipts_for(one.row.event_id for one in shown if one.row.event_id)),
        work.holes(),
        work.unread(),
        ask.leads_nowhere(work),
    )


def of_others(work: AuditWork, found: list[Found], records: frozenset[bytes] | None) -> frozenset[bytes]:
    """The threads among these entries that are about another child, too, than the one asked about."""
    if records is None:
        return frozenset()
    threads = {one.row.thread for one in found if one.row.thread is not None}
    return frozenset(thread for thread, about in work.records_of(threads).items() if about - records)
