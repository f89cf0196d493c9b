"""The router's pen: numbers and signs each delivery, writes each audit entry, inside the caller's transaction."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from broker.clock import Entropy
from broker.crypto.keys import SigningKey
from broker.crypto.signing import sign
from broker.crypto.vault import pairwise_handle
from broker.store.router.hiding import SlipKeyRow
from broker.store.router.outgoing import Outgoing
from schemas import canonical
from schemas.audit import AuditEntry, EntryKind
from schemas.control import Note, frame
from schemas.members import ROUTER
from schemas.wire import PROTOCOL_VERSION, InKind

AUDIT_PARTITION: Final = 0

Said: TypeAlias = tuple[EntryKind, Mapping[str, Any]]
"""An audit entry's kind and fields."""


Veil: TypeAlias = Callable[[EntryKind, Mapping[str, Any], bytes | None], Mapping[str, Any] | None]


SlipKeys: TypeAlias = Callable[[str, Sequence[tuple[str, bytes]], bytes | None], Sequence[SlipKeyRow]]


def _no_slip_keys(
    author: str,  # noqa: ARG001
    slips: Sequence[tuple[str, bytes]],  # noqa: ARG001
    child: bytes | None,  # noqa: ARG001
) -> Sequence[SlipKeyRow]:
    return ()


def _in_clear(kind: EntryKind, fields: Mapping[str, Any], child: bytes | None) -> Mapping[str, Any]:  # noqa: ARG001
    return fields


def _itself(reader: str, child: bytes) -> bytes:  # noqa: ARG001
    return child


@dataclass(frozen=True, slots=True)
class RouterKeys:
    """What the router signs with, and the secret that gives every reader its own handle for a child."""

    sign: SigningKey
    handle_secret: bytes

    def __repr__(self) -> str:
        return f"RouterKeys({self.sign.key_id})"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to deliver. ``child`` is None for what concerns no child with an open matter."""

    kind: InKind
    message_id: bytes
    author: str
    body: bytes
    child: bytes | None = None
    late: bool = False
    skewed: bool = False


class Desk:
    """Bound to one transaction and one moment: what it writes is durable when the caller commits."""

    def __init__(self, outgoing: Outgoing, keys: RouterKeys, entropy: Entropy, now_ms: int) -> None:
        self._out = outgoing
        self._keys = keys
        self._entropy = entropy
        self._later: list[tuple[str, Item]] = []
        self.said: list[Said] = []
        """Every audit entry so far, for whoever watches the router; nothing else of an event may be watched."""
        self.now_ms = now_ms
        self.veil: Veil = _in_clear
        """What of an entry may stand in clear."""
        self.slip_keys: SlipKeys = _no_slip_keys
        """The slip keys that an event with slips brings into the trail."""
        self.alias: Callable[[str, bytes], bytes] = _itself
        """The child as a reader may meet it, where that must not lead to how it was known before."""

    def new_id(self) -> bytes:
        """A fresh random id."""
        return self._entropy(16)

    def handle(self, reader: str, child: bytes) -> bytes:
        """The child as only this reader sees it."""
        return pairwise_handle(self._keys.handle_secret, reader, child)

    def deliver(self, reader: str, item: Item) -> int:
        """Queue ``item`` for ``reader``; gives its number in the reader's order."""
        number = self._out.next_number(f"in {reader}")
        child = None if item.child is None else self.alias(reader, item.child)
        if child != item.child:
            item = replace(item, child=child)
        previous = 0 if item.child is None else self._out.previous_about(reader, item.child, number)
        # Number and reader make the id: the same delivery sent twice is one, two deliveries are never one.
        self._put(reader, number, previous, item, f"{reader}.{number}")
        return number

    def replace(self, reader: str, number: int, event_id: bytes | None) -> None:
        """Under the number of a delivery that is lost, say so: it follows nothing, and what follows it goes on."""
        details = {"number": number} | ({} if event_id is None else {"event": event_id})
        body = canonical.encode(["delivery-lost", details])
        item = Item(InKind.NOTICE, self.new_id(), ROUTER, body)
        self._put(reader, number, 0, item, f"{reader}.{number}.{self.now_ms}")

    def _put(self, reader: str, number: int, previous: int, item: Item, msg_id: str) -> None:
        note = Note(
            reader=reader,
            number=number,
            previous=previous,
            child=None if item.child is None else self.handle(reader, item.child),
            kind=item.kind,
            message_id=item.message_id,
            author=item.author,
            body_hash=hashlib.sha256(item.body).digest(),
            taken_ms=self.now_ms,
            late=item.late,
            skewed=item.skewed,
        )
        signed = sign(self._keys.sign, Note.LABEL, note.to_bytes())
        body = frame(PROTOCOL_VERSION, signed, int(item.kind), item.body)
        self._out.put(reader, number, msg_id, body)

    def later(self, reader: str, item: Item) -> None:
        """Say this after the event in hand, which whoever acts on it must have read; see ``flush``."""
        self._later.append((reader, item))

    def flush(self) -> None:
        """Queue what was kept for later."""
        for reader, item in self._later:
            self.deliver(reader, item)
        self._later.clear()

    def unsay(self, since: int) -> None:
        """The event in hand was refused: what was kept for later is not said, nor the entries after ``since``."""
        self._later.clear()
        del self.said[since:]

    def sign(self, label: str, payload: bytes) -> bytes:
        """Sign as the router."""
        return sign(self._keys.sign, label, payload)

    def audit(self, kind: EntryKind, *, about_child: bytes | None = None, **fields: Any) -> None:
        """Write one audit entry; fields that are None are left out.

        ``about_child``: whom an entry is about that does not name the child. Of a hidden one only a part stands in clear.
        """
        given = {name: value for name, value in fields.items() if value is not None}
        clear = self.veil(kind, given, about_child or fields.get("child"))
        if clear is None:
            self.said.append((kind, given))
        else:
            self._enter(kind, clear)

    def block(self, sealed: bytes) -> None:
        """Write a block of entries that only some boards can read."""
        self.audit(EntryKind.VEILED, sealed=sealed)

    def _enter(self, kind: EntryKind, fields: Mapping[str, Any]) -> None:
        number = self._out.next_number(f"audit {AUDIT_PARTITION}")
        entry = AuditEntry(
            self._entropy(16),
            AUDIT_PARTITION,
            number,
            self.now_ms,
            kind,
            dict(fields),
        )
        self._out.audit(number, entry.to_bytes())
        self.said.append((kind, entry.fields))
