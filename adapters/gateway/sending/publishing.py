"""Publishing: validate, pre-fill, seal, sign and queue, in one transaction. Durable on return, online or not.

What a crash means at each numbered gap (``broker.faults``):

* gap 4, before the outbox commits: nothing was promised; the author publishes again.
* gap 5, in the outbox, the author not told: it publishes again under the same id, which is once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.gateway.errors import StandbyError
from adapters.gateway.home import Home
from adapters.gateway.record.characteristics import CharacteristicsBook
from adapters.gateway.record.clocking import Clocking
from adapters.gateway.record.composing import (
    Composed,
    check_author,
    compose,
    concerned_areas,
    kem_public,
    tokens_of,
)
from adapters.gateway.record.markers import action_of, lifts, remember, remembered
from adapters.gateway.record.places import Places
from adapters.gateway.sending.describing import slip_of
from adapters.gateway.sending.together import Call, Together
from broker.bus.subjects import OutSubject, partition_of
from broker.clock import to_ms
from broker.crypto.keys import KemPublic, SigningKey
from broker.crypto.seal import Draft, Sealed, seal_event
from broker.crypto.signing import sign
from broker.crypto.slips import new_slip_key, seal_slip
from broker.store.gateway.store import Work
from schemas.bands import Bands, Characteristics
from schemas.catalogue import spec_of
from schemas.control import Action, SlipKey, frame
from schemas.events.base import Event
from schemas.facts import RoutingFacts
from schemas.ids import EventId
from schemas.members import Member
from schemas.policy import ConcernedAreas, kept_to_front_doors, prefill, urgency_of
from schemas.wire import PROTOCOL_VERSION, ChainLink, Kem, Lane, MatterEffect, OutKind, Token


@dataclass(frozen=True, slots=True)
class Ready:
    """An event that this member may publish and somebody may read: all but its place in the chain."""

    event: Event
    areas: ConcernedAreas
    composed: Composed
    tokens: tuple[Token, ...]
    lane: Lane
    action: Action | None
    signer: SigningKey
    prefilled: bool
    """Its author gave no purpose or no basis, and has the policy's."""
    said: Characteristics | None
    """What the case system says of the child beside the event: for boards alone, where they may hold it."""


