"""A real router and real gateways without a bus: a test carries the messages, in the order that it likes.

room = a_postroom(tmp_path)
room["health"].publish(...)
room.settle()                       # everything to everybody, until nothing moves
bodies = room.collect("school")     # or: take a reader's messages and deliver them oneself
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapters.gateway.api import Gateway
from broker.bus.subjects import OutSubject
from broker.clock import Clock, system_clock, system_entropy
from broker.crypto.keyring import load_keyring
from broker.routing.desk import RouterKeys
from broker.routing.intake import Batch, Outcome
from broker.store.router.procedures import DeadlineRow
from broker.store.router.store import RouterStore
from broker.wiring import area_check
from tests.support.exchange import Cast, Exchange, exchange_of, make_exchange


@dataclass(slots=True)
class PostRoom:
    """Every member's gateway, opened when it is first asked for, and the router between them."""

    exchange: Exchange
    batch: Batch
    store: RouterStore
    keys: RouterKeys
    clock: Clock = system_clock
    outcomes: list[Outcome] = field(default_factory=list)
    _open: dict[str, Gateway] = field(default_factory=dict)
    _kept: dict[str, list[bytes]] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Gateway:
        """A member's gateway, by its name in ``SEATS``."""
        if name not in self._open:
            self._open[name] = self.exchange.open(name, clock=self.clock)
        return self._open[name]

    def shut(self, name: str) -> None:
        """Close one gateway; the next use opens it again."""
        self._open.pop(name).home.close()

    def post(self, name: str) -> bool:
        """Carry what a member has in its outbox to the router, in order; False if there was nothing."""
        if name not in self._open:
            return False
        home = self[name].home
        self[name].receipting.sign_owed()
        with home.store.work() as work:
            rows = work.outbox.waiting(10_000)
            heads = work.outbox.chains()
            for row in rows:
                work.outbox.sent(row.position, 1)
        if not rows:
            return False
        home.custody.note_chains(heads)
        taken = self.batch.take(
            [(OutSubject.parse(row.subject), row.body) for row in rows],
            self.exchange.directory,
            self.clock(),
        )
        self.outcomes += taken.outcomes
        return True

    def collect(self, name: str) -> list[bytes]:
        """Take from the router what it has for a member, in its order."""
        with self.store.work() as work:
            rows = work.outgoing.waiting_inbox(100_000)
            if rows:
                work.outgoing.inbox_published([(row, row.position) for row in rows])
        names = {str(member): each for each, member in self.exchange.members.items()}
        for row in rows:
            self._kept.setdefault(names[row.reader], []).append(row.body)
        return self._kept.pop(name, [])

    def settle(self, *names: str) -> None:
        """Carry everything of these members (of all, if none is named) to and fro until nothing moves."""
        who = names or tuple(self.exchange.members)
        moved = True
        while moved:
            moved = sum(self.post(name) for name in who) > 0
            for name in who:
                if bodies := self.collect(name):
                    self[name].receiving.take(bodies)
                    self[name].actions.release_by_policy()
                    self[name].asking.ask_by_policy()
                    self[name].actions.verify_whole()
                    moved = True

    def owed(self, about: bytes) -> list[DeadlineRow]:
        """What the router has written down as owed about a handover or an order."""
        with self.store.work() as work:
            return work.procedures.owed(about)

    def only(self, name: str, **what: Any) -> int:
        """The number of the one item in a member's inbox with these attributes."""
        found = [
            item
            for item in self[name].inbox(everything=True)
            if all(getattr(item, field) == value for field, value in what.items())
        ]
        assert len(found) == 1, found
        return found[0].number

    def close(self) -> None:
        """Let go of all files."""
        for name in list(self._open):
            self.shut(name)
        self.store.close()


def a_postroom(folder: Path, clock: Clock = system_clock, cast: Cast | None = None) -> PostRoom:
    """A fresh one in ``folder``; with members of one's own choice where a ``cast`` is given."""
    made = make_exchange(folder) if cast is None else exchange_of(folder, cast)
    keyring = load_keyring(made.layout.router / "keys")
    usable = [key.key_id for key in made.directory.router.sign_keys]
    keys = RouterKeys(keyring.sign_key(usable), keyring.secret("handles"))
    store = RouterStore(made.layout.router / "router.db")
    batch = Batch(
        store=store,
        keys=keys,
        routing_keys=keyring.kems,
        is_area=area_check(),
        entropy=system_entropy,
    )
    return PostRoom(made, batch, store, keys, clock)
