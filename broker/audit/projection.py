"""From the router's audit entries to the board's query store.

The same entries give the same store, however often and in whatever batches they come. What an entry says is
never taken on trust of its form: a message that is no entry is kept and counted, an unknown kind is kept as it is.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import structlog

from broker.audit.learning import learn, thread_of
from broker.audit.reading import Entry, NotAnEntryError, read_entry, read_veiled
from broker.crypto.errors import CryptoRejectedError
from broker.crypto.keys import KemKey
from broker.crypto.signing import PublicOf, verify
from broker.crypto.slips import open_slip, open_slip_key, slip_key_ref
from broker.crypto.vault import Vault
from broker.crypto.veil import lift
from broker.store.audit import tables as t
from broker.store.audit.batch import Batch
from broker.store.audit.rows import Came, Owing, SealedSlip, Slip, SlipState, write_bands, write_informed
from broker.store.audit.store import AuditWork
from schemas import canonical
from schemas.audit import EntryKind
from schemas.control import SlipKey
from schemas.reading import MalformedMessageError
from schemas.slip import BoardSlip, ObligationSlip

_log = structlog.get_logger()

OwnerOf: TypeAlias = Callable[[str], str | None]
"""The member that a published key belongs to."""

_SEALS: Final = frozenset({EntryKind.TAKEN, EntryKind.OBLIGATION})
_WANT_KEYS: Final = frozenset({EntryKind.VEILED, EntryKind.SLIP_KEY})
"""Kinds of which only the holder of the board's own keys learns all."""


@dataclass(frozen=True, slots=True)
class BoardKeys:
    """What a board opens slips with, and where it keeps their keys."""

    board: str
    kems: Mapping[str, KemKey]
    vault: Vault
    public_of: PublicOf
    owner_of: OwnerOf


@dataclass(slots=True)
class _Pass:
    """One batch on its way: rows so far, and the slip keys that it has opened."""

    work: AuditWork
    batch: Batch = field(default_factory=Batch)
    keys: dict[tuple[str, bytes], bytes] = field(default_factory=dict)
    opened: set[bytes] = field(default_factory=set)
    """Events whose slips had waited."""


