"""Grants: an order's events sealed anew for its reader, one by one, however long the history is."""

from collections.abc import Iterable, Mapping

from adapters.gateway.errors import NobodyToReadError
from adapters.gateway.home import Home
from adapters.gateway.orders.hidden import HiddenSide
from adapters.gateway.orders.holdings import Holdings, Ours
from adapters.gateway.orders.signed import parts_for
from adapters.gateway.record.composing import kem_public
from adapters.gateway.sending.publishing import Publishing
from broker.crypto.endorsing import kem_of
from broker.crypto.grants import grant_part, order_hash, sign_grant
from broker.crypto.keys import KemPublic
from broker.store.gateway.store import Work
from schemas.members import Member
from schemas.orders import Grant, Order
from schemas.wire import Lane, OutKind


class Granting:
    """Carries out for one home what was judged."""

    def __init__(self, home: Home, publishing: Publishing, hidden: HiddenSide, holdings: Holdings) -> None:
        self._home = home
        self._publishing = publishing
        self._hidden = hidden
        self._holdings = holdings

    def carry(
        self,
        work: Work,
        order: Order,
        events: Iterable[bytes],
        few: Mapping[bytes, Ours],
        again: Mapping[bytes, str] | None = None,
    ) -> None:
        """Queue a grant for each of these events; ``few`` are those that are at hand.

        ``again``: which time it is for each of them, where they were granted before. A grant's name makes a repeat harmless.

        Raises:
            NobodyToReadError: the order's reader has no key that can be sealed to.
        """
        to, digest = self._reader_of(work, order), order_hash(order.to_bytes())
        for sequence, event_id in enumerate(events, start=1):
            # A long history is read again, one event at a time: never all of it at once.
            ours = few.get(event_id) or self._holdings.one(work, event_id)
            assert ours is not None, "judged a moment ago, in this transaction"
            name = f"grant.{order.order_id.hex()}.{event_id.hex()}"
            if again is not None:
                name = f"{name}.{again[event_id]}"
            grant = self.grant(work, order, digest, to, ours, sequence)
            self._publishing.control(work, OutKind.GRANTS, grant, Lane.URGENT, name)

    def _reader_of(self, work: Work, order: Order) -> tuple[Member, KemPublic]:
        """Whom an order's events are sealed to, and the key. Raises NobodyToReadError.

        For a one-time key this front door stands in for the one that it must not know: as a front door it gets as much.
        """
        ticket = self._hidden.ticket_for(work, order)
        if ticket is not None:
            return self._home.me, kem_of(ticket)
        reader = self._home.directory.member(order.reader)
        public = kem_public(reader, self._home.clock()) if reader is not None else None
        if reader is None or public is None:
            raise NobodyToReadError
        return reader, public

    def grant(
        self,
        work: Work,
        order: Order,
        digest: bytes,
        to: tuple[Member, KemPublic],
        ours: Ours,
        sequence: int,
    ) -> bytes:
        """One event sealed anew for the order's reader: of its parts, those that the policy gives that reader."""
        signer, (reader, public), manifest = self._home.signer(), to, ours.read.manifest
        keys = work.inbox.keys_of(ours.event_id)
        kinds = parts_for(ours.read, reader, self._home.directory)
        grant = Grant(
            order_id=order.order_id,
            grantor=self._home.member_id,
            reader=order.reader,
            event_id=ours.event_id,
            sequence=sequence,
            total=len(order.events),
            position=ours.position,
            taken_ms=ours.taken_ms,
            signed=ours.read.signed,
            parts=tuple(
                grant_part(
                    manifest,
                    part.index,
                    part.ciphertext,
                    self._home.vault.open(keys[part.index]),
                    reader=public,
                    grantor_key=signer.key_id,
                    order=digest,
                )
                for part in ours.read.sealed
                if part.index in keys and manifest.parts[part.index].kind in kinds
            ),
        )
        return sign_grant(grant, signer)
