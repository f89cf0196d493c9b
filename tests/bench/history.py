"""How long a child's history of 1,000 events takes from its release to its opening in the new area.

Server, router and both front doors' gateways are at work, all but the server in one process, so that nothing runs beside
anything. Beside it, in the same process: the cryptography alone of the same events, as the protocol asks for it - at the
old side each event is verified, its parts are opened and sealed anew, the grant is signed; at the router the grant is
verified and its note signed; at the new side note, grant and author are verified, the parts' keys unwrapped and put into the
vault; and then each is verified and opened once more to be read. What the ratio holds besides is the bus, six databases that write to disk, reading
and writing messages, the policy of each event, and the people's view of it.
"""

import asyncio
import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from adapters.gateway.api import Gateway
from adapters.gateway.frontdoor.actions import Person
from adapters.gateway.record.composing import kem_public
from broker.crypto.check import read_manifest
from broker.crypto.grants import grant_part, open_grant, read_grant, sign_grant
from broker.crypto.open import open_with_key
from broker.crypto.signing import sign, verify
from schemas.control import Note
from schemas.envelope import View
from schemas.orders import Grant
from schemas.wire import InKind
from tests.support.events import CUMBERLAND, a_document
from tests.support.exchange import Exchange, exchange, settled

_EVENTS: Final = 1_000
_LIMIT_S: Final = 240.0
_WORKER: Final = Person("Rowan Example", "social worker")


def run() -> list[tuple[str, str]]:
    """The whole way, then the cryptography of it."""
    with tempfile.TemporaryDirectory(prefix="handrail-bench-") as folder:
        released, opened, crypto = asyncio.run(_measure(Path(folder)))
    whole = released + opened
    return [
        ("events in the history", f"{_EVENTS:,}"),
        ("from release until the last grant is in the new area", f"{released:.2f} s"),
        ("opening all of them as a chronology", f"{opened:.2f} s"),
        ("their cryptography alone", f"{crypto:.2f} s"),
        ("ratio (goal at most 3)", f"{whole / crypto:.1f}"),
    ]


async def _measure(folder: Path) -> tuple[float, float, float]:
    async with (
        exchange(folder) as it,
        it.router(),
        it.gateway("health") as health,
        it.gateway("cumberland") as old,
        it.gateway("westmorland") as new,
    ):
        await _a_history(old, health)
        handover = await _a_move(old, health)
        began = time.perf_counter()
        old.actions.release(handover, _WORKER)
        await settled(lambda: _came(new, bytes.fromhex(handover)) == _EVENTS, within=_LIMIT_S)
        released = time.perf_counter() - began
        with new.home.store.look() as work:
            child = next(row.child for row in work.inbox.history() if row.child is not None)
        began = time.perf_counter()
        lines = new.chronology(child.hex())
        opened = time.perf_counter() - began
        assert len(lines) >= _EVENTS
        return released, opened, min(cryptography(it, old, new) for _ in range(3))


async def _a_history(old: Gateway, health: Gateway) -> None:
    here = {"residence": {"gss": CUMBERLAND}}
    old.publish(a_document("plan.opened", n=1, **here))
    await settled(old.inbox, within=_LIMIT_S)
    health.publish_many(a_document("appointment.missed", n=n, **here) for n in range(2, _EVENTS + 1))
    await settled(lambda: len(old.inbox()) == _EVENTS, within=_LIMIT_S)


async def _a_move(old: Gateway, health: Gateway) -> str:
    health.publish(a_document("move.notified", n=_EVENTS + 1))
    views = await settled(old.actions.handovers, within=_LIMIT_S)
    await settled(lambda: len(old.inbox()) == _EVENTS + 1, within=_LIMIT_S)
    return str(views[0].handover.hex())


def _came(new: Gateway, handover: bytes) -> int:
    """Cheap: it is asked all the while."""
    with new.home.store.look() as work:
        return sum(work.inbox.history_count(row.order_id) for row in work.inbox.orders_for(handover))


def cryptography(
    it: Exchange, old: Gateway, new: Gateway, events: int = _EVENTS, *, read: bool = True
) -> float:
    """Every operation on every event, and nothing in between; with ``read``, people's opening of it too."""
    public_of = it.directory.public_of
    signer, member = old.home.signer(), it.directory.member(new.home.member_id)
    assert member is not None
    reader = kem_public(member, old.home.clock())
    assert reader is not None
    order, order_id, note = os.urandom(32), os.urandom(16), os.urandom(200)
    with old.home.store.look() as work:
        rows = [row for row in work.inbox.of_kind([int(InKind.VIEW)]) if row.child is not None][:events]
        held = [(View.from_bytes(row.body), work.inbox.keys_of(row.message_id)) for row in rows]
    with _counted() as seconds:
        for view, keys in held:
            manifest, _ = read_manifest(view.signed, public_of)
            granted = []
            for part in view.parts:
                key = old.home.vault.open(keys[part.index])
                open_with_key(manifest, part.index, part.ciphertext, key)
                made = grant_part(
                    manifest,
                    part.index,
                    part.ciphertext,
                    key,
                    reader=reader,
                    grantor_key=signer.key_id,
                    order=order,
                )
                granted.append(made)
            grant = Grant(
                order_id,
                old.home.member_id,
                new.home.member_id,
                manifest.header.event_id,
                1,
                1,
                1,
                1,
                view.signed,
                tuple(granted),
            )
            signed = sign_grant(grant, signer)
            read_grant(signed, public_of)  # the router
            noted = sign(signer, Note.LABEL, note)
            verify(noted, Note.LABEL, public_of)  # the new side
            taken, key_id = read_grant(signed, public_of)
            opened = open_grant(taken, key_id, order, public_of, new.home.keyring.kems)
            kept = [new.home.vault.close(part.key) for part in opened.parts]
            if not read:
                continue
            again, _ = read_grant(signed, public_of)
            manifest, _ = read_manifest(again.signed, public_of)
            for sealed, wrapped in zip(again.parts, kept, strict=True):
                open_with_key(manifest, sealed.index, sealed.ciphertext, new.home.vault.open(wrapped))
    return seconds[0]


@contextlib.contextmanager
def _counted() -> Iterator[list[float]]:
    seconds = [0.0]
    began = time.perf_counter()
    yield seconds
    seconds[0] = time.perf_counter() - began


if __name__ == "__main__":
    for what, measured in run():
        print(f"{what:<60} {measured}")
