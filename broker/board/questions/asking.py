"""One way to ask: the question is recorded first, then answered inside the board's scope, then released.

``ask`` is the only door. A refusal is recorded too. Nothing leaves before the record is on disk and in the log.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from string import Formatter
from typing import Final

from broker.audit.words import uk_text
from broker.board.feed import read_feed
from broker.board.node import BoardHome
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
    Table,
    Unit,
    cell_text,
    unreadable,
)
from broker.board.questions.approving import require_second_auditor, write_request
from broker.board.questions.catalogue import CATALOGUE
from broker.board.questions.differencing import History, Released, counts, read_rows, write_rows
from broker.board.questions.ground import Ground
from broker.board.questions.params import Params, read_params, records_of
from broker.board.questions.suppressing import suppress
from broker.board.recording import refuse, to_the_log, write_down
from broker.board.scope import scope_of
from broker.board.showing import names_of, warnings
from broker.clock import Entropy, system_entropy, to_ms
from broker.crypto.notes import Head, Note
from broker.store.audit.rows import Place, Scope
from broker.store.audit.store import AuditStore, AuditWork

_TIMES: Final = frozenset({Unit.HOURS, Unit.DAYS})
_TOO_FEW: Final = "There are too few to say more without telling of somebody."
_BESIDE_ANOTHER: Final = (
    "Some figures are suppressed because, subtracted from what this question was answered before, they would tell of "
    "fewer than five. Ask for the period of an earlier answer, or again when at least five more have come."
)
_AS_BEFORE: Final = (
    "These are the figures of {when}, when this was asked before: what has changed since would, by subtraction, tell of "
    "fewer than five."
)
WHY: Final = "Say why you ask, for example “case audit 2026/14”. It is recorded before anything is shown."


_ON_NO_ENTRY: Final = "It names no single entry, so none is proven by itself; that this node holds every entry is proven by verifying it."
_NOTHING_HERE: Final = Table(
    summary=(),
    why_not=(
        "no entry of the trail is at this node. If it is new, start `handrail board run` and ask again; if it had entries, its "
        "store was lost or moved: tell the operator before anything else is done with this folder."
    ),
)


def ask(
    home: BoardHome,
    store: AuditStore,
    asker: str,
    purpose: str,
    key: str,
    params: Mapping[str, str | None],
    at: datetime,
    entropy: Entropy = system_entropy,
) -> Answer:
    """Record a question and answer it. ``params`` is as typed: the values of ``Takes``, and those of a child.

    ``asker`` is whoever is signed in, by a name that is theirs alone.

    Raises:
        BadQuestionError: it cannot be read; ``field`` is what to correct. That is recorded, too, without what was typed.
        NeedsApprovalError: about a protected child; a second auditor must approve it first.
        UnavailableError: the disk or the log took no record of it, so it is not answered.
    """
    try:
        question, asked = _read(home, purpose, key, params, int.from_bytes(entropy(4), "big") >> 1)
    except BadQuestionError as error:
        error.logged = refuse(home, store, to_ms(at), (asker, purpose.strip()), unreadable(error))
        raise
    words = f"{key}; {asked.recorded}"
    refused: NotAnsweredError | None = None
    answer = None
    with store.work() as work:
        scope = scope_of(home.board, home.directory())
        ground = _ground(home, work, scope, asked, to_ms(at))
        try:
            require_second_auditor(work, asker, words, ground.records, to_ms(at))
            table = question.answer(ground) if work.mirrors() or not question.from_trail else _NOTHING_HERE
        except NotAnsweredError as error:
            refused = error
            refused.logged = write_down(home, work, to_ms(at), asker, purpose.strip(), f"{words}; refused", 0)
            if isinstance(error, NeedsApprovalError):
                write_request(work, refused.logged, asker, words, ground.records)
        else:
            logged = write_down(home, work, to_ms(at), asker, purpose.strip(), words, len(table.rows))
            released = _released(work, question, table, words, to_ms(at))
            answer = _answer(question, table, released, _proof(work, table.places), words, to_ms(at), logged)
            answer = replace(answer, notes=(*answer.notes, *warnings(work.holes(), work.unread())))
    to_the_log(home, store)
    if answer is None:
        raise refused or AssertionError
    return answer


def _read(
    home: BoardHome, purpose: str, key: str, params: Mapping[str, str | None], seed: int
) -> tuple[Question, Params]:
    question = CATALOGUE.get(key)
    if question is None:
        raise BadQuestionError("key", f"There is no question “{key}”.")
    if not purpose.strip():
        raise BadQuestionError("purpose", WHY)
    return question, read_params(home, question, params, seed)


def _ground(home: BoardHome, work: AuditWork, scope: Scope, asked: Params, now_ms: int) -> Ground:
    records = records_of(asked, work, scope)
    if asked.sample is not None:
        # Nobody is drawn who takes a second auditor.
        every = work.records_in(scope)
        records = _drawn(sorted(every - work.protected_among(every)), asked.sample, asked.seed)
    directory = home.directory()
    feed = read_feed(home.folder)
    return Ground(work, scope, asked, records, directory, names_of(directory), now_ms, feed)


def _drawn(records: Sequence[bytes], most: int, seed: int) -> frozenset[bytes]:
    """The same children for the same seed and the same trail."""
    return frozenset(random.Random(seed).sample(records, min(most, len(records))))  # noqa: S311  no secret


def _released(work: AuditWork, question: Question, table: Table, words: str, at_ms: int) -> Released:
    """What of a table may be shown; of an aggregate no small figure, neither by itself nor beside an earlier answer.

    Where that keeps something back, whoever asks in words that were answered before has that answer again.
    """
    rows = counts(table.rows)
    if not question.aggregate:
        return Released(rows, kept_back=False)
    alone = suppress(table.columns, rows, total=table.total).rows
    history = History(work.pieces(question.key))
    released = history.release(table.columns, table.rows, alone)
    last = work.answered(words) if released.kept_back else None
    told = None if last is None else read_rows(table.columns, last[1])
    if last is not None and told is not None:
        return Released(told, kept_back=True, since_ms=last[0])
    if rows and not released.kept_back:
        work.keep_answer(words, at_ms, write_rows(table.columns, released.rows))
    if history.changed:
        work.keep_pieces(question.key, history.lists())
    return released


def _answer(
    question: Question, table: Table, released: Released, proof: Proof, words: str, at_ms: int, logged: int
) -> Answer:
    rows = released.rows
    return Answer(
        key=question.key,
        title=question.title,
        summary=_summary(table, rows) if question.aggregate else table.summary,
        columns=table.columns,
        rows=rows,
        measured=table.why_not is None,
        why_not=table.why_not,
        notes=(*table.notes, *_beside_another(released)),
        suppressed=question.aggregate and any(cell is Mark.SUPPRESSED for row in rows for cell in row),
        total=table.total,
        proof=proof,
        asked=words,
        at_ms=at_ms,
        logged=logged,
    )


def _beside_another(released: Released) -> tuple[str, ...]:
    if released.since_ms is not None:
        return (_AS_BEFORE.format(when=uk_text(released.since_ms)),)
    return (_BESIDE_ANOTHER,) if released.kept_back else ()


def _summary(table: Table, rows: Sequence[tuple[Cell, ...]]) -> tuple[str, ...]:
    """In words, with the figures as they may be shown: a sentence about one that may not is left out, and that is said.

    A sentence about times is left out where none was measured.
    """
    if not table.total:
        return table.summary
    whole = list(zip(table.columns, rows[-1], strict=True))
    figures = {one.name: _in_words(cell, one) for one, cell in whole}
    kept_back = {one.name for one, cell in whole if cell is Mark.SUPPRESSED}
    unmeasured = {one.name for one, cell in whole if cell is None and one.unit in _TIMES}
    may_be_said = [line for line in table.summary if not _names(line) & kept_back]
    said = tuple(line.format_map(figures) for line in may_be_said if not _names(line) & unmeasured)
    return said if len(may_be_said) == len(table.summary) else (*said, _TOO_FEW)


def _names(line: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(line) if name}


def _in_words(cell: Cell, column: Column) -> str:
    return "none" if cell is None else cell_text(cell, column)


def _proof(work: AuditWork, places: Sequence[Place]) -> Proof:
    """Where the entries behind an answer stand in the log, as far as the newest head that counts covers them."""
    note = work.newest_head()
    if note is None:
        return Proof(None, 0, None, (), len(places), "No head with two witnesses has reached this node yet.")
    head = Head.from_text(Note.from_text(note).text)
    if not places:
        says = f"{_ON_NO_ENTRY} The newest witnessed head here is of {head.size} entries."
        return Proof(head.origin, head.size, head.root.hex(), (), 0, says)
    at = work.indexes_of(places)
    covered = sorted(index for index in at.values() if index < head.size)
    newer = len(places) - len(covered)
    says = f"{len(covered)} entries under the witnessed head of {head.size} entries" + (
        f"; {newer} newer ones that no head covers yet." if newer else "."
    )
    return Proof(head.origin, head.size, head.root.hex(), tuple(covered), newer, says)