class Projection:
    """Takes entries in; a repeat changes nothing."""

    def __init__(self, keys: BoardKeys) -> None:
        self._keys = keys

    @property
    def board(self) -> str:
        """Whose it is."""
        return self._keys.board

    def take(self, work: AuditWork, data: bytes) -> bool:
        """Take one message of the trail. False if it was there, is no entry, or contradicts one."""
        return self.take_all(work, [Came(data)]) == 1

    def take_all(self, work: AuditWork, came: Sequence[Came]) -> int:
        """Take messages of the trail, into the mirror and into what is learnt from it; gives how many were new."""
        entries = list(self._read(work, came))
        fresh = work.add(entries)
        self._learn(work, fresh)
        return len(fresh)

    def relearn(self, work: AuditWork, came: Sequence[Came]) -> None:
        """Learn entries that the mirror has, and of which nothing was learnt or all was forgotten."""
        entries = [read_entry(one.body, known=True) for one in came]
        work.mend_holes(entry.place for entry in entries)
        self._learn(work, entries)

    def teach(
        self, batch: Batch, bodies: Iterable[bytes], secrets: Mapping[tuple[str, bytes], bytes]
    ) -> None:
        """What entries of the mirror teach whoever knows these slip keys, apart from those that want the board's own."""
        entries = [read_entry(body, known=True) for body in bodies]
        entries = [entry for entry in entries if entry.kind not in _WANT_KEYS]
        for entry in entries:
            learn(batch, entry)
        self._put(batch, self._all_sealed(entries), secrets)

    def slip_keys(self, bodies: Iterable[bytes]) -> dict[tuple[str, bytes], bytes]:
        """The secrets that these entries set up for this board, by author and reference: the first of each."""
        entries = (read_entry(body, known=True) for body in bodies)
        found = (self._secret(entry) for entry in entries if entry.kind == EntryKind.SLIP_KEY)
        return dict(reversed([one for one in found if one is not None]))

    def _read(self, work: AuditWork, came: Iterable[Came]) -> Iterator[tuple[Entry, Came]]:
        for one in came:
            try:
                yield read_entry(one.body), one
            except NotAnEntryError as error:
                _log.warning("not-an-entry", bytes=len(one.body))
                work.add_unread(one.body, str(error))

    def _learn(self, work: AuditWork, entries: Sequence[Entry]) -> None:
        going = _Pass(work)
        blocks = [entry for entry in entries if entry.kind == EntryKind.VEILED]
        entries = [*entries, *(one for block in blocks for one in self.lifted(block))]
        for entry in entries:
            learn(going.batch, entry)
            if entry.kind == EntryKind.SLIP_KEY:
                self._slip_key(going, entry)
        sealed = self._all_sealed(entries)
        going.keys |= {
            name: self._keys.vault.open(wrapped)
            for name, wrapped in work.keys(
                {(slip.author, slip.key_ref) for slip in sealed if slip.key_ref}
            ).items()
            if name not in going.keys
        }
        self._put(going.batch, sealed, going.keys)
        work.write(going.batch)
        work.add_turns({*going.batch.events(), *going.opened})

    def _all_sealed(self, entries: Iterable[Entry]) -> list[SealedSlip]:
        return [slip for entry in entries if entry.kind in _SEALS for slip in self._sealed(entry)]

    def _put(
        self, batch: Batch, sealed: Iterable[SealedSlip], secrets: Mapping[tuple[str, bytes], bytes]
    ) -> None:
        for slip in sealed:
            secret = None if slip.key_ref is None else secrets.get((slip.author, slip.key_ref))
            said = None if secret is None else self._open(slip, secret)
            waits = slip.key_ref is not None and secret is None
            state = SlipState.OPEN if said else SlipState.WAITING if waits else SlipState.SHUT
            if slip.about is None:
                batch.put(t.slips, **_slip_row(slip, state, said))
            else:
                batch.put(t.obligations, **_owed_row(slip, slip.about, state, said))

    def lifted(self, entry: Entry) -> Iterator[Entry]:
        """What stands in a sealed block, if it is for this board."""
        sealed = entry.fields.get("sealed")
        if not isinstance(sealed, bytes):
            return
        try:
            items = lift(sealed, self._keys.kems) or []
        except CryptoRejectedError as error:
            _log.warning("block-unusable", error=type(error).__name__)
            return
        for number, item in enumerate(items, start=1):
            try:
                yield read_veiled(entry, number, item)
            except NotAnEntryError:
                _log.warning("not-an-entry", bytes=len(item))

    def _secret(self, entry: Entry) -> tuple[tuple[str, bytes], bytes] | None:
        body = entry.fields.get("setup")
        if entry.text_of("board") != self._keys.board or not isinstance(body, bytes):
            return None
        try:
            signed = verify(body, SlipKey.LABEL, self._keys.public_of)
            setup = SlipKey.from_bytes(signed.payload)
            # The router has looked, but a slip is only as good as this: its key comes from its author.
            if self._keys.owner_of(signed.key_id) != setup.author:
                _log.warning("slip-key-of-another", author=setup.author)
                return None
            secret = open_slip_key(setup, self._keys.kems[setup.board_key_id])
        except (CryptoRejectedError, KeyError, canonical.NotCanonicalError, MalformedMessageError) as error:
            _log.warning("slip-key-unusable", error=type(error).__name__)
            return None
        return (setup.author, setup.key_ref), secret

    def _slip_key(self, going: _Pass, entry: Entry) -> None:
        opened = self._secret(entry)
        if opened is None:
            return
        name, secret = opened
        going.batch.row(t.slip_keys, *name, self._keys.vault.close(secret))
        going.keys.setdefault(name, secret)
        for slip in going.work.waiting_for(*name):
            said = self._open(slip, secret)
            state = SlipState.OPEN if said else SlipState.SHUT
            row = (
                _slip_row(slip, state, said)
                if slip.about is None
                else _owed_row(slip, slip.about, state, said)
            )
            going.work.slip_came(slip, row)
            going.opened.add(slip.event_id)

    def _sealed(self, entry: Entry) -> Iterator[SealedSlip]:
        """The slip that is addressed to this board, if there is one; another board's is never tried."""
        author, event_id, about = entry.text_of("author"), entry.bytes_of("event"), None
        if entry.kind == EntryKind.OBLIGATION:
            author, event_id = entry.text_of("owner"), entry.bytes_of("id")
            ref, thread = entry.bytes_of("ref"), thread_of(entry)
            if ref is None or thread is None:
                return
            about = Owing(ref, thread, entry.bytes_of("origin") or entry.bytes_of("child"), entry.place)
        for board, body in entry.pairs_of("slips"):
            if board != self._keys.board or author is None or event_id is None or not isinstance(body, bytes):
                continue
            try:
                yield SealedSlip(event_id, author, slip_key_ref(body), entry.at_ms, body, about)
            except CryptoRejectedError:
                yield SealedSlip(event_id, author, None, entry.at_ms, body, about)

    def _open(self, slip: SealedSlip, secret: bytes) -> Slip | ObligationSlip | None:
        try:
            plain = open_slip(
                secret, slip.body, author=slip.author, board=self._keys.board, event_id=slip.event_id
            )
            if slip.about is not None:
                return ObligationSlip.from_bytes(plain)
            read = BoardSlip.from_bytes(plain)
        except (CryptoRejectedError, canonical.NotCanonicalError, MalformedMessageError) as error:
            _log.warning("slip-unusable", error=type(error).__name__)
            return None
        return Slip(
            read.event_type,
            read.purpose,
            read.basis,
            read.occurred_ms,
            read.recorded_ms,
            read.case_ref,
            read.code,
            read.informed,
            read.bands,
        )


