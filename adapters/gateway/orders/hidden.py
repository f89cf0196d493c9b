"""Hidden handovers at a front door and at an endorser: keys for one handover, and what vouches for them (P7).

The new side makes one-time keys and never shows its own; the side that was left sees "a front door of the directory",
k of m endorsers' word, and nothing else. What is not endorsed is given nothing.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from adapters.gateway.home import Home
from adapters.gateway.orders.endorsing import GOOD_FOR, Endorsing
from adapters.gateway.orders.judgement import Known, Refuse, Verdict, Wait, allowed_of, judge_review
from adapters.gateway.orders.moves import Moves
from adapters.gateway.sending.publishing import Publishing
from broker.clock import to_ms
from broker.crypto.check import read_manifest
from broker.crypto.endorsing import OneTimeKeys, accept_unnamed, check_endorsed, read_unnamed, request
from broker.crypto.errors import CryptoRejectedError, GrantMismatchError, MalformedError, NotEndorsedError
from broker.crypto.keys import KemKey, key_id_of
from broker.store.gateway.hidden import HiddenRow
from broker.store.gateway.store import Work
from schemas import canonical
from schemas.directory import Standing
from schemas.handover import HandoverView
from schemas.hiding import (
    ACCEPTED,
    HIDDEN,
    Asked,
    Endorsed,
    HiddenAcceptance,
    Ticket,
    one_time_key_of,
    reader_of,
)
from schemas.orders import Order, OrderKind
from schemas.policy import GrantAnswer
from schemas.reading import MalformedMessageError, octets
from schemas.wire import Field, Lane, OutKind


class Vouched:
    """What this home may believe of keys that are not named, by its own directory and its own record of the child."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._moves = Moves(home)

    def is_endorsed(self, work: Work, handover: bytes) -> bool:
        """Whether enough endorsers vouch for whoever has the child, by our own directory."""
        try:
            return self.ticket(work, handover) is not None
        except CryptoRejectedError:
            return False

    def ticket(self, work: Work, handover: bytes) -> Ticket | None:
        """Whoever has the child in a handover whose new area is hidden from us. Raises as ``check``; None: no such thing."""
        row = work.hidden.of(handover)
        if row is None or row.own:
            return None
        ticket = self.check(row.ticket, handover)
        self._require_same_child(work, row, ticket)
        return ticket

    def _require_same_child(self, work: Work, row: HiddenRow, ticket: Ticket) -> None:
        """What was vouched for is a move of the child that we know this handover to be about.

        The router says only which handover: with a move of any other child it could have keys vouched for, too.
        """
        if not ticket.child:
            return  # endorsed before tickets said whom they are about
        told = work.inbox.handovers([row.handover])
        child = told[0].child if told else None
        opening = Endorsed.from_bytes(row.ticket).child
        if child is None or not self._moves.is_about(work, child, ticket, opening):
            raise NotEndorsedError("the one-time keys were endorsed for another child")

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
        self._moves = Moves(home)
        self.endorsing = Endorsing(home, publishing)

    def noticed(self, work: Work, word: str, fields: Any, child: bytes | None) -> None:
        """A notice of the router that concerns a hidden handover, of that child; others are not for here.

        Raises:
            RejectedError: it vouches for nothing, or is not for us.
        """
        match word, fields:
            # A standby makes and endorses no keys: there must be one of each handover.
            case "one-time-wanted", {"handover": bytes(handover), "from": str(left)} if (
                not self._home.standby
            ):
                self._make_keys(work, handover, child or b"", left)
            case "endorse", {"request": bytes(asked), "move": bytes(move)} if not self._home.standby:
                self.endorsing.asked(work, asked, move)
            case "unendorsed", {"handover": bytes(handover), "endorser": str(who), "reason": str(code)}:
                self._unendorsed(work, handover, f"{who} {code}")
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

    def reconsider(self, work: Work) -> None:
        """Something came: a move to show, or a better one than was shown to endorsers who would not vouch."""
        if self._home.standby:
            return
        for row in work.hidden.own():
            if row.refused or not row.ticket:
                self._ask(work, row, None)

    def _make_keys(self, work: Work, handover: bytes, child: bytes, left: str) -> None:
        row = work.hidden.of(handover)
        if row is None or not row.own:
            keys = OneTimeKeys.generate(self._home.entropy)
            row = HiddenRow(handover, True, b"", self._home.vault.close(keys.secret()))
        work.hidden.save(replace(row, child=child))
        self._ask(work, replace(row, child=child), left)

    def _ask(self, work: Work, row: HiddenRow, left: str | None) -> None:
        """Ask the endorsers to vouch, on the best move that can be shown; not twice on the same, unless we are asked to."""
        best = self._moves.best(work, row.child)
        if best is None or (best.event_id == row.evidence and left is None):
            return
        keys, now = OneTimeKeys.from_secret(self._home.vault.open(row.secret)), self._home.clock()
        ticket = Ticket(
            handover=row.handover,
            kem_public=keys.kem.public,
            sign_public=keys.sign.public,
            directory_version=self._home.directory.version,
            expires_ms=_whole_day(now + GOOD_FOR),
            child=dict(read_manifest(best.signed, self._home.directory.public_of)[0].header.field_hashes)[
                Field.TOKENS
            ],
        )
        if best.event_id == row.evidence:
            ticket = Ticket.from_bytes(row.ticket)
        told = work.inbox.handovers([row.handover])
        areas = {left} if left else {HandoverView.from_bytes(one.body).from_area for one in told}
        asked = Asked(
            request(ticket, self._home.signer()),
            best.child,
            self._moves.shown_to(best, ticket, self._home.directory, areas, now),
        )
        work.hidden.save(replace(row, ticket=ticket.to_bytes(), evidence=best.event_id, refused=""))
        name = f"one-time.{row.handover.hex()}.{best.event_id.hex()}"
        self._publishing.control(work, OutKind.ONE_TIME, asked.to_bytes(), Lane.URGENT, name)

    def _unendorsed(self, work: Work, handover: bytes, said: str) -> None:
        """An endorser does not vouch for us: our people are told, and can ask a person there."""
        row = work.hidden.of(handover)
        if row is not None and row.own:
            lines = sorted({*row.refused.splitlines(), said})
            work.hidden.save(replace(row, refused="\n".join(lines)))

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
