"""Protected children: a question about one is answered once a second auditor, who is not the asker, has approved it.

Protected is a record of which something sensitive was said, or whose move is hidden. An approval is for one question in
one wording, one asker and these children; it is recorded, and ends by itself.
"""

import hashlib
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from broker.board.node import BoardHome
from broker.board.questions.answer import NeedsApprovalError, NotAnsweredError
from broker.board.recording import to_the_log, write_down
from broker.clock import to_ms
from broker.store.audit.asked import Request
from broker.store.audit.store import AuditStore, AuditWork

GOOD_FOR: Final = timedelta(hours=24)
"""How long an approval is good for."""
ASKED_FOR: Final = timedelta(days=7)
"""How long a request can be approved."""


def require_second_auditor(
    work: AuditWork, asker: str, words: str, records: Collection[bytes] | None, at_ms: int
) -> None:
    """Raises NeedsApprovalError where protected children are asked about and nobody has approved it."""
    protected = work.protected_among(records or ())
    if protected and not work.is_approved(asker, words, _digest(protected), at_ms):
        raise NeedsApprovalError(
            "This child is protected. A second auditor must approve the question before it is answered; then ask it "
            "again in the same words."
        )


def write_request(
    work: AuditWork, question: int, asker: str, words: str, records: Collection[bytes] | None
) -> None:
    """Let the second auditor find it."""
    work.request(question, asker, words, _digest(work.protected_among(records or ())))


def approve(
    home: BoardHome,
    store: AuditStore,
    approver: str,
    why: str,
    question: int,
    at: datetime,
    *,
    subject: str | None = None,
) -> Request:
    """The second auditor's word on request number ``question``. It is recorded among the questions.

    ``subject`` is the approver's with the provider of identities, where one vouches for them: a person who was named
    in two ways is one person.

    Raises:
        NotAnsweredError: no such request, it is the approver's own, it was approved before, or it is too old.
    """
    if not why.strip():
        raise NotAnsweredError("Say why it may be answered. It is recorded.")
    with store.work() as work:
        found = work.requests(question)
        asked_ms = next((one.at_ms for one in work.questions() if one.number == question), 0)
        refusal = _refusal(found, approver, subject, asked_ms, at)
        words = f"approval of question {question}" + ("" if refusal is None else "; refused")
        logged = write_down(home, work, to_ms(at), approver, why.strip(), words, 0)
        if refusal is None:
            work.approve(question, approver, why.strip(), to_ms(at + GOOD_FOR))
            found = work.requests(question)
    to_the_log(home, store)
    if refusal is not None:
        raise NotAnsweredError(refusal, logged)
    return found[0]


def waiting(store: AuditStore, at: datetime) -> list[Request]:
    """Requests that can still be approved, oldest first."""
    with store.work() as work:
        times = {one.number: one.at_ms for one in work.questions()}
        return [
            one
            for one in work.requests()
            if one.approver is None and times[one.question] > to_ms(at - ASKED_FOR)
        ]


def _refusal(
    found: list[Request], approver: str, subject: str | None, asked_ms: int, at: datetime
) -> str | None:
    if not found:
        return "There is no request of that number."
    asker = found[0].asker.strip()
    if asker.casefold() == approver.strip().casefold() or (subject and asker.endswith(f" ({subject})")):
        return "Nobody approves a question of their own: another auditor must."
    if found[0].approver is not None:
        return "It was approved before."
    if asked_ms <= to_ms(at - ASKED_FOR):
        return "The request is older than seven days: the question must be asked again."
    return None


def _digest(records: Collection[bytes]) -> bytes:
    return hashlib.sha256(b"".join(sorted(records))).digest()
