"""Audit entries as the router would write them, a board that reads them, and questions put to it. No bus."""

import random
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from broker.audit.projection import BoardKeys, Projection
from broker.crypto.keys import KemPublic
from broker.crypto.signing import sign
from broker.crypto.slips import OwnSlipKey, new_slip_key, seal_slip
from broker.crypto.vault import Vault
from broker.store.audit.rows import Found, Question, Scope
from broker.store.audit.store import AuditStore
from schemas import canonical
from schemas.audit import ENTRY_VERSION, AuditEntry, EntryKind
from schemas.bands import Bands
from schemas.control import SlipKey
from schemas.slip import BoardSlip, Informed, ObligationSlip
from schemas.wire import Kem
from tests.support.directory import CUMBERLAND, WESTMORLAND, World, a_directory

AT_MS: Final = 1_772_443_800_000
"""2 March 2026, 09:30 UTC."""


def an_id(name: str) -> bytes:
    """Sixteen bytes that are always the same for a name."""
    return random.Random(name).randbytes(16)


@dataclass(slots=True)
class Trail:
    """Writes entries, numbered from 1, a second apart."""

    world: World = field(default_factory=cache(a_directory))
    entries: list[bytes] = field(default_factory=list)
    number: int = 0
    ids: Mapping[str, str] = field(default_factory=dict)
    """Members' ids, where they are not those of ``world``."""

    def add(self, kind: EntryKind | str, **fields: Any) -> int:
        """One entry; gives its number. A field that is None is left out; ``after_ms`` is none, but makes it later."""
        self.number += 1
        after_ms = int(fields.pop("after_ms", 0))
        present = {name: value for name, value in fields.items() if value is not None}
        salt, at_ms = an_id(f"salt {self.number}"), AT_MS + self.number * 1000 + after_ms
        row = [ENTRY_VERSION, salt, 0, self.number, at_ms, str(kind), present]
        self.entries.append(canonical.encode(row))
        return self.number

    def skip(self, count: int = 1) -> None:
        """Let numbers go missing."""
        self.number += count

    def taken(
        self,
        event: str,
        *,
        child: str = "child",
        area: str = CUMBERLAND,
        author: str = "school",
        author_id: str | None = None,
        slip: tuple[OwnSlipKey, str, str | None] | None = None,
        event_class: int | None = None,
        **fields: Any,
    ) -> int:
        """An event about a child of ``area``; ``slip`` is key, case reference and kind."""
        slips = [] if slip is None else [[self.board, self.a_slip(event, author, *slip)]]
        whole = {
            "child": an_id(child),
            "origin": an_id(child),
            "event": an_id(event),
            "author": author_id or self.member(author),
            "acting": area,
            "holder": area,
            "safety": area,
            "areas": [area],
            "readers": [[self.member("cumberland"), 1]],
            "slips": slips,
            "class": event_class,
        }
        return self.add(EntryKind.TAKEN, **(whole | fields))

    def key(self, author: str = "school") -> tuple[OwnSlipKey, dict[str, Any]]:
        """An author's slip key, and the fields of the entry that sets it up."""
        seat = self.world[author]
        noise = random.Random(f"key {author}").randbytes
        own = new_slip_key(str(seat.id), self.board, self._board_key(), noise)
        setup = sign(seat.sign, SlipKey.LABEL, own.setup.to_bytes())
        return own, {"author": str(seat.id), "board": self.board, "setup": setup}

    def _board_key(self) -> KemPublic:
        return KemPublic.load(Kem.MLKEM768_X25519, self.world["board"].kem.public)

    def owed(
        self,
        event: str,
        key: OwnSlipKey,
        kind: str,
        *,
        met_ms: int | None = None,
        reason: str | None = None,
        author: str = "school",
    ) -> int:
        """A member's word on something owed about an event: due in 14 days from the beginning."""
        word = ObligationSlip(kind, AT_MS, AT_MS + 14 * 86_400_000, met_ms, reason)
        name = f"{kind} {event} {met_ms}"
        sealed = seal_slip(
            key.secret,
            key.setup.key_ref,
            author=self.member(author),
            board=self.board,
            event_id=an_id(name),
            plaintext=word.to_bytes(),
            entropy=random.Random(name).randbytes,
        )
        about = {"event": an_id(event), "id": an_id(name), "ref": an_id(f"{kind} {event}")}
        slips = [[self.board, sealed]]
        return self.add(
            EntryKind.OBLIGATION, child=an_id(event), owner=self.member(author), slips=slips, **about
        )

    def a_slip(
        self,
        event: str,
        author: str,
        key: OwnSlipKey,
        kind: str,
        case_ref: str | None,
        code: str | None = None,
        informed: Informed = (),
        bands: Bands | None = None,
    ) -> bytes:
        """A sealed slip."""
        why = "promote_welfare", "safeguarding_public_task"
        said = BoardSlip(kind, *why, AT_MS, AT_MS, case_ref, code, informed, bands)
        return seal_slip(
            key.secret,
            key.setup.key_ref,
            author=self.member(author),
            board=self.board,
            event_id=an_id(event),
            plaintext=said.to_bytes(),
            entropy=random.Random(event).randbytes,
        )

    def receipt(
        self, event: str, reader: str, kind: int, *, after_ms: int = 0, role: str | None = None
    ) -> int:
        """A reader's word on an event; ``after_ms``: how much later than an entry at this place would be."""
        return self.add(
            EntryKind.RECEIPT,
            after_ms=after_ms,
            event=an_id(event),
            reader=self.member(reader),
            number=1,
            receipt=int(kind),
            role=role,
        )

    def member(self, name: str) -> str:
        """A member's id."""
        return self.ids.get(name) or str(self.world[name].id)

    @property
    def board(self) -> str:
        """The board's id."""
        return self.member("board")

    def projection(self) -> Projection:
        """The board's reader."""
        directory, seat = self.world.directory, self.world["board"]

        def owner_of(key_id: str) -> str | None:
            key = directory.key(key_id)
            return None if key is None else str(key.owner)

        kems = {seat.kem.key_id: seat.kem}
        return Projection(BoardKeys(self.board, kems, Vault(bytes(32)), directory.public_of, owner_of))

    @contextmanager
    def store(
        self, path: Path | str, entries: Iterable[bytes] | None = None, *, batch: int = 1000
    ) -> Iterator[AuditStore]:
        """A store that has taken these entries (all, if none are given), so many in a transaction."""
        store = AuditStore(path)
        projection = self.projection()
        waiting = list(self.entries if entries is None else entries)
        try:
            while waiting:
                with store.work() as work:
                    for data in waiting[:batch]:
                        projection.take(work, data)
                del waiting[:batch]
            yield store
        finally:
            store.close()


def ask(store: AuditStore, *areas: str, members: Iterable[str] = (), **more: Any) -> list[int]:
    """The numbers of the entries that a board of these areas is shown."""
    return [one.row.place.number for one in find(store, *areas, members=members, **more)]


def find(store: AuditStore, *areas: str, members: Iterable[str] = (), **more: Any) -> list[Found]:
    """What a board of these areas is shown; of both example areas if none is named."""
    scope = Scope(frozenset(areas or (CUMBERLAND, WESTMORLAND)), frozenset(members))
    with store.work() as work:
        return work.answer(Question(scope, **more))


def as_entry(number: int, kind: EntryKind, fields: Mapping[str, Any], *, partition: int = 0) -> bytes:
    """One entry with the router's own writer."""
    return AuditEntry(bytes(16), partition, number, AT_MS, kind, dict(fields)).to_bytes()
