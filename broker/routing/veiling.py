"""Audit entries about hidden children: only the boards of the new side can read them, and nobody else can count them.

They wait and go out together: one block of one size at each slot of the grid, for as long as any child is hidden, full
or empty. What the side that was left has done itself stays in clear, without a word of the other side.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from broker.clock import Entropy
from broker.crypto.keys import KemPublic
from broker.crypto.veil import CAPACITY, draw
from broker.routing.shield import Shield, Sides
from broker.store.router.hiding import Hiding, SlipKeyRow
from schemas import canonical
from schemas.audit import EntryKind
from schemas.directory import Directory
from schemas.hiding import HIDDEN
from schemas.members import Algorithm
from schemas.wire import Kem

_SPLIT: Final = 500
"""Events of an order in one veiled entry; a longer order is several entries."""
_MARGIN: Final = 64
_DOER: Final = {
    EntryKind.TAKEN: "author",
    EntryKind.GRANTED: "grantor",
    EntryKind.ORDER_REFUSED: "grantor",
    EntryKind.RECEIPT: "reader",
    EntryKind.MATTER_OPENED: "by",
    EntryKind.MATTER_CLOSED: "by",
    EntryKind.INVOLVED: "by",
    EntryKind.NOTICE_SENT: "owner",
    EntryKind.OBLIGATION: "owner",
}
"""Whose doing an entry records."""


class Veiling:
    """Bound to one transaction and one moment."""

    def __init__(
        self, *, hiding: Hiding, shield: Shield, directory: Directory, entropy: Entropy, now_ms: int
    ) -> None:
        self._hiding = hiding
        self._shield = shield
        self._directory = directory
        self._entropy = entropy
        self._now_ms = now_ms

    def take(
        self, kind: EntryKind, fields: Mapping[str, Any], child: bytes | None
    ) -> Mapping[str, Any] | None:
        """What of an entry stands in clear: all of it, a part, or nothing. What does not is kept for a block."""
        sides = None
        if child is not None and self._hiding.children():
            sides = self._shield.sides_of(child)
        if sides is None:
            return fields
        self._keep(kind, fields, sides)
        return self._clear(kind, fields, sides)

    def slip_keys(
        self, author: str, slips: Sequence[tuple[str, bytes]], child: bytes | None
    ) -> list[SlipKeyRow]:
        """The slip keys that go into the trail in clear with an event: those of boards that read its slip in clear.

        A month's first slip key would show that something begins; so each waits for an event that its board may see. Of
        a hidden child it goes to the boards of the new side in a block, and to one of the side that was left not at all.
        """
        boards = {board for board, _ in slips}
        waiting = [row for row in self._hiding.slip_keys_of(author) if row.board in boards]
        sides = None if child is None or not waiting else self._shield.sides_of(child)
        doer = self._directory.member(author)
        clear: list[SlipKeyRow] = []
        for row in waiting:
            board = self._directory.member(row.board)
            if sides is None or (
                doer is not None
                and board is not None
                and sides.is_left(board)
                and sides.hears(doer, board)
                and sides.is_open(doer)
            ):
                clear.append(row)
            elif board is not None and (
                sides.knows(board) or (doer is not None and sides.hears(doer, board))
            ):
                self._put(row.board, EntryKind.SLIP_KEY, row.fields)
            else:
                continue
            self._hiding.slip_key_told(row)
        return clear

    def _keep(self, kind: EntryKind, fields: Mapping[str, Any], sides: Sides) -> None:
        areas = [sides.new, *sorted(sides.informed & self._areas_in(kind, fields))]
        told = {board.id: board for area in areas for board in self._directory.boards(area)}
        boards = [board.id for board in told.values() if sides.knows(board)]
        listed = fields.get("events")
        if isinstance(listed, list) and len(listed) > _SPLIT:
            for start in range(0, len(listed), _SPLIT):
                self._put(" ".join(boards), kind, {**fields, "events": listed[start : start + _SPLIT]})
            return
        self._put(" ".join(boards), kind, fields)

    def _areas_in(self, kind: EntryKind, fields: Mapping[str, Any]) -> frozenset[str]:
        """The areas that an entry concerns: those that it names, and those of whoever did it."""
        doer = self._directory.member(str(fields.get(_DOER.get(kind, ""))))
        named = {fields.get("from_area"), fields.get("to_area"), *fields.get("areas", ())}
        return frozenset(area for area in named if area) | frozenset(doer.acting_areas if doer else ())

    def _put(self, boards: str, kind: EntryKind, fields: Mapping[str, Any]) -> None:
        body = canonical.encode([self._now_ms, kind.value, dict(fields)])
        if len(body) > CAPACITY - _MARGIN:
            body = canonical.encode([self._now_ms, kind.value, {**fields, "slips": []}])
        self._hiding.veil(boards, body)

    def _clear(self, kind: EntryKind, fields: Mapping[str, Any], sides: Sides) -> Mapping[str, Any] | None:
        doer = self._directory.member(str(fields.get(_DOER.get(kind, ""))))
        if kind not in _DOER or doer is None or not sides.is_left(doer):
            return None
        known = sides.left - sides.through
        through = sides.through & set(doer.acting_areas)
        if through:
            # It was hidden itself when the child came: in clear the area left before would read where that was.
            boards = {board.id for area in through for board in self._directory.boards(area)}
            own = replace(sides, left=known | through)
            self._put(" ".join(sorted(boards)), kind, self._for(fields, own))
            return None
        return self._for(fields, replace(sides, left=known))

    def _for(self, fields: Mapping[str, Any], sides: Sides) -> dict[str, Any]:
        return {
            name: self._hidden(name, value, sides) for name, value in fields.items() if name != "handover"
        }

    def _hidden(self, name: str, value: Any, sides: Sides) -> Any:
        match name:
            # Always the same: what changes when the new area accepts would tell when it did.
            case "holder" | "safety":
                return HIDDEN
            case "areas":
                return sorted({*sides.left, HIDDEN})
            case "said_to":
                return value if value in sides.left else HIDDEN
            case "readers":
                return [one for one in value if self._of_left(one[0], sides)]
            case "involved":
                return [one for one in value if self._of_left(one, sides)]
            case "slips":
                return [one for one in value if self._of_left(one[0], sides)]
            case "reader" | "member":
                return value if self._of_left(value, sides) else HIDDEN
            case _:
                return value

    def _of_left(self, member_id: str, sides: Sides) -> bool:
        member = self._directory.member(member_id)
        return member is not None and sides.is_left(member)

    def block(self, audit: Callable[[bytes], None]) -> None:
        """One block for this slot, if any child is hidden or something still waits."""
        boards, entries = self._hiding.take_veiled(CAPACITY - _MARGIN)
        if entries or self._hiding.children():
            audit(draw(entries, self._keys(boards), self._entropy))

    def _keys(self, boards: str) -> list[KemPublic]:
        found = []
        for member_id in boards.split():
            member = self._directory.member(member_id)
            live = [] if member is None else [key for key in member.keys if key.use.value == "kem"]
            live = [key for key in live if key.unit is None and key.revoked_at is None]
            if live:
                newest = max(live, key=lambda key: (key.not_before, key.key_id))
                kem = Kem.P256 if newest.algorithm is Algorithm.P256 else Kem.MLKEM768_X25519
                found.append(KemPublic.load(kem, newest.public))
        return found
