"""A long trail, made quickly: entries as the router writes them, with real slips, of which a board's node learns all."""

import hashlib
from collections.abc import Iterator
from typing import Any, Final

from broker.board.questions.duties import SEEN_AFTER_MOVE
from broker.crypto.slips import seal_slip
from schemas import canonical
from schemas.audit import ENTRY_VERSION, EntryKind
from schemas.bands import AgeBand, Bands, Disabled, EthnicGroup
from schemas.cues import KIND
from schemas.slip import BoardSlip, Heard, ObligationSlip, Whom
from schemas.wire import EventClass, ReceiptKind
from tests.support.audit_trail import AT_MS, Trail
from tests.support.directory import CUMBERLAND, WESTMORLAND

SHARES_OF_A_CHILD: Final = 12
MOVES: Final = 50
"""Every so many children one moves."""
_FRONT_DOORS: Final = 3
"""Every so many shares one is a front door's, which tells its boards bands of the child."""
_HEARD: Final = 10
"""Every so many shares one says who was told of it."""
_LEFT: Final = 10
"""Every so many plans that are closed one is since the child has moved to another area."""
_CUED: Final = 20
_OWED: Final = 100
"""Every so many children a front door asks itself to think again, and a school and a housing authority owe something."""
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
        self._keys = {name: trail.key(name) for name in ("school", "cumberland")}
        self._members = {name: trail.member(name) for name in ("school", "cumberland")}
        self._reader = self._members["cumberland"]

    def entries(self) -> Iterator[bytes]:
        """Without end."""
        for _, setup in self._keys.values():
            yield self._entry(EntryKind.SLIP_KEY, setup)
        share = 0
        while True:
            yield from self._share(share)
            share += 1

    def _share(self, share: int) -> Iterator[bytes]:
        child, event = share // SHARES_OF_A_CHILD, _id(b"e", share)
        area = CUMBERLAND if share % 2 else WESTMORLAND
        moves = child % MOVES == 0 and share % SHARES_OF_A_CHILD == 0
        record, author = _id(b"c", child), "school" if share % _FRONT_DOORS else "cumberland"
        yield self._entry(
            EntryKind.TAKEN,
            {
                "child": record,
                "origin": record,
                "event": event,
                "author": self._members[author],
                "acting": area,
                "holder": area,
                "safety": area,
                "areas": [area],
                "readers": [[self._reader, 1]],
                "slips": [[self._trail.board, self._slip(author, event, share, child)]],
                "class": int(EventClass.MOVE if moves else EventClass.CONCERN),
            },
        )
        receipt = {"event": event, "reader": self._reader, "number": 1}
        yield self._entry(EntryKind.RECEIPT, {**receipt, "receipt": int(ReceiptKind.DELIVERED)})
        if share % 20:
            yield self._entry(EntryKind.RECEIPT, {**receipt, "receipt": int(ReceiptKind.OPENED)})
        if moves:
            yield from self._move(child, event)
        if share % SHARES_OF_A_CHILD == 1:
            yield from self._owed(child, event)

    def _owed(self, child: int, event: bytes) -> Iterator[bytes]:
        """What members owe, and whether it is met: most of it is."""
        owed = [("cumberland", SEEN_AFTER_MOVE)] if child % MOVES == 0 else []
        owed += [("cumberland", f"{KIND}k{1 + child % 3}")] if child % _CUED == 0 else []
        owed += (
            [("school", "early-help-after-absence"), ("cumberland", "housing-notice")]
            if child % _OWED == 0
            else []
        )
        for owner, kind in owed:
            ref = hashlib.blake2b(event + kind.encode(), digest_size=16).digest()
            met_ms = AT_MS + 86_400_000 if child % 9 else None
            word = ObligationSlip(kind, AT_MS, AT_MS + 14 * 86_400_000, met_ms)
            fields = {
                "event": event,
                "child": _id(b"c", child),
                "id": ref,
                "ref": ref,
                "owner": self._members[owner],
            }
            sealed = self._sealed(owner, ref, ref, word.to_bytes())
            yield self._entry(EntryKind.OBLIGATION, {**fields, "slips": [[self._trail.board, sealed]]})

    def _move(self, child: int, event: bytes) -> Iterator[bytes]:
        about: dict[str, Any] = {"child": _id(b"c", child), "handover": _id(b"h", child), "evidence": event}
        for step, state in _STEPS:
            sides = {"from_area": CUMBERLAND, "to_area": WESTMORLAND}
            yield self._entry(EntryKind.HANDOVER, {**about, **sides, "step": step, "state": state})
        owed = {"about": about["handover"], "owed": "release", "due_ms": AT_MS, "owner": self._reader}
        yield self._entry(EntryKind.NOTICE_SENT, {**owed, "rung": "worker"})
        if child % (2 * MOVES):
            yield self._entry(EntryKind.OVERDUE, owed)

    def _slip(self, author: str, event: bytes, share: int, child: int) -> bytes:
        kind = _KINDS[share % len(_KINDS)]
        code = "RC5" if kind == "plan.closed" and share // len(_KINDS) % _LEFT == 0 else None
        heard = ((Whom.CHILD, Heard.NOT_TOLD), (Whom.PARENT, Heard.TOLD)) if share % _HEARD == 0 else ()
        bands = Bands(AgeBand(1 + child % 6), EthnicGroup(1 + child % 6), Disabled(1 + child % 2))
        said = BoardSlip(
            kind,
            "promote_welfare",
            "safeguarding_public_task",
            AT_MS,
            AT_MS,
            f"CC-{child}",
            code,
            heard,
            bands if author == "cumberland" else None,
        )
        return self._sealed(author, event, _id(b"n", share), said.to_bytes())

    def _sealed(self, author: str, of: bytes, noise: bytes, plain: bytes) -> bytes:
        key, _ = self._keys[author]
        return seal_slip(
            key.secret,
            key.setup.key_ref,
            author=self._members[author],
            board=self._trail.board,
            event_id=of,
            plaintext=plain,
            entropy=lambda size: noise[:size],
        )

    def _entry(self, kind: EntryKind, fields: dict[str, Any]) -> bytes:
        self._number += 1
        number = self._number
        return canonical.encode(
            [ENTRY_VERSION, _id(b"s", number), 0, number, AT_MS + number * 1000, kind.value, fields]
        )


def _id(letter: bytes, number: int) -> bytes:
    return hashlib.blake2b(b"%b%d" % (letter, number), digest_size=16).digest()
