"""Sealed events with known keys: an author, a router, readers of both kinds of key, a board. All fictitious."""

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any, Final

from broker.clock import Entropy
from broker.crypto.check import check_envelope, view_for
from broker.crypto.keys import KemKey, KemPublic, SigningKey
from broker.crypto.seal import Draft, DraftPart, Sealed, seal_event
from schemas.envelope import FullEnvelope, View
from schemas.facts import RoutingFacts
from schemas.wire import ChainLink, EventClass, Field, Kem, Lane, MatterEffect, PartKind, Token, Urgency

AUTHOR: Final = "m-authoraaaa"
BOARD: Final = "m-boardaaaaa"
EVENT: Final = bytes.fromhex("0198f2a05c007a4b8c1d2e3f4a5b6c7d")
OTHER_EVENT: Final = bytes.fromhex("0198f2a05c007a4b8c1d2e3f4a5b6c7e")
CORE: Final = b'{"type":"concern.raised","what":"fictitious"}'
LOCATION: Final = b'{"residence":"1 Example Street"}'


class Drawn:
    """Entropy that anybody can draw again: the n-th draw is SHAKE-256(seed, n as four bytes), n from 0."""

    def __init__(self, seed: str) -> None:
        self._seed = seed.encode()
        self._draws = 0

    def __call__(self, count: int) -> bytes:
        drawn = hashlib.shake_256(self._seed + self._draws.to_bytes(4, "big")).digest(count)
        self._draws += 1
        return drawn


def _sign(name: str) -> SigningKey:
    return SigningKey(Drawn(f"handrail test sign {name}")(32))


def _kem(name: str, kem: Kem = Kem.MLKEM768_X25519) -> KemKey:
    return KemKey.generate(kem, Drawn(f"handrail test kem {name}")(32 if kem is Kem.P256 else 96))


@dataclass(frozen=True)
class Cast:
    """Every key of the tests. ``police`` has a P-256 key, all other readers the hybrid."""

    author: SigningKey = field(default_factory=lambda: _sign("author"))
    author_next: SigningKey = field(default_factory=lambda: _sign("author, next year"))
    mallory: SigningKey = field(default_factory=lambda: _sign("mallory"))
    router_sign: SigningKey = field(default_factory=lambda: _sign("router"))
    front_sign: SigningKey = field(default_factory=lambda: _sign("front door"))
    router: KemKey = field(default_factory=lambda: _kem("router"))
    front: KemKey = field(default_factory=lambda: _kem("front door"))
    school: KemKey = field(default_factory=lambda: _kem("school"))
    police: KemKey = field(default_factory=lambda: _kem("police", Kem.P256))
    newcomer: KemKey = field(default_factory=lambda: _kem("new front door"))
    board: KemKey = field(default_factory=lambda: _kem("board"))

    def public_of(self, key_id: str) -> bytes | None:
        """The public bytes of any signing key of the cast; all of them are trusted, mallory's too."""
        keys = (self.author, self.author_next, self.mallory, self.router_sign, self.front_sign)
        return next((key.public for key in keys if key.key_id == key_id), None)


CAST: Final = Cast()


def keys_of(*keys: KemKey) -> dict[str, KemKey]:
    """A reader's keys by id."""
    return {key.key_id: key for key in keys}


def a_part(kind: PartKind, plaintext: bytes, *readers: KemKey) -> DraftPart:
    """A part for these readers."""
    return DraftPart(kind, plaintext, tuple(reader.as_public for reader in readers))


def some_facts(**changes: Any) -> RoutingFacts:
    """The routing fields of an ordinary event."""
    facts = RoutingFacts(
        tokens=(Token(1, bytes.fromhex("aa" * 16)), Token(1, bytes.fromhex("bb" * 16))),
        acting_area="E06000063",
        residence="E06000063",
        from_area="E06000063",
        to_area="E06000064",
        readers=("m-frontaaaaa", "m-policeaaaa", "m-schoolaaaa"),
        chain=ChainLink(Lane.URGENT, 1, bytes(32)),
        matter=(MatterEffect.OPEN, bytes.fromhex("cc" * 16)),
        action=None,
    )
    return replace(facts, **changes)


def a_draft(**changes: Any) -> Draft:
    """An event in two parts: the core for three readers, the location for two of them."""
    draft = Draft(
        event_id=EVENT,
        author=AUTHOR,
        event_class=EventClass.CONCERN,
        urgency=Urgency.U1,
        created_ms=1_772_443_800_000,
        directory_version=3,
        facts=some_facts(),
        parts=(
            a_part(PartKind.CORE, CORE, CAST.front, CAST.school, CAST.police),
            a_part(PartKind.LOCATION, LOCATION, CAST.front, CAST.police),
        ),
        slips=((BOARD, b"a sealed slip"), ("m-boardbbbbb", b"another slip")),
    )
    return replace(draft, **changes)


def sealed(
    draft: Draft | None = None, *, router: KemPublic | None = None, entropy: Entropy | None = None
) -> Sealed:
    """``draft`` (or an ordinary one) sealed by the author; the same every time but for the key wraps."""
    return seal_event(
        draft or a_draft(), signer=CAST.author, router=router, entropy=entropy or Drawn("handrail test event")
    )


def view_of(reader: KemKey, envelope: FullEnvelope | None = None, *fields: Field) -> View:
    """The view that the router cuts for one reader."""
    checked = check_envelope(envelope or sealed().envelope, CAST.public_of, keys_of(CAST.router))
    return view_for(checked, {reader.key_id}, set(fields))
