"""Items of what was granted to us that are missing, altered, foreign or replayed: refused by name, so that they come again.

What came as it should is taken all the same. An item is refused once for each time that it was due and wrong, a bounded
number of times; then it is a person's of the grantor, and that is owed by name and with a clock at the router.
"""

from dataclasses import replace
from typing import Final

import structlog

from adapters.gateway.home import Home
from adapters.gateway.orders.taking import VOID, Asked, Taking
from adapters.gateway.sending.publishing import Publishing
from broker.clock import to_ms
from broker.crypto.check import read_manifest
from broker.crypto.errors import CryptoRejectedError, GrantMismatchError
from broker.crypto.signing import sign, unverified_payload
from broker.errors import RejectedError
from broker.store.gateway.faulty import KEPT, FaultyRow
from broker.store.gateway.inbox import InRow
from broker.store.gateway.store import Work
from schemas import canonical
from schemas.orders import MAX_FAULTY, SENT_AGAIN_MOST, Fault, Faulty, FaultyItem, Grant
from schemas.reading import MalformedMessageError
from schemas.wire import Lane, OutKind

_log = structlog.get_logger()

SETTLED_MS: Final = 5_000
"""An answer comes in the order of its events: what has not come so long after one behind it does not come."""
PATIENCE_MS: Final = 10 * 60_000
"""How long is waited for the rest of an answer that has begun, and for what was refused to come again."""
_SELDOM_MS: Final = 60_000