class Publishing:
    """Turns events into sealed messages in the outbox of one home."""

    def __init__(self, home: Home, places: Places) -> None:
        self._home = home
        self.places = places
        self.clocking = Clocking(home, places)
        self.characteristics = CharacteristicsBook(home)
        self._together = Together(self._queue_all)

    def publish(
        self, event: Event, *, action: Action | None = None, tokens: Sequence[Token] | None = None
    ) -> EventId:
        """Seal and queue one event; when this returns it survives a power cut and will reach its readers.

        ``tokens`` stand in for the subject's own where an event links several identifiers.

        Raises:
            RejectedError: nobody may read it, or this member may not publish it.
            UnavailableError: the disk took no write.
        """
        self.queue([self.ready(event, action=action, tokens=tokens)])
        return event.id

    def ready(
        self,
        event: Event,
        *,
        action: Action | None = None,
        tokens: Sequence[Token] | None = None,
        said: Characteristics | None = None,
    ) -> Ready:
        """Check and compose one event; nothing is kept. Raises RejectedError as ``publish``."""
        home, now = self._home, self._home.clock()
        if home.standby:
            raise StandbyError(
                "a standby publishes nothing: the front door's people do, with their own gateway"
            )
        directory, me = home.directory, home.me
        check_author(event, me, directory)
        prefilled = event.purpose is None or event.basis is None
        event = prefill(directory.policy, event, on=now.date())
        action = action or action_of(event, me)
        areas = concerned_areas(event, self.places)
        return Ready(
            event=event,
            areas=areas,
            composed=compose(event, areas, me.id, directory, now),
            tokens=tuple(tokens) if tokens is not None else tokens_of(event.subject, home.keyring.tokens()),
            lane=Lane.of(urgency_of(directory.policy, event)),
            action=action,
            signer=home.signer(),
            prefilled=prefilled,
            said=said,
        )

    def queue(self, events: Sequence[Ready]) -> None:
        """Seal and queue events in their order, all of them or none. Raises RejectedError, UnavailableError.

        Any thread may call; what comes while the disk is busy goes into its next commit, each caller's by itself.
        """
        self._together.do(events)

    def _queue_all(self, calls: Sequence[Call[Sequence[Ready]]]) -> None:
        with self._home.store.work() as work:
            for call in calls:
                with call.by_itself(), work.attempt():
                    for one in call.what:
                        self._queue(work, one)
            self._home.gap(4)
        self._home.gap(5)

    def _queue(self, work: Work, ready: Ready) -> None:
        event, composed, lane, found = ready.event, ready.composed, ready.lane, ready.tokens
        if work.outbox.is_on_its_way(event.id.raw):
            return  # the same item of the same message again: once is enough
        # One that the router returned is mended and published again under its id.
        work.outbox.forget(event.id.raw)
        sequence, previous = work.outbox.chain(lane.value)
        action = ready.action
        if event.matter.effect is MatterEffect.OPEN and action is None:
            action = remembered(work, found)
        facts = RoutingFacts(
            tokens=found,
            acting_area=ready.areas.acting,
            residence=ready.areas.residence,
            from_area=ready.areas.from_area,
            to_area=ready.areas.to_area,
            readers=composed.readers,
            chain=ChainLink(lane, sequence + 1, previous),
            matter=self._matter(event),
            action=None if action is None else action.to_value(),
        )
        bands = self.characteristics.bands(work, event, ready.said)
        sealed = self._seal(work, event, facts, composed, ready.signer, bands)
        work.outbox.advance(lane.value, sequence + 1, sealed.manifest_hash)
        me = self._home.member_id
        work.outbox.put(
            event_id=event.id.raw,
            kind=int(OutKind.EVENT),
            subject=str(OutSubject(me, lane, partition_of(found, me))),
            msg_id=f"{me}.{event.id}.{sequence + 1}",
            key_id=ready.signer.key_id,
            body=frame(PROTOCOL_VERSION, int(OutKind.EVENT), sealed.envelope.to_bytes()),
            created_ms=to_ms(self._home.clock()),
            readers=composed.readers,
        )
        remember(work, event, found, to_ms(self._home.clock()))
        if lifts(event, self._home.me):
            work.marked.forget([token.value for token in found])
        self.clocking.published(work, event, ready.areas, prefilled=ready.prefilled)

    def _seal(
        self,
        work: Work,
        event: Event,
        facts: RoutingFacts,
        composed: Composed,
        signer: SigningKey,
        bands: Bands | None,
    ) -> Sealed:
        directory = self._home.directory
        draft = Draft(
            event_id=event.id.raw,
            author=self._home.member_id,
            event_class=spec_of(event).event_class,
            urgency=urgency_of(directory.policy, event),
            created_ms=to_ms(self._home.clock()),
            directory_version=directory.version,
            facts=facts,
            parts=composed.parts,
            slips=self._slips(work, event, composed, signer, bands),
        )
        router = self._router() if kept_to_front_doors(event) else None
        return seal_event(draft, signer=signer, router=router, entropy=self._home.entropy)

    def control(self, work: Work, kind: OutKind, signed: bytes, lane: Lane, name: str) -> None:
        """Queue a signed control message inside the caller's transaction; ``name`` makes a repeat harmless."""
        me = self._home.member_id
        work.outbox.put(
            event_id=None,
            kind=int(kind),
            subject=str(OutSubject(me, lane, partition_of((), me))),
            msg_id=f"{me}.{name}",
            key_id=self._home.signer().key_id,
            body=frame(PROTOCOL_VERSION, int(kind), signed),
            created_ms=to_ms(self._home.clock()),
        )

    def _matter(self, event: Event) -> tuple[MatterEffect, bytes | None]:
        fact = event.matter
        if fact.effect is MatterEffect.NONE:
            return fact.effect, None
        tokens = self._home.keyring.tokens()
        return fact.effect, tokens.matter_ref(self._home.member_id, fact.ref or str(event.id))

    def _router(self) -> KemPublic:
        now = self._home.clock()
        key = next(key for key in self._home.directory.router.kem_keys if key.usable(now))
        return KemPublic.load(Kem.MLKEM768_X25519, key.public)

    def _slips(
        self, work: Work, event: Event, composed: Composed, signer: SigningKey, bands: Bands | None
    ) -> tuple[tuple[str, bytes], ...]:
        slip = slip_of(event, bands).to_bytes()
        return tuple(
            (board.id, sealed)
            for board in composed.boards
            if (sealed := self.sealed_to(work, board, event.id.raw, slip, signer)) is not None
        )

    def sealed_to(
        self, work: Work, board: Member, id_: bytes, plaintext: bytes, signer: SigningKey
    ) -> bytes | None:
        """What one board alone may read of the event, or the obligation, with this id; None where it has no key now."""
        key = self._slip_key(work, board, signer)
        if key is None:
            return None
        key_ref, secret = key
        return seal_slip(
            secret,
            key_ref,
            author=self._home.member_id,
            board=board.id,
            event_id=id_,
            plaintext=plaintext,
            entropy=self._home.entropy,
        )

    def _slip_key(self, work: Work, board: Member, signer: SigningKey) -> tuple[bytes, bytes] | None:
        """The month's key for a board; the first use of a month sets it up, before the event that uses it."""
        now = self._home.clock()
        month = now.strftime("%Y-%m")
        known = work.outbox.slip_key(board.id, month)
        if known is not None:
            return known[0], self._home.vault.open(known[1])
        public = kem_public(board, now)
        if public is None:
            return None
        fresh = new_slip_key(self._home.member_id, board.id, public, self._home.entropy)
        work.outbox.keep_slip_key(board.id, month, fresh.setup.key_ref, self._home.vault.close(fresh.secret))
        signed = sign(signer, SlipKey.LABEL, fresh.setup.to_bytes())
        # Urgent, and queued first: the board must have the key before any slip that needs it.
        self.control(work, OutKind.SLIP_KEY, signed, Lane.URGENT, f"slip.{fresh.setup.key_ref.hex()}")
        return fresh.setup.key_ref, fresh.secret
