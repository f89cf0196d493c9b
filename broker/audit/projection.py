"""From the router's audit entries to the board's query store. Deterministic: the same entries give the same store."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from broker.crypto.errors import CryptoRejectedError
from broker.crypto.keys import KemKey
from broker.crypto.signing import PublicOf, verify
from broker.crypto.slips import open_slip, open_slip_key, slip_key_ref
from broker.crypto.vault import Vault
from broker.store.audit.store import AuditWork, SealedSlip, Slip
from schemas import canonical
from schemas.audit import AuditEntry, EntryKind
from schemas.control import SlipKey
from schemas.reading import MalformedMessageError
from schemas.slip import BoardSlip

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class BoardKeys:
    """What a board opens slips with, and where it keeps their keys."""

    board: str
    kems: Mapping[str, KemKey]
    vault: Vault
    public_of: PublicOf


class Projection:
    """Takes entries in, in order; a repeat changes nothing."""

    def __init__(self, keys: BoardKeys) -> None:
        self._keys = keys

    def take(self, work: AuditWork, data: bytes) -> bool:
        """Take one entry. False if it was there, or is no entry."""
        try:
            entry = AuditEntry.from_bytes(data)
        except (canonical.NotCanonicalError, MalformedMessageError):
            _log.warning("not-an-entry", bytes=len(data))
            return False
        fields = entry.fields
        child, event_id = _bytes(fields, "child"), _bytes(fields, "event")
        if child is None and event_id is not None:
            child = work.child_of_event(event_id)
        fresh = work.add(
            partition=entry.partition,
            number=entry.number,
            at_ms=entry.at_ms,
            kind=entry.kind.value,
            child=child,
            event_id=event_id,
            actor=_actor(fields),
            body=data,
        )
        if fresh:
            self._learn(work, entry.kind, fields, child)
        return fresh

    def _learn(self, work: AuditWork, kind: EntryKind, fields: dict[str, Any], child: bytes | None) -> None:
        match kind:
            case EntryKind.CHILD_TOKEN if child is not None:
                work.child_known(child, fields.get("areas", ()), fields.get("tokens", ()))
            case EntryKind.LINKED if child is not None:
                work.child_known(child, (), fields.get("tokens", ()))
                for merged in fields.get("merged", ()):
                    work.join(merged, child)
            case EntryKind.HANDOVER if child is not None:
                work.child_known(child, [fields["from_area"], fields["to_area"]], ())
            case EntryKind.SLIP_KEY:
                self._slip_key(work, fields)
            case EntryKind.TAKEN if child is not None:
                areas = {fields[name] for name in ("acting", "holder", "safety") if name in fields}
                work.child_known(child, sorted(areas), ())
                self._slips(work, fields, child)
            case _:
                pass

    def _slip_key(self, work: AuditWork, fields: dict[str, Any]) -> None:
        if fields.get("board") != self._keys.board:
            return
        try:
            setup = SlipKey.from_bytes(verify(fields["setup"], SlipKey.LABEL, self._keys.public_of).payload)
            secret = open_slip_key(setup, self._keys.kems[setup.board_key_id])
        except (CryptoRejectedError, KeyError, canonical.NotCanonicalError, MalformedMessageError) as error:
            _log.warning("slip-key-unusable", error=type(error).__name__)
            return
        work.add_key(setup.author, setup.key_ref, self._keys.vault.close(secret))
        for slip in work.waiting_for(setup.author, setup.key_ref):
            self._open(work, slip, secret)

    def _slips(self, work: AuditWork, fields: dict[str, Any], child: bytes) -> None:
        for board, body in fields.get("slips", ()):
            if board != self._keys.board:
                continue
            slip = SealedSlip(fields["event"], child, fields["author"], body)
            try:
                key_ref = slip_key_ref(body)
            except CryptoRejectedError:
                continue
            wrapped = work.key(slip.author, key_ref)
            if wrapped is None:
                work.wait_for_key(slip, key_ref)
            else:
                self._open(work, slip, self._keys.vault.open(wrapped))

    def _open(self, work: AuditWork, slip: SealedSlip, secret: bytes) -> None:
        try:
            plain = open_slip(
                secret, slip.body, author=slip.author, board=self._keys.board, event_id=slip.event_id
            )
            read = BoardSlip.from_bytes(plain)
        except (CryptoRejectedError, canonical.NotCanonicalError, MalformedMessageError) as error:
            _log.warning("slip-unusable", error=type(error).__name__)
            return
        work.add_slip(
            slip.event_id,
            slip.child,
            Slip(
                read.event_type, read.purpose, read.basis, read.occurred_ms, read.recorded_ms, read.case_ref
            ),
        )


def _bytes(fields: dict[str, Any], name: str) -> bytes | None:
    value = fields.get(name)
    return value if isinstance(value, bytes) else None


def _actor(fields: dict[str, Any]) -> str | None:
    for name in ("author", "reader", "grantor", "member", "by", "owner"):
        value = fields.get(name)
        if isinstance(value, str):
            return value
    return None
