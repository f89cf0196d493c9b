"""At a protection endorser: whether to vouch for one-time keys, which only a front door to which the child has come may have.

An endorser is shown the move, sealed to it: a report that its author signed, which leads to the front door that asks.
Whose move it is it does not learn; the old area learns that, and not the move. What does not fit is refused with a code
that is kept and told; where a person can know better, by asking there, a person here may vouch all the same.
"""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from adapters.gateway.errors import NoSuchItemError
from adapters.gateway.home import Home
from adapters.gateway.sending.publishing import Publishing
from broker.clock import from_ms, to_ms
from broker.crypto.endorsing import decline, endorse, read_request
from broker.crypto.errors import CryptoRejectedError, NotEndorsedError
from broker.crypto.keys import key_id_of
from broker.crypto.moves import Move, read_shown
from broker.store.gateway.hidden import EndorsingRow
from broker.store.gateway.store import Work
from schemas.directory import Directory, Standing
from schemas.hiding import Ticket, Unendorsed
from schemas.policy import may_publish
from schemas.reading import MalformedMessageError
from schemas.wire import EventClass, Lane, OutKind

_log = structlog.get_logger()

GOOD_FOR: Final = timedelta(days=180)
"""How long one-time keys are good: as long as papers of the old area may still come late."""
_LONGEST: Final = GOOD_FOR + timedelta(days=2)
_FRESH: Final = timedelta(days=45)
"""How old a move may be by its author's word: as long as one may wait on the bus."""
_AHEAD: Final = timedelta(minutes=5)
BY_PERSON: Final = frozenset({"own-word", "not-a-move", "stale", "used-before"})
"""What a person may vouch for all the same, having asked at that front door. Never what nobody has signed."""


def judge_asker(ticket: Ticket, key_id: str, directory: Directory, now: datetime) -> str | None:
    """Why not to vouch for keys that this key asks for, whatever is shown; None: no reason. Pure.

    1 a front door of the directory asks, with a key that counts; 2 by a directory in use; 3 for a while that is not too
    long; 4 for one child.
    """
    key = directory.key(key_id)
    door = None if key is None or not key.usable(now) else directory.member(key.owner)
    if door is None or not door.front_door or not door.active(now.date()):
        return "not-a-front-door"
    if directory.standing_of(ticket.directory_version, now) not in {Standing.CURRENT, Standing.GOOD}:
        return "directory-too-old"
    if not to_ms(now) < ticket.expires_ms <= to_ms(now + _LONGEST):
        return "good-for-too-long"
    return None if ticket.child else "no-move"


def judge_move(
    move: Move | None, asker: str, directory: Directory, now: datetime, *, used_before: bool
) -> str | None:
    """Why the move that was shown is no ground for the asker's keys; None: it is one. Pure.

    1 one is shown, and its author's signature held; 2 the key counted when it was signed and its owner may report moves;
    3 it is a move; 4 it leads to the asker's area; 5 it is not old; 6 it has served no other keys for this handover;
    7 somebody other than the asker says so.
    """
    if move is None:
        return "no-move"
    header = move.header
    author, key = directory.member(header.author), directory.key(header.key_id)
    if author is None or key is None or key.owner != author.id or not author.active(now.date()):
        return "author-unknown"
    signed_at = _date(header.created_ms)
    if signed_at is None or not key.usable(signed_at) or (key.revoked_at and key.revoked_at <= now):
        return "author-unknown"
    if not may_publish(directory.policy, header.event_class, author.kind):
        return "author-not-entitled"
    if header.event_class is not EventClass.MOVE:
        return "not-a-move"
    door = None if move.to_area is None else directory.front_door(move.to_area)
    if door is None or door.id != asker:
        return "leads-elsewhere"
    if not now - _FRESH <= signed_at <= now + _AHEAD:
        return "stale"
    if used_before:
        return "used-before"
    return "own-word" if author.id == asker else None


def _date(at_ms: int) -> datetime | None:
    """A claim outside all calendars is none."""
    try:
        return from_ms(at_ms)
    except (OverflowError, ValueError, OSError):
        return None


@dataclass(frozen=True, slots=True)
class Endorsing:
    """One endorser's answers. Each is written down before it goes."""

    home: Home
    publishing: Publishing

    def asked(self, work: Work, signed: bytes, sealed: bytes) -> None:
        """A front door asks. Raises NotEndorsedError where we are no endorser, CryptoRejectedError where nobody signed."""
        directory, now = self.home.directory, self.home.clock()
        if self.home.member_id not in directory.endorsers:
            raise NotEndorsedError("this member is no protection endorser")
        ticket, key_id = read_request(signed, directory.public_of)
        digest = hashlib.sha256(ticket.to_bytes()).digest()
        before = work.hidden.endorsing(digest)
        if before is not None and (not before.code or before.code in BY_PERSON):
            self._answer(work, before)  # asked again: the same answer, until a person gives another
            return
        key = directory.key(key_id)
        asker = "" if key is None else key.owner
        move = self._shown(sealed, ticket)
        evidence = b"" if move is None else move.header.event_id
        one_time = key_id_of(ticket.kem_public)
        used = move is not None and work.hidden.shown_before(evidence, ticket.handover, one_time)
        code = judge_asker(ticket, key_id, directory, now) or judge_move(
            move, asker, directory, now, used_before=used
        )
        author = "" if move is None else move.header.author
        row = EndorsingRow(
            ticket=digest,
            handover=ticket.handover,
            key_id=one_time,
            asker=asker,
            evidence=evidence,
            author=author,
            code=code or "",
            at_ms=to_ms(now),
            request=signed,
        )
        work.hidden.keep_endorsing(row)
        self._answer(work, row)
        _log.info("asked-to-endorse", handover=row.handover.hex(), refused=row.code or None)

    def all(self) -> list[EndorsingRow]:
        """What was asked here, and answered; oldest first."""
        with self.home.store.look() as work:
            return work.hidden.endorsings()

    def vouch(self, beginning: str, by: str, because: str) -> EndorsingRow:
        """A person has asked at the front door and vouches all the same. Raises NoSuchItemError."""
        with self.home.store.work() as work:
            found = [
                row
                for row in work.hidden.endorsings()
                if row.code in BY_PERSON and row.ticket.hex().startswith(beginning.lower())
            ]
            if len(found) != 1:
                raise NoSuchItemError(
                    f"{len(found)} requests that a person may vouch for begin with {beginning!r}"
                )
            row = replace(found[0], code="", by=by, because=because)
            work.hidden.keep_endorsing(row)
            self._answer(work, row)
        return row

    def _shown(self, sealed: bytes, ticket: Ticket) -> Move | None:
        """The move, if one was shown that its author signed and that is about the ticket's child."""
        for key in self.home.keyring.kems.values():
            try:
                return read_shown(sealed, ticket, key, self.home.directory.public_of)
            except (CryptoRejectedError, MalformedMessageError):
                continue
        return None

    def _answer(self, work: Work, row: EndorsingRow) -> None:
        ticket, _ = read_request(row.request, self.home.directory.public_of)
        name = f"{row.handover.hex()}.{row.ticket.hex()}"
        if row.code:
            said = decline(Unendorsed(row.handover, row.key_id, row.code), self.home.signer())
            kind, name = OutKind.UNENDORSED, f"unendorsed.{name}.{row.at_ms}"
        else:
            said, kind, name = endorse(ticket, self.home.signer()), OutKind.ENDORSEMENT, f"endorsement.{name}"
        self.publishing.control(work, kind, said, Lane.URGENT, name)
