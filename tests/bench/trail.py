"""A long trail, made quickly: entries as the router writes them, with real slips, of which a board's node learns all."""

import hashlib
from collections.abc import Iterator
from typing import Any, Final

from broker.crypto.slips import OwnSlipKey, seal_slip
from schemas import canonical
from schemas.audit import ENTRY_VERSION, EntryKind
from schemas.slip import BoardSlip
from schemas.wire import EventClass, ReceiptKind
from tests.support.audit_trail import AT_MS, Trail
from tests.support.directory import CUMBERLAND, WESTMORLAND

SHARES_OF_A_CHILD: Final = 12
MOVES: Final = 50
"""Every so many children one moves."""
_KINDS: Final = (
    *("attendance.summary", "health.presentation", "plan.changed", "appointment.missed") * 24,
    *("concern.raised", "concern.closed", "plan.opened", "plan.closed", "da.incident", "share.declined"),
)
"""What is shared, in turn: most of it is no beginning and no end."""
_STEPS: Final = (("noticed", "noticed"), ("release", "released"), ("accept", "accepted"))


class LongTrail:
    """Entry after entry, numbered from 1, a second apart."""

    def __init__(self, trail: Trail) -> None:
        self._trail = trail
        self._number = 0
        self._key, self._setup = trail.key()
        self._school, self._reader = trail.member("school"), trail.member("cumberland")

    def entries(self) -> Iterator[bytes]:
        """Without end."""
        yield self._entry(EntryKind.SLIP_KEY, self._setup)
        share = 0
        while True:
            yield from self._share(share)
            share += 1

    def _share(self, share: int) -> Iterator[bytes]:
        child, event = share // SHARES_OF_A_CHILD, _id(b"e", share)
        area = CUMBERLAND if share % 2 else WESTMORLAND
        moves = child % MOVES == 0 and share % SHARES_OF_A_CHILD == 0
        record = _id(b"c", child)
        yield self._entry(
            EntryKind.TAKEN,
            {
                "child": record,
                "origin": record,
                "event": event,
                "author": self._school,
                "acting": area,
                "holder": area,
                "safety": area,
                "areas": [area],
                "readers": [[self._reader, 1]],
                "slips": [[self._trail.board, self._slip(self._key, event, share, child)]],
                "class": int(EventClass.MOVE if moves else EventClass.CONCERN),
            },
        )
        receipt = {"event": event, "reader": self._reader, "number": 1}
        yield self._entry(EntryKind.RECEIPT, {**receipt, "receipt": int(ReceiptKind.DELIVERED)})
        if share % 20:
            yield self._entry(EntryKind.RECEIPT, {**receipt, "receipt": int(ReceiptKind.OPENED)})
        if moves:
            yield from self._move(child, event)

    def _move(self, child: int, event: bytes) -> Iterator[bytes]:
        about: dict[str, Any] = {"child": _id(b"c", child), "handover": _id(b"h", child), "evidence": event}
        for step, state in _STEPS:
            sides = {"from_area": CUMBERLAND, "to_area": WESTMORLAND}
            yield self._entry(EntryKind.HANDOVER, {**about, **sides, "step": step, "state": state})
        owed = {"about": about["handover"], "owed": "release", "due_ms": AT_MS, "owner": self._reader}
        yield self._entry(EntryKind.NOTICE_SENT, {**owed, "rung": "worker"})
        if child % (2 * MOVES):
            yield self._entry(EntryKind.OVERDUE, owed)

    def _slip(self, key: OwnSlipKey, event: bytes, share: int, child: int) -> bytes:
        kind = _KINDS[share % len(_KINDS)]
        said = BoardSlip(
            kind, "promote_welfare", "safeguarding_public_task", AT_MS, AT_MS, f"CC-{child}", None
        )
        return seal_slip(
            key.secret,
            key.setup.key_ref,
            author=self._school,
            board=self._trail.board,
            event_id=event,
            plaintext=said.to_bytes(),
            entropy=lambda size: _id(b"n", share)[:size],
        )

    def _entry(self, kind: EntryKind, fields: dict[str, Any]) -> bytes:
        self._number += 1
        number = self._number
        return canonical.encode(
            [ENTRY_VERSION, _id(b"s", number), 0, number, AT_MS + number * 1000, kind.value, fields]
        )


def _id(letter: bytes, number: int) -> bytes:
    return hashlib.blake2b(b"%b%d" % (letter, number), digest_size=16).digest()
