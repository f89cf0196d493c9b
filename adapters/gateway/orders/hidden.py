"""Hidden handovers at a front door and at an endorser: keys for one handover, and what vouches for them (P7).

The new side makes one-time keys and never shows its own; the side that was left sees "a front door of the directory",
k of m endorsers' word, and nothing else. What is not endorsed is given nothing.
"""

from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from adapters.gateway.home import Home
from adapters.gateway.orders.judgement import Known, Refuse, Verdict, Wait, allowed_of, judge_review
from adapters.gateway.sending.publishing import Publishing
from broker.clock import to_ms
from broker.crypto.endorsing import (
    OneTimeKeys,
    accept_unnamed,
    check_endorsed,
    endorse,
    read_request,
    read_unnamed,
    request,
)
from broker.crypto.errors import CryptoRejectedError, GrantMismatchError, MalformedError, NotEndorsedError
from broker.crypto.keys import KemKey, key_id_of
from broker.store.gateway.hidden import HiddenRow
from broker.store.gateway.store import Work
from schemas import canonical
from schemas.directory import Standing
from schemas.handover import HandoverView
from schemas.hiding import ACCEPTED, HIDDEN, Endorsed, HiddenAcceptance, Ticket, one_time_key_of, reader_of
from schemas.orders import Order, OrderKind
from schemas.policy import GrantAnswer
from schemas.reading import MalformedMessageError, octets
from schemas.wire import Lane, OutKind

_log = structlog.get_logger()

_GOOD_FOR: Final = timedelta(days=180)
"""How long one-time keys are good: as long as papers of the old area may still come late."""
_LONGEST: Final = _GOOD_FOR + timedelta(days=2)


class Vouched:
    """What this home may believe of keys that are not named, by its own directory."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def is_endorsed(self, work: Work, handover: bytes) -> bool:
        """Whether enough endorsers vouch for whoever has the child, by our own directory."""
        try:
            return self.ticket(work, handover) is not None
        except CryptoRejectedError:
            return False

    def ticket(self, work: Work, handover: bytes) -> Ticket | None:
        """Whoever has the child in a handover whose new area is hidden from us. Raises as ``check``; None: no such thing."""
        row = work.hidden.of(handover)
        return None if row is None or row.own else self.check(row.ticket, handover)

    def check(self, endorsed: bytes, handover: bytes) -> Ticket:
        """Raises NotEndorsedError, MalformedError: by our own directory, as it is now."""
        directory, now = self._home.directory, self._home.clock()
        try:
            read = Endorsed.from_bytes(endorsed)
        except (canonical.NotCanonicalError, MalformedMessageError) as error:
            raise MalformedError(str(error)) from error
        ticket = check_endorsed(
            read, directory.endorser_keys(now), directory.public_of, directory.endorser_threshold
        )
        if ticket.handover != octets(handover, None, "handover") or ticket.expires_ms <= to_ms(now):
            raise NotEndorsedError("the one-time keys were endorsed for another handover, or are over")
        if directory.standing_of(ticket.directory_version, now) is Standing.TOO_OLD:
            raise NotEndorsedError("the one-time keys name a directory that is too old")
        return ticket


class HiddenSide:
    """What one home does in hidden handovers."""

    def __init__(self, home: Home, publishing: Publishing) -> None:
        self._home = home
        self._publishing = publishing
        self._vouched = Vouched(home)

    def noticed(self, work: Work, word: str, fields: Any) -> None:
        """A notice of the router that concerns a hidden handover; others are not for here.

        Raises:
            RejectedError: it vouches for nothing, or is not for us.
        """
        match word, fields:
            # A standby makes and endorses no keys: there must be one of each handover.
            case "one-time-wanted", {"handover": bytes(handover)} if not self._home.standby:
                self._make_keys(work, handover)
            case "endorse", {"request": bytes(asked)} if not self._home.standby:
                self._endorse(work, asked)
            case "endorsed", {"handover": bytes(handover), "endorsed": bytes(endorsed)}:
                ticket = self._vouched.check(endorsed, handover)
                work.hidden.save(HiddenRow(ticket.handover, False, endorsed))
            case "accepted-unnamed", {"handover": bytes(handover), "acceptance": bytes(acceptance)}:
                self._accepted(work, handover, acceptance)
            case _:
                return

    def is_own(self, work: Work, handover: bytes) -> bool:
        """Whether this is the side of a hidden handover that may know where the child is."""
        row = work.hidden.of(handover)
        return row is not None and row.own

    def accept(self, work: Work, handover: bytes) -> None:
        """Queue the acceptance that the other side will see: signed with the one-time key."""
        keys = self._keys(work, handover)
        if keys is not None:
            signed = accept_unnamed(HiddenAcceptance(handover, ACCEPTED), keys)
            self._publishing.control(
                work, OutKind.UNNAMED, signed, Lane.URGENT, f"unnamed.{handover.hex()}.{keys.sign.key_id}"
            )

    def opens(self, work: Work, handover: bytes | None, reader: str) -> dict[str, KemKey]:
        """The key that a grant for ``reader`` opens with. Raises GrantMismatchError where it is none of ours."""
        keys = None if handover is None else self._keys(work, handover)
        if keys is None or reader != reader_of(keys.kem.key_id):
            raise GrantMismatchError("the grant is for another reader")
        return {keys.kem.key_id: keys.kem}

    def ticket_for(self, work: Work, order: Order) -> Ticket | None:
        """The endorsed ticket behind an order for a one-time key, or None: not endorsed, or for another key."""
        if order.handover is None:
            return None
        try:
            ticket = self._vouched.ticket(work, order.handover)
        except CryptoRejectedError:
            return None
        fits = ticket is not None and one_time_key_of(order.reader) == key_id_of(ticket.kem_public)
        return ticket if fits else None

    def _make_keys(self, work: Work, handover: bytes) -> None:
        row = work.hidden.of(handover)
        if row is None or not row.own:
            now = self._home.clock()
            keys = OneTimeKeys.generate(self._home.entropy)
            ticket = Ticket(
                handover=handover,
                kem_public=keys.kem.public,
                sign_public=keys.sign.public,
                directory_version=self._home.directory.version,
                expires_ms=_whole_day(now + _GOOD_FOR),
            )
            row = HiddenRow(handover, True, ticket.to_bytes(), self._home.vault.close(keys.secret()))
            work.hidden.save(row)
        signed = request(Ticket.from_bytes(row.ticket), self._home.signer())
        self._publishing.control(work, OutKind.ONE_TIME, signed, Lane.URGENT, f"one-time.{handover.hex()}")

    def _endorse(self, work: Work, asked: bytes) -> None:
        """An endorser's own checks: it is one; a front door of the directory asks; for a while that is not too long."""
        directory, now = self._home.directory, self._home.clock()
        if self._home.member_id not in directory.endorsers:
            raise NotEndorsedError("this member is no protection endorser")
        ticket, key_id = read_request(asked, directory.public_of)
        key = directory.key(key_id)
        door = None if key is None or not key.usable(now) else directory.member(key.owner)
        if door is None or not door.front_door or not door.active(now.date()):
            raise NotEndorsedError("the one-time keys are not a front door's")
        if directory.standing_of(ticket.directory_version, now) not in {Standing.CURRENT, Standing.GOOD}:
            raise NotEndorsedError("the one-time keys name a directory that is not in use")
        if not to_ms(now) < ticket.expires_ms <= to_ms(now + _LONGEST):
            raise NotEndorsedError("the one-time keys are over, or good for too long")
        signed = endorse(ticket, self._home.signer())
        name = f"endorsement.{ticket.handover.hex()}.{key_id_of(ticket.kem_public)}"
        self._publishing.control(work, OutKind.ENDORSEMENT, signed, Lane.URGENT, name)
        _log.info("endorsed", handover=ticket.handover.hex())

    def _accepted(self, work: Work, handover: bytes, acceptance: bytes) -> None:
        row, ticket = work.hidden.of(handover), self._vouched.ticket(work, handover)
        if row is None or ticket is None:
            raise NotEndorsedError("an acceptance by a key that nobody vouches for")
        read_unnamed(acceptance, ticket)
        work.hidden.save(HiddenRow(row.handover, False, row.ticket, b"", acceptance))

    def _keys(self, work: Work, handover: bytes) -> OneTimeKeys | None:
        row = work.hidden.of(handover)
        if row is None or not row.own:
            return None
        return OneTimeKeys.from_secret(self._home.vault.open(row.secret))


