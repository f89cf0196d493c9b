"""A front door that lies in what it grants: with its real keys and its real code, but for the items that it is told to."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from adapters.gateway.api import Gateway
from adapters.gateway.orders.granting import Granting
from adapters.gateway.orders.holdings import Ours
from broker.crypto.grants import sign_grant
from broker.crypto.signing import unverified_payload
from broker.store.gateway.store import Work
from schemas.orders import Grant, Order


class Liar(Granting):
    """``lies``: what is done to which event. ``times``: how often to each, before the truth is told."""

    def __init__(self, gateway: Gateway, lies: Mapping[bytes, str], times: int) -> None:
        orders = gateway.orders
        super().__init__(gateway.home, gateway.publishing, orders.hidden, orders.holdings)
        self._lies = lies
        self._times = times
        self.told: Counter[bytes] = Counter()
        self._first: bytes | None = None
        self._stranger: bytes | None = None

    def use(self, event: bytes) -> None:
        """What is put in an event's place where that is to be foreign: an event of a child that nobody asked about."""
        with self._home.store.look() as work:
            ours = self._holdings.one(work, event)
        assert ours is not None
        self._stranger = ours.read.signed

    def carry(
        self,
        work: Work,
        order: Order,
        events: Iterable[bytes],
        few: Mapping[bytes, Ours],
        again: Mapping[bytes, str] | None = None,
    ) -> None:
        """What is to be missing is left out."""
        left = [event for event in events if not (self._lies.get(event) == "missing" and self._lie(event))]
        super().carry(work, order, left, few, again)

    def grant(self, work: Work, order: Order, *more: Any) -> bytes:
        """One grant, true or false, and rightly signed."""
        signed = super().grant(work, order, *more)
        grant = Grant.from_bytes(unverified_payload(signed))
        how = self._lies.get(grant.event_id)
        if self._first is None and how is None:
            self._first = grant.signed
        if how in {None, "missing"} or not self._lie(grant.event_id):
            return signed
        return sign_grant(self._false(grant, str(how)), self._home.signer())

    def _false(self, grant: Grant, how: str) -> Grant:
        if how == "altered":
            blank = tuple(replace(part, ciphertext=bytes(len(part.ciphertext))) for part in grant.parts)
            return replace(grant, parts=blank)
        # Another event's papers under this one's name: one that came before, or one that nobody ordered.
        other = self._first if how == "replayed" else self._stranger
        assert other is not None, "a good grant goes before"
        return replace(grant, signed=other)

    def _lie(self, event: bytes) -> bool:
        self.told[event] += 1
        return self.told[event] <= self._times
