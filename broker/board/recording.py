"""The one door of every question: on this node's disk, then durable on the exchange's trail, then answered.

A question becomes an entry of the tamper-evident log, under numbers of this board's own without gaps, signed by the
board. Who asked (a pseudonym that this board alone can work out), what, why, and how much was shown stand sealed in it:
only this board opens it. Everybody else sees that this board was asked something, and when.

If the bus cannot be reached nothing is released. The question stays recorded here, and goes to the log with the next.
What a crash means: after the commit, the entry waits here and is sent with the next; after the bus took it, it is sent
again under its own name, and is the same entry.
"""

import hmac
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from broker.audit.writers import by_its_writer, partition_of_board
from broker.board.node import BoardHome, asked_message
from broker.board.showing import clean
from broker.bus.publisher import Outgoing
from broker.bus.subjects import asked_subject
from broker.clock import system_entropy
from broker.crypto.keys import SigningKey
from broker.crypto.notes import Head, Note
from broker.crypto.signing import sign
from broker.crypto.slips import open_slip, seal_slip
from broker.crypto.tree import leaf_hash
from broker.errors import UnavailableError
from broker.store.audit.store import AuditStore, AuditWork
from schemas import canonical
from schemas.audit import AuditEntry, EntryKind
from schemas.envelope import ID_BYTES

_LABEL: Final = "handrail question"
_ONLY_HERE: Final = "Only here"
"""Of a question from before questions went to the log."""


class NotLoggedError(UnavailableError):
    """The trail took no record of the question, so it is not answered."""

    def __init__(self) -> None:
        super().__init__(
            "the question could not be written to the exchange's log, so it is not answered: the bus cannot be reached. "
            "It is recorded at this node, and goes to the log with the next one. Ask again when the bus is back; if it "
            "stays away, tell the operator."
        )


@dataclass(frozen=True, slots=True)
class Sealed:
    """What stands in a question's entry, as the board reads it."""

    officer: str
    purpose: str
    asked: str
    areas: tuple[str, ...]
    shown: int


def write_down(
    home: BoardHome, work: AuditWork, at_ms: int, asker: str, purpose: str, asked: str, shown: int
) -> int:
    """Record a question, and make its entry of the log; gives its number. Nothing is released before ``to_the_log``.

    What was typed may come from anywhere: nothing is kept of it that steers the terminal on which the list is read.
    """
    purpose, asked = clean(purpose), clean(asked)
    question = work.write_down(at_ms, asker, purpose, asked, shown)
    number = work.next_logged()
    said = Sealed(officer_of(home, asker), purpose, asked, tuple(sorted(home.areas())), shown)
    work.keep_logged(question, number, entry(home, number, at_ms, said))
    return question


def refuse(home: BoardHome, store: AuditStore, at_ms: int, who: tuple[str, str], what: str) -> int:
    """Record a question by ``who`` (asker and purpose) that cannot be read; gives its number.

    ``what`` says which part of it, and nothing that was typed. It goes to the log with the next question: nothing is
    released that would have to wait.
    """
    with store.work() as work:
        return write_down(home, work, at_ms, *who, f"refused: {what}", 0)


def to_the_log(home: BoardHome, store: AuditStore) -> None:
    """Have every question that the log does not have yet written there; durable on the bus on return.

    Raises:
        NotLoggedError: it could not be; nothing may be released.
    """
    with store.work() as work:
        waiting = work.unlogged()
    if not waiting:
        return
    try:
        sequences = publish(home, [asked_message(home.board, number, body) for _, number, body in waiting])
    except (UnavailableError, OSError) as error:
        raise NotLoggedError from error
    with store.work() as work:
        for (question, _, _), sequence in zip(waiting, sequences, strict=True):
            work.is_logged(question, sequence)


def publish(home: BoardHome, messages: Sequence[Outgoing]) -> list[int]:
    """Put messages on the bus, in order, from a thread without an event loop. Raises UnavailableError or OSError."""
    return home.line.publish(messages)


def entry(home: BoardHome, number: int, at_ms: int, said: Sealed) -> bytes:
    """The entry of one question. Raises ConfigurationError where the board has no key here."""
    salt, partition = system_entropy(ID_BYTES), partition_of_board(home.board)
    plain = canonical.encode([said.officer, said.purpose, said.asked, list(said.areas), said.shown])
    sealed = seal_slip(
        _secret(home),
        _derived(home, "key")[:ID_BYTES],
        author=home.board,
        board=home.board,
        event_id=salt,
        plaintext=plain,
        entropy=system_entropy,
    )
    signed = sign(_signer(home), _LABEL, _signed(salt, partition, number, at_ms, sealed))
    fields = {"member": home.board, "sealed": sealed, "signature": signed}
    return AuditEntry(salt, partition, number, at_ms, EntryKind.QUESTION, fields).to_bytes()


def opened(home: BoardHome, body: bytes) -> Sealed:
    """What an entry of this board's own says. Raises AlteredError where it is another board's."""
    read = AuditEntry.from_bytes(body)
    plain = open_slip(
        _secret(home), read.fields["sealed"], author=home.board, board=home.board, event_id=read.salt
    )
    officer, purpose, asked, areas, shown = canonical.decode(plain)
    return Sealed(officer, purpose, asked, tuple(areas), shown)


def inclusions(work: AuditWork, questions: Collection[int]) -> dict[int, str]:
    """Of each of these questions whether it is in the log, by its number: held against the head and the entry itself."""
    note = work.newest_head()
    size = 0 if note is None else Head.from_text(Note.from_text(note).text).size
    logged = work.logged(questions)
    return {one: _stands(work, size, *logged[one]) if one in logged else _ONLY_HERE for one in questions}


def _stands(work: AuditWork, size: int, sequence: int | None, body: bytes) -> str:
    if sequence is None:
        return "Not yet: the bus was away"
    index, board = sequence - 1, AuditEntry.from_bytes(body).fields["member"]
    leaf = work.leaf(index)
    if leaf is None:
        return f"Entry {index}: on its way"
    if leaf != leaf_hash(by_its_writer(asked_subject(board), body)):
        return f"Entry {index} is another one: call the operator"
    if index >= size:
        return f"Entry {index}; no head covers it yet"
    return f"Entry {index}, under a head that two have witnessed"


def officer_of(home: BoardHome, asker: str) -> str:
    """Who asked, by a name that only this board can lead back to a person."""
    return _derived(home, json.dumps(["officer", asker]))[:ID_BYTES].hex()


def _signer(home: BoardHome) -> SigningKey:
    """The board's newest key, even one that has run out: a question is rather signed by that than not written down."""
    member = home.directory().member(home.board)
    keys = sorted(member.keys if member is not None else (), key=lambda one: one.not_before, reverse=True)
    return home.keyring.sign_key(str(one.key_id) for one in keys)


def _secret(home: BoardHome) -> bytes:
    return _derived(home, "seal")


def _derived(home: BoardHome, what: str) -> bytes:
    return hmac.digest(home.keyring.secret("vault"), b"handrail question " + what.encode(), "sha256")


def _signed(salt: bytes, partition: int, number: int, at_ms: int, sealed: bytes) -> bytes:
    return canonical.encode([salt, partition, number, at_ms, sealed])