def is_hidden(view: HandoverView) -> bool:
    """Whether this is the side of a hidden handover that was left: it is not told where the child is."""
    return view.to_area == HIDDEN


def judge_unnamed(order: Order, me: str, known: Known, ticket: Ticket | None, now: datetime) -> Verdict:
    """Whether to carry out an order for a one-time key: ``judge``'s checks, the endorsers' word in the reader's place.

    1 it is for us and has not expired; 2 enough endorsers vouch for that key, for this handover; 3 one evidence serves
    one handover; 4 every event is in our own record of that child, byte for byte; 5 our own person released this
    handover, or, of what was refused before, has decided to share it with whoever has the child; 7 the policy and the
    author's mark let a front door have it, or the author was asked and has agreed.
    """
    if order.grantor != me:
        return Refuse("not-for-us")
    if order.expires_ms < to_ms(now):
        return Refuse("expired")
    if ticket is None or ticket.handover != order.handover:
        return Refuse("not-endorsed")
    if known.used_before:
        return Refuse("evidence-used")
    for event_id, digest in order.events:
        if event_id not in known.digests:
            return Wait("not-in-our-record") if not known.evidence else Refuse("not-in-our-record")
        if known.digests[event_id] != digest:
            return Refuse("another-event")
    if order.kind is OrderKind.SENSITIVE:
        return judge_review(order, known, HIDDEN)
    if known.release is None or known.release.handover != order.handover.hex():
        return Refuse("not-released")
    return allowed_of(order, known.answers, {GrantAnswer.YES, GrantAnswer.BY_PERSON})


def _whole_day(at: datetime) -> int:
    """The end of that day: to the millisecond it would tell when, and so whose, the keys were made."""
    return to_ms(at.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1))
