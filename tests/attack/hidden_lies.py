"""Lies about where a hidden child is: a front door that wants a history which is not for it, with the router's help.

Told in the exchange of ``tests.distinguish``: the stage of the other lies has no protection endorsers.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from adapters.gateway.errors import NobodyVouchesError
from adapters.gateway.orders.moves import Showable
from adapters.gateway.record.composing import kem_public
from broker.clock import to_ms
from broker.crypto.check import read_manifest
from broker.crypto.endorsing import OneTimeKeys, endorse, request
from broker.crypto.moves import show
from broker.crypto.signing import unverified_payload
from broker.routing.desk import Desk, Item
from schemas import canonical
from schemas.audit import EntryKind
from schemas.handover import HandoverView
from schemas.hiding import HIDDEN, Asked, Endorsed, Shown, Ticket
from schemas.members import ROUTER
from schemas.wire import Field, InKind, Lane, OutKind
from tests.attack.stage import WORKER, Stage
from tests.distinguish.story import _accept, _arrival, moment
from tests.distinguish.world import DURHAM, LANCASHIRE, OLD, Mesh, a_mesh
from tests.support.events import SIBLING

ENDORSERS: Final = ("endorser-1", "endorser-2", "endorser-3")
_HANDOVER: Final = b"curious handover"


@contextmanager
def _mesh() -> Iterator[Mesh]:
    """The child of the story has a plan in the old area, and the police have been; its sibling has gone to Lancashire."""
    mesh = a_mesh(11)
    try:
        mesh.publish("old", "plan.opened", area=OLD, details={"plan_ref": "plan-1"})
        mesh.run(moment(0.5))
        mesh.publish("police", "da.incident", area=OLD)
        sibling = {"nhs_number": SIBLING}
        mesh.publish("old", "plan.opened", area=OLD, subject=sibling, details={"plan_ref": "plan-2"})
        mesh.run(moment(1))
        between = {"from_area": OLD, "to_area": LANCASHIRE}
        mesh.publish("lancashire-health", "move.notified", area=LANCASHIRE, subject=sibling, details=between)
        mesh.run(moment(3))
        yield mesh
    finally:
        mesh.close()
        mesh.remove()


def _says(mesh: Mesh, name: str, item: Item) -> None:
    """The router says what it likes, and signs it."""
    with mesh.store.work() as work:
        desk = Desk(work.outgoing, mesh.batch._keys, mesh.batch._entropy, to_ms(mesh.now))
        desk.deliver(mesh.members[name], item)
    mesh._carry()


def _notice(mesh: Mesh, word: str, fields: Mapping[str, bytes], child: bytes | None = None) -> Item:
    body = canonical.encode([word, dict(fields)])
    return Item(InKind.NOTICE, mesh.batch._entropy(16), ROUTER, body, child=child)


def _hands_on(mesh: Mesh, asked: Asked) -> list[str]:
    """The router hands a request to every endorser, though no handover calls for it; gives what each wrote down."""
    moves = dict(asked.shown)
    for name in ENDORSERS:
        fields = {"request": asked.signed, "move": moves.get(mesh.members[name], b"")}
        _says(mesh, name, _notice(mesh, "endorse", fields))
    mesh.run(mesh.now + timedelta(minutes=20))
    return _answers(mesh, _HANDOVER)


def _answers(mesh: Mesh, handover: bytes | None = None) -> list[str]:
    """What each endorser wrote down; of what it refused its people are alarmed."""
    found = []
    for name in ENDORSERS:
        rows = [row for row in mesh[name].orders.hidden.endorsing.all() if handover in {None, row.handover}]
        alarms = {alarm.code for alarm in mesh[name].alarms()}
        assert ("asked-to-vouch" in alarms) == any(row.code for row in rows)
        found += [row.code or "vouched for" for row in rows]
    return found


def _shows(mesh: Mesh, name: str) -> Showable:
    """The move that a front door would show."""
    moves = mesh[name].orders.hidden._moves
    with mesh[name].home.store.look() as work:
        children = sorted({row.child for row in work.inbox.about_children(int(InKind.VIEW)) if row.child})
        [best] = [one for one in (moves.best(work, child) for child in children) if one is not None]
    return best


def _asks(mesh: Mesh, best: Showable, *, shown: bool = True) -> Asked:
    """Lancashire asks for fresh keys of its own to be vouched for, on that move, under its own signature."""
    home, keys = mesh["lancashire"].home, OneTimeKeys.generate(mesh.batch._entropy)
    manifest, _ = read_manifest(best.signed, mesh.directory.public_of)
    ticket = Ticket(
        handover=_HANDOVER,
        kem_public=keys.kem.public,
        sign_public=keys.sign.public,
        directory_version=home.directory.version,
        expires_ms=to_ms(mesh.now + timedelta(days=100)),
        child=dict(manifest.header.field_hashes)[Field.TOKENS],
    )
    copies = []
    for name in ENDORSERS if shown else ():
        member = mesh.directory.member(mesh.members[name])
        public = None if member is None else kem_public(member, mesh.now)
        assert public is not None
        copies.append((str(mesh.members[name]), show(Shown(best.signed, best.to), ticket, public)))
    return Asked(request(ticket, home.signer()), best.child, tuple(copies))


def asks_without_a_move(stage: Stage) -> object:
    """An honest router knows of no such handover; another hands the request on, and there is nothing to show."""
    with _mesh() as mesh:
        asked, door = _asks(mesh, _shows(mesh, "lancashire"), shown=False), mesh["lancashire"]
        stage.lies()
        with door.home.store.work() as work:
            door.publishing.control(work, OutKind.ONE_TIME, asked.to_bytes(), Lane.URGENT, "curious")
        mesh.goes("lancashire")
        mesh.run(mesh.now + timedelta(minutes=20))
        refused = [entry.fields["code"] for entry in mesh.entries(EntryKind.REFUSED)]
        assert [] == _answers(mesh, _HANDOVER)
        found = _hands_on(mesh, asked)
        stage.found()
        return refused, found


def shows_a_move_elsewhere(stage: Stage) -> object:
    """A move to Durham that it has come by: signed, of this child, and not to it."""
    with _mesh() as mesh:
        _arrival(mesh, DURHAM)
        mesh.run(moment(4))
        stage.lies()
        found = _hands_on(mesh, _asks(mesh, _shows(mesh, "durham")))
        stage.found()
        return found


def shows_anothers_move(stage: Stage) -> object:
    """The sibling has really come to it. Endorsers do not know which child a handover is of; the old area does."""
    with _mesh() as mesh:
        asked = _asks(mesh, _shows(mesh, "lancashire"))
        stage.lies()
        vouched = _hands_on(mesh, asked)
        _claims_the_child(mesh, asked)
        stage.found()
        return vouched, _cannot_release(mesh, _HANDOVER), {alarm.code for alarm in mesh["old"].alarms()}


def _claims_the_child(mesh: Mesh, asked: Asked) -> None:
    """The router tells the old area that its child is handed over to whoever holds those keys, vouched for as they are."""
    old = mesh["old"].home
    with old.store.look() as work, mesh.store.work() as at_router:
        first = work.inbox.get(1)
        assert first is not None
        child = at_router.hiding.given_to(old.member_id, first.number)
    view = HandoverView(
        handover=_HANDOVER,
        kind="move",
        state="noticed",
        from_area=OLD,
        to_area=HIDDEN,
        holder=OLD,
        safety=HIDDEN,
        urgency=1,
        opened_ms=to_ms(mesh.now),
        changed_ms=to_ms(mesh.now),
        verified=False,
        granted=0,
        expected=0,
        due=(),
    )
    _says(mesh, "old", Item(InKind.HANDOVER, _HANDOVER, ROUTER, view.to_bytes(), child=child))
    ticket = Ticket.from_bytes(unverified_payload(asked.signed))
    words = tuple(sorted(endorse(ticket, mesh[name].home.signer()) for name in ENDORSERS[:2]))
    told = Endorsed(ticket.to_bytes(), words, asked.child).to_bytes()
    _says(mesh, "old", _notice(mesh, "endorsed", {"handover": _HANDOVER, "endorsed": told}, child))
    mesh.run(mesh.now + timedelta(minutes=20))


def shows_one_move_twice(stage: Stage) -> object:
    """Other keys for the same handover, on a move that has served once."""
    with _mesh() as mesh:
        best = _shows(mesh, "lancashire")
        stage.lies()
        _hands_on(mesh, _asks(mesh, best))
        found = sorted(_hands_on(mesh, _asks(mesh, best)))
        stage.found()
        return found


def reports_the_move_itself(stage: Stage) -> object:
    """Only its own word. A person at each endorser can ask there and vouch, by name; then the old area may release."""
    with _mesh() as mesh:
        stage.lies()
        between = {"from_area": OLD, "to_area": DURHAM}
        mesh.publish("durham", "move.notified", area=DURHAM, details=between)
        mesh.run(moment(5))
        [view] = mesh["durham"].actions.handovers()
        refused = _answers(mesh, view.handover)
        told = "not-vouched-for" in {alarm.code for alarm in mesh["durham"].alarms()}
        mesh.at(moment(6), lambda: _accept(mesh, DURHAM))
        mesh.run(moment(83))
        before = _cannot_release(mesh, view.handover)
        for name in ENDORSERS[:2]:
            asked = mesh[name].orders.hidden.endorsing
            [row] = [row for row in asked.all() if row.handover == view.handover]
            asked.vouch(row.ticket.hex(), WORKER.role, "Telephoned their duty manager.")
            mesh.goes(name)
        mesh.run(moment(84))
        stage.found()
        return refused, told, before, _cannot_release(mesh, view.handover)


def _cannot_release(mesh: Mesh, handover: bytes) -> bool:
    """Whether a person of the old area cannot let the child's history go."""
    try:
        mesh["old"].actions.release(handover.hex(), WORKER)
    except NobodyVouchesError:
        return True
    return False