def _owed_row(
    slip: SealedSlip, about: Owing, state: SlipState, said: Slip | ObligationSlip | None
) -> dict[str, object]:
    opened = said if isinstance(said, ObligationSlip) else None
    return {
        "id": slip.event_id,
        "member": slip.author,
        "ref": about.ref,
        "thread": about.thread,
        "record": about.record,
        "partition": about.place.partition,
        "number": about.place.number,
        "at_ms": slip.at_ms,
        "key_ref": slip.key_ref,
        "state": state.value,
        "body": slip.body if state is SlipState.WAITING else None,
        "kind": opened.kind if opened else None,
        "opened_ms": opened.opened_ms if opened else None,
        "due_ms": opened.due_ms if opened else None,
        "met_ms": opened.met_ms if opened else None,
        "reason": opened.reason if opened else None,
    }


def _slip_row(slip: SealedSlip, state: SlipState, told: Slip | ObligationSlip | None) -> dict[str, object]:
    said = told if isinstance(told, Slip) else None
    age, ethnicity, disabled = write_bands(said.bands if said else None)
    return {
        "event_id": slip.event_id,
        "author": slip.author,
        "key_ref": slip.key_ref,
        "state": state.value,
        "at_ms": slip.at_ms,
        "body": slip.body if state is SlipState.WAITING else None,
        "event_type": said.event_type if said else None,
        "purpose": said.purpose if said else None,
        "basis": said.basis if said else None,
        "occurred_ms": said.occurred_ms if said else None,
        "recorded_ms": said.recorded_ms if said else None,
        "case_ref": said.case_ref if said else None,
        "code": said.code if said else None,
        "informed": write_informed(said.informed) if said else None,
        "age": age,
        "ethnicity": ethnicity,
        "disabled": disabled,
    }
