"""At the new front door: which move to show protection endorsers, and how little of it."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from adapters.gateway.home import Home
from adapters.gateway.record.composing import identifiers, kem_public, tokens_of
from adapters.gateway.record.reading import Read, Reading
from broker.crypto.check import read_manifest, unseal_openings
from broker.crypto.moves import children_of, show
from broker.errors import RejectedError
from broker.store.gateway.inbox import InRow
from broker.store.gateway.store import Work
from schemas import canonical
from schemas.directory import Directory
from schemas.envelope import Opening, SealedOpenings, View
from schemas.hiding import Shown, Ticket
from schemas.wire import EventClass, Field, InKind


@dataclass(frozen=True, slots=True)
class Showable:
    """One event of ours that could be shown, with the two openings that are needed."""

    event_id: bytes
    signed: bytes
    to: Opening
    child: Opening
    is_move: bool
    own_word: bool
    by_upn: bool
    """It names the child by a pupil number: whether the old area knows that one we cannot know."""

    @property
    def rank(self) -> tuple[bool, bool, bool]:
        """The better, the smaller."""
        return (not self.is_move, self.own_word, self.by_upn)


class Moves:
    """Looks through one home's record of a child."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._reading = Reading(home)

    def best(self, work: Work, child: bytes) -> Showable | None:
        """A move to us, by somebody else if there is one; the newest of the best. None: nothing can be shown.

        Only one that names the child by a single identifier: the old area is given it, and might not know another.
        """
        found = list(self._showable(work, child))
        return min(reversed(found), key=lambda one: one.rank, default=None)

    def shown_to(
        self, best: Showable, ticket: Ticket, directory: Directory, unlike: AbstractSet[str], now: datetime
    ) -> tuple[tuple[str, bytes], ...]:
        """A sealed copy for each endorser that serves none of the areas ``unlike``: the old side is shown nothing."""
        shown = Shown(best.signed, best.to)
        found = []
        for endorser in directory.endorsers:
            member = directory.member(endorser)
            public = None if member is None else kem_public(member, now)
            if member is not None and public is not None and unlike.isdisjoint(member.acting_areas):
                found.append((str(endorser), show(shown, ticket, public)))
        return tuple(found)

    def is_about(self, work: Work, child: bytes, ticket: Ticket, opening: Opening | None) -> bool:
        """Whether a ticket's child is this one, by what we have read ourselves. Raises CryptoRejectedError."""
        named, tokens = children_of(ticket, opening), self._home.keyring.tokens()
        return any(
            token.value in named
            for read in self._reads(work, child)
            if read.event is not None
            for token in tokens_of(read.event.subject, tokens)
        )

    def _reads(self, work: Work, child: bytes) -> Iterator[Read]:
        for row in self._deliveries(work, child):
            with suppress(RejectedError):
                yield self._reading.delivered(work, row)
        for old in work.inbox.history(child):
            with suppress(RejectedError):
                yield self._reading.granted(work, old)

    def _deliveries(self, work: Work, child: bytes) -> Iterator[InRow]:
        for handle in work.inbox.handles(child):
            yield from work.inbox.of_child(handle, int(InKind.VIEW))

    def _showable(self, work: Work, child: bytes) -> Iterator[Showable]:
        for row in self._deliveries(work, child):
            try:
                openings = self._openings(row)
                event = self._reading.delivered(work, row).event
            except RejectedError:
                continue
            to, tokens = openings.get(Field.TO), openings.get(Field.TOKENS)
            if event is None or to is None or tokens is None or len(identifiers(event.subject)) != 1:
                continue
            yield Showable(
                event_id=row.message_id,
                signed=View.from_bytes(row.body).signed,
                to=to,
                child=tokens,
                is_move=row.event_class == EventClass.MOVE
                and canonical.decode(to.value) in self._home.me.areas,
                own_word=row.author == self._home.member_id,
                by_upn=event.subject.nhs_number is None and event.subject.unborn is None,
            )

    def _openings(self, row: InRow) -> dict[Field, Opening]:
        """Those that we were given of a delivery. Raises CryptoRejectedError."""
        view = View.from_bytes(row.body)
        openings = view.openings
        if isinstance(openings, SealedOpenings):
            manifest, _ = read_manifest(view.signed, self._home.directory.public_of)
            openings = unseal_openings(openings, manifest.header, self._home.keyring.kems)
        return {one.field: one for one in openings}
