"""One pass over what is owed: whom to tell, grouped and paced, each rung once, tried again until it is told."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from broker.clock import from_ms, to_ms
from broker.errors import ConfigurationError
from broker.notices.channels import Channels, NotSentError
from broker.notices.ladder import Hours, Obligation, hours_at, rungs_due, whom
from broker.notices.words import compose, reference
from broker.store.notices.store import Notice, NoticeStore
from schemas.calendars import Division
from schemas.deadlines import RUNGS, Rung
from schemas.members import Member

_log = structlog.get_logger()

_MINUTE_MS: Final = 60_000
_RETRY_MOST_MS: Final = 60 * _MINUTE_MS


class NoticeDesk:
    """Bound to one store. ``channels`` is asked for at each pass, so that a mended file counts at once."""

    def __init__(self, store: NoticeStore, channels: Callable[[], Channels]) -> None:
        self._store = store
        self._channels = channels

    def look(
        self,
        member: Member,
        owed: Sequence[Obligation],
        division: Division,
        now: datetime,
        patience: timedelta = timedelta(0),
    ) -> None:
        """Write down whom of a member must be told by now; what is owed no longer is not told any more.

        ``patience``: how long after its time a rung is told, by somebody who only stands in.
        """
        known = self._store.of([one.about for one in owed])
        fresh = [
            notice
            for one in owed
            for notice in self._to_tell(
                member, one, [was for was in known if _same(was, one)], hours_at(now, division), now, patience
            )
        ]
        self._store.add(fresh)
        still = {(one.about, one.kind, one.due_ms) for one in owed}
        over = [
            one
            for one in self._store.waiting()
            if one.member == member.id and (one.about, one.kind, one.due_ms) not in still
        ]
        if over:
            self._store.drop(over)

    def send(self, now: datetime) -> list[Notice]:
        """One message to each contact whose time has come; gives what was sent. Blocks while it sends, raises nothing.

        A crash between sending and noting it down sends once more: told twice is better than not at all.
        """
        groups: dict[str, list[Notice]] = {}
        for notice in self._store.waiting():
            groups.setdefault(notice.contact, []).append(notice)
        sent: list[Notice] = []
        for contact, notices in groups.items():
            ready = self._ready(contact, notices, now)
            if ready and self._send(ready, now):
                sent += ready
        return sent

    def _to_tell(
        self,
        member: Member,
        owed: Obligation,
        known: Collection[Notice],
        hours: Hours,
        now: datetime,
        patience: timedelta,
    ) -> Iterable[Notice]:
        seen: dict[Rung, int] = {
            rung: one.acknowledged_ms
            for rung in RUNGS
            for one in known
            if one.rung == rung and one.acknowledged_ms is not None
        }
        told = {*owed.told, *(one.rung for one in known)}
        if owed.seen_ms is not None:
            # Whoever was told last has seen it: nobody above need be told for a while.
            last = next((rung for rung in reversed(RUNGS) if rung in told), RUNGS[0])
            seen[last] = max(owed.seen_ms, seen.get(last, 0))
        for rung in rungs_due(owed, seen, to_ms(now - patience)):
            if rung in told:
                continue
            contact = whom(member.duty_contacts, rung, hours)
            yield Notice(
                about=owed.about,
                kind=owed.kind,
                due_ms=owed.due_ms,
                rung=rung,
                member=member.id,
                contact=contact.contact if contact else "",
                role=contact.role if contact else rung.replace("_", " "),
                urgent=owed.urgent or owed.ladder.urgent,
                created_ms=to_ms(now),
                # Nobody need be told of it elsewhere: it is reported from the beginning.
                reported_ms=0 if owed.private else None,
            )

    def _ready(self, contact: str, notices: list[Notice], now: datetime) -> list[Notice]:
        """All that waits for a contact, if one of it may go now: a message is not sent in pieces."""
        now_ms = to_ms(now)
        may_go = [one for one in notices if one.next_ms <= now_ms]
        if not may_go:
            return []
        last = self._store.last_sent(contact)
        pace_ms = self._pace_ms()
        if any(one.urgent for one in may_go) or last is None or now_ms - last >= pace_ms:
            return notices
        return []

    def _pace_ms(self) -> int:
        try:
            return self._channels().settings.pace_minutes * _MINUTE_MS
        except ConfigurationError:
            return 0

    def _send(self, notices: list[Notice], now: datetime) -> bool:
        try:
            channels = self._channels()
            channels.deliver(compose(notices, channels.settings.where, now))
        except (NotSentError, ConfigurationError) as error:
            code = error.code if isinstance(error, NotSentError) else "configuration"
            tried = max(one.attempts for one in notices)
            wait_ms = min(_MINUTE_MS << min(tried, 10), _RETRY_MOST_MS)
            self._store.failed(notices, code, to_ms(now) + wait_ms)
            _log.warning(
                "notice-not-sent",
                code=code,
                count=len(notices),
                again=from_ms(to_ms(now) + wait_ms).isoformat(),
            )
            return False
        self._store.sent(notices, to_ms(now))
        _log.info("notice-sent", count=len(notices), references=[reference(one.about) for one in notices])
        return True


def _same(notice: Notice, owed: Obligation) -> bool:
    return (notice.about, notice.kind, notice.due_ms) == (owed.about, owed.kind, owed.due_ms)