class Refusing:
    """One home's. Nothing is refused of an order that nobody has begun to answer: that is late, and has its own clock."""

    def __init__(self, home: Home, publishing: Publishing, taking: Taking) -> None:
        self._home = home
        self._publishing = publishing
        self._taking = taking
        self._watched: dict[bytes, int] | None = None
        """Orders for us of which not all is here, each with the moment before which it need not be looked at."""
        self.found = False
        """Something was found that is to be said since it was last looked at."""

    def watch(self, order_id: bytes) -> None:
        """An order for us came."""
        if self._watched is not None:
            self._watched[order_id] = 0

    def kept(self, work: Work, order_id: bytes, events: list[bytes]) -> None:
        """The grantor has said that these stay with it: that is no fault, and a person there looks at it again."""
        for event_id in events:
            work.faulty.save(FaultyRow(order_id, event_id, KEPT, wanted=False, due=False))

    def failed(self, work: Work, row: InRow, error: RejectedError) -> None:
        """A grant could not be taken: note which item of which order it stood for, and what is wrong with it."""
        grant = _unchecked(row.body)
        order_id = self._order_of(work, row, grant)
        if order_id is None:
            return  # of no order that we know: nobody can be asked for it, and it stands as an alarm
        asked = self._taking.asked(work, order_id)
        before = work.faulty.one(order_id, row.message_id)
        wanted = row.message_id in asked.events and not work.inbox.holds(row.message_id)
        times = 0 if before is None else before.times
        # What is wanted is refused each time that it comes wrong, up to the last; what is not is named once.
        due = times <= SENT_AGAIN_MOST if wanted else not times
        fault = self._fault(work, row.message_id, grant, asked, error)
        said_ms = 0 if before is None else before.said_ms
        work.faulty.save(FaultyRow(order_id, row.message_id, fault.value, wanted, times, due, said_ms))
        self.watch(order_id)
        self.found = self.found or due
        _log.warning("item-refused", order=order_id.hex(), number=row.number, fault=fault.value)

    def came(self, work: Work, order_id: bytes, event_id: bytes, *, fresh: bool) -> None:
        """A grant is as it should be; not ``fresh``: what it brings is here already."""
        before = work.faulty.one(order_id, event_id)
        if fresh and before is not None:
            self._healed(work, before)
        elif not fresh and before is None and self._came_under(work, order_id, event_id):
            work.faulty.save(FaultyRow(order_id, event_id, Fault.REPLAYED.value, wanted=False))

    def look(self) -> int:
        """Find what is missing, and refuse all that is to be refused; gives how many refusals. Raises UnavailableError.

        A crash before the commit: nothing was said, and the same is found again. After it, what was said is in the
        outbox, once.
        """
        self.found = False
        if self._home.standby:
            return 0
        with self._home.store.look() as work:
            if self._watched is None:
                self._watched = dict.fromkeys(work.faulty.unfinished(self._home.member_id), 0)
            now_ms = to_ms(self._home.clock())
            ready = sorted(order_id for order_id, at_ms in self._watched.items() if at_ms <= now_ms)
            if not ready and not work.faulty.to_say(1):
                return 0
        said = 0
        with self._home.store.work() as work:
            for order_id in ready:
                self._missing(work, order_id)
            while rows := work.faulty.to_say(MAX_FAULTY):
                self._say(work, rows)
                said += 1
        return said

    def _missing(self, work: Work, order_id: bytes) -> None:
        held, now_ms = work.inbox.order(order_id), to_ms(self._home.clock())
        if held is None or held.answer == VOID:
            self._unwatch(order_id)
            return
        came, newest_ms = work.faulty.came(order_id)
        faults = work.faulty.of(order_id)
        newest_ms = max([newest_ms, *(row.said_ms for row in faults.values())])
        if now_ms - newest_ms < SETTLED_MS or not (came or faults):
            return  # it is on its way, or nobody has begun to answer it
        self._watched_again(order_id, now_ms, newest_ms)
        listed = self._taking.events_of(work, order_id)
        lacking = {event for event in listed if event not in came and not work.inbox.holds(event)}
        for row in faults.values():
            if row.wanted and row.event_id not in lacking:
                self._healed(work, row)
        if not lacking:
            self._unwatch(order_id)
            return
        wrong = {event for event, row in faults.items() if row.fault not in {Fault.MISSING, KEPT}}
        if not newest_ms:
            return
        reached = max(
            (place for place, event in enumerate(listed) if event in came or event in wrong), default=-1
        )
        for place, event_id in enumerate(listed):
            if event_id in lacking and self._is_due(
                faults.get(event_id), now_ms, newest_ms, behind=place > reached
            ):
                times = faults[event_id].times if event_id in faults else 0
                work.faulty.save(FaultyRow(order_id, event_id, Fault.MISSING.value, wanted=True, times=times))

    def _is_due(self, row: FaultyRow | None, now_ms: int, newest_ms: int, *, behind: bool) -> bool:
        """Whether something that is not here is to be called missing now. ``behind``: nothing came that follows it."""
        if row is None:
            return now_ms - newest_ms >= (PATIENCE_MS if behind else SETTLED_MS)
        again = row.wanted and not row.due and 0 < row.times <= SENT_AGAIN_MOST
        return again and now_ms - row.said_ms >= PATIENCE_MS

    def _say(self, work: Work, rows: list[FaultyRow]) -> None:
        now_ms, order_id = to_ms(self._home.clock()), rows[0].order_id
        items = []
        for row in rows:
            fault = Fault(row.fault)
            items.append(FaultyItem(row.event_id, fault, row.times + (fault is not Fault.HERE), row.wanted))
            if fault is Fault.HERE:
                work.faulty.drop(order_id, row.event_id)
            else:
                work.faulty.save(replace(row, times=row.times + 1, due=False, said_ms=now_ms))
        refusal = Faulty(order_id, self._home.member_id, now_ms, tuple(items))
        signed = sign(self._home.signer(), Faulty.LABEL, refusal.to_bytes())
        # The moment makes the name new even where a restored database counts refusals again.
        name = f"faulty.{work.outbox.next_number('faulty')}.{now_ms}"
        self._publishing.control(work, OutKind.FAULTY, signed, Lane.URGENT, name)
        _log.warning("items-refused", order=order_id.hex(), items=len(items))

    def _healed(self, work: Work, row: FaultyRow) -> None:
        if row.times:
            self.found = True
            work.faulty.save(replace(row, fault=Fault.HERE.value, wanted=False, due=True))
        else:
            work.faulty.drop(row.order_id, row.event_id)

    def _unwatch(self, order_id: bytes) -> None:
        if self._watched is not None:
            self._watched.pop(order_id, None)

    def _watched_again(self, order_id: bytes, now_ms: int, newest_ms: int) -> None:
        """Of what has been still for long, or stays with its grantor, little changes: it is looked at seldom."""
        if self._watched is not None and now_ms - newest_ms > PATIENCE_MS:
            self._watched[order_id] = now_ms + _SELDOM_MS

    def _order_of(self, work: Work, row: InRow, grant: Grant | None) -> bytes | None:
        """The order that a grant names, if it is for us; else one that waits for an event of that name, or of that grantor."""
        me = self._home.member_id
        named = None if grant is None else work.inbox.order(grant.order_id)
        if named is not None and named.grantor != me and named.grantor == row.author:
            return named.order_id
        waiting = [
            order_id
            for order_id in work.faulty.unfinished(me)
            if self._taking.asked(work, order_id).grantor == row.author
        ]
        listing = [one for one in waiting if row.message_id in self._taking.asked(work, one).events]
        return next(iter([*listing, *waiting]), None)

    def _fault(
        self, work: Work, event_id: bytes, grant: Grant | None, asked: Asked, error: RejectedError
    ) -> Fault:
        if grant is None or not isinstance(error, GrantMismatchError):
            return Fault.ALTERED
        try:
            manifest, _ = read_manifest(grant.signed, self._home.directory.public_of)
        except CryptoRejectedError:
            return Fault.ALTERED
        carried = manifest.header.event_id
        if carried != event_id:
            return Fault.REPLAYED if work.inbox.holds(carried) else Fault.FOREIGN
        # Of an order that we do not know, or by somebody whom it does not name, it is not what was ordered.
        known = work.inbox.has_order(grant.order_id) and grant.grantor == asked.grantor
        return Fault.ALTERED if known and event_id in asked.events else Fault.FOREIGN

    def _came_under(self, work: Work, order_id: bytes, event_id: bytes) -> bool:
        held = work.inbox.granted_event(event_id)
        return held is not None and held.order_id == order_id


def _unchecked(signed: bytes) -> Grant | None:
    """What a grant says, whoever signed it; None where it cannot be read."""
    try:
        return Grant.from_bytes(unverified_payload(signed))
    except (canonical.NotCanonicalError, MalformedMessageError, CryptoRejectedError):
        return None
