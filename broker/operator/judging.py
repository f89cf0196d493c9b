"""From how things stand to what a person is to do about it: pure, one line for each thing.

A line that says LOOK or ACT always says what to do and names its page of the runbook.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from broker.bus.topology import OUT
from broker.clock import from_ms
from broker.directory.issue import soon
from broker.operator.lines import Line, Verdict, age, counted, size, span
from broker.operator.members import judge_alarms, judge_boards, judge_gateways, judge_silence
from broker.operator.notices import judge_notices
from broker.operator.situation import Situation
from broker.store.overview import RouterOverview

NOT_MEASURED: Final = "not measured"
_CLOCK_LOOK: Final = timedelta(seconds=2)
_CLOCK_ACT: Final = timedelta(minutes=1)
_DISK_LOOK: Final = (0.20, 10_000_000_000)
_DISK_ACT: Final = (0.05, 2_000_000_000)
"""Share free, bytes free: the stricter counts. The bus refuses new messages when nothing is left."""
_BACKLOG_LOOK: Final = 1_000
_BACKLOG_ACT: Final = 20_000
_OVERDUE_ACT: Final = timedelta(days=1)
_ORDER_LIFE: Final = timedelta(days=45)
_EXPIRY: Final = timedelta(days=14)
_START: Final = "start it: `systemctl start handrail-server`, or `handrail up`"


def judge(situation: Situation, *, silent_days: int = 7) -> tuple[Line, ...]:
    """Every line of the status, in reading order: the machine, the flow, the people, the papers."""
    return (
        _server(situation),
        _clock(situation),
        _disk(situation),
        *_streams(situation),
        *_router(situation),
        *judge_gateways(situation),
        *judge_alarms(situation),
        *judge_notices(situation),
        *judge_boards(situation),
        judge_silence(situation, silent_days),
        _directory(situation),
        *_certificates(situation),
    )


def worst(lines: tuple[Line, ...]) -> Verdict:
    """The verdict on the whole, which is the exit code."""
    return max((line.verdict for line in lines), default=Verdict.OK)


def _server(at: Situation) -> Line:
    server = at.server
    if server is None:
        if at.server_trouble == "down":
            return Line("server", Verdict.ACT, "down", _START, "server-will-not-start")
        return Line("server", Verdict.ACT, at.server_trouble, "see its log", "server-will-not-start")
    says = f"up, nats-server {server.version}, for {age(server.started, server.now)}"
    facts = {"version": server.version, "started": server.started.isoformat()}
    if not server.healthy:
        return Line(
            "server", Verdict.ACT, f"{says}, NOT healthy", "see its log", "server-will-not-start", facts
        )
    if not server.synced_always:
        todo = "start it with DATA/nats/nats.conf as rendered; a power cut would lose messages"
        return Line(
            "server", Verdict.ACT, f"{says}, writes are NOT synced", todo, "server-will-not-start", facts
        )
    return Line("server", Verdict.OK, says, facts=facts)


def _clock(at: Situation) -> Line:
    if at.server is None:
        return Line("clock", Verdict.OK, f"{at.now:%d %b %Y %H:%M:%S} UTC; the server's is {NOT_MEASURED}")
    off = abs(at.now - at.server.now)
    facts = {"off_seconds": round(off.total_seconds(), 3)}
    if off < _CLOCK_LOOK:
        return Line("clock", Verdict.OK, f"{at.now:%d %b %Y %H:%M:%S} UTC, as the server's", facts=facts)
    verdict = Verdict.ACT if off >= _CLOCK_ACT else Verdict.LOOK
    return Line("clock", verdict, f"{span(off)} off the server's", "see `timedatectl`", "clock-wrong", facts)


def _disk(at: Situation) -> Line:
    share = at.disk_free / at.disk_size
    says = f"{size(at.disk_free)} free of {size(at.disk_size)} ({share:.0%})"
    facts = {"free_bytes": at.disk_free, "size_bytes": at.disk_size}
    for verdict, (least_share, least_bytes) in ((Verdict.ACT, _DISK_ACT), (Verdict.LOOK, _DISK_LOOK)):
        if share < least_share or at.disk_free < least_bytes:
            return Line("disk", verdict, says, "make room; delete nothing under DATA", "disk-full", facts)
    return Line("disk", Verdict.OK, says, facts=facts)


def _streams(at: Situation) -> Iterator[Line]:
    """Messages, lag and holes. A hole in the middle of AUDIT or an inbox is a damaged file: nothing deletes there."""
    if at.server is None:
        yield Line("streams", Verdict.OK, f"{NOT_MEASURED}: the server does not answer")
        return
    missing = [name for name in at.expected_streams if name not in at.streams]
    known = {(one.stream, one.name) for stream in at.streams.values() for one in stream.durables}
    deaf = [f"{one.stream}.{one.name}" for one in at.expected if (one.stream, one.name) not in known]
    if missing or deaf:
        says = f"missing: {', '.join([*missing, *deaf][:5])}"
        todo = (
            "if a stream is missing that was there, stop and read the page; else `handrail directory apply`"
        )
        yield Line(
            "streams", Verdict.ACT, says, todo, "server-will-not-start", {"missing": [*missing, *deaf]}
        )
    for stream in sorted(at.streams.values(), key=lambda one: one.name):
        lag = max((one.lag for one in stream.durables), default=0)
        says = f"{counted(stream.messages, 'message')}, {size(stream.bytes)}, largest lag {lag:,}"
        facts = {
            "messages": stream.messages,
            "bytes": stream.bytes,
            "deleted": stream.deleted,
            "lag": {one.name: one.lag for one in stream.durables},
        }
        if stream.deleted and stream.name != OUT:
            says += f", {counted(stream.deleted, 'message')} GONE from the middle"
            todo = "stop the server, keep a copy of its store, read the page"
            yield Line(f"stream {stream.name}", Verdict.ACT, says, todo, "stream-damaged", facts)
        else:
            yield Line(f"stream {stream.name}", Verdict.OK, says, facts=facts)


def _router(at: Situation) -> Iterator[Line]:
    out = at.streams.get(OUT)
    if out is not None:
        lag = sum(one.lag for one in out.durables)
        says = f"{counted(lag, 'message')} of members wait for it"
        facts: dict[str, Any] = {"waiting": lag, "running": any(one.reading for one in out.durables)}
        if not facts["running"]:
            todo = "start it: `systemctl start handrail-router`; see its log"
            yield Line("router", Verdict.ACT, f"does not run; {says}", todo, "start-and-stop", facts)
        else:
            yield _backlog("router", lag, f"running, {says}", facts)
    if at.router is None:
        yield Line("router state", Verdict.OK, f"{NOT_MEASURED}: it has never run here")
        return
    yield _publishing(at.router)
    yield _quarantine(at, at.router)
    yield _overdue(at, at.router)
    yield _orders(at, at.router)


def _publishing(router: RouterOverview) -> Line:
    waiting = router.inbox_waiting, router.audit_waiting
    facts: dict[str, Any] = {"inbox_outgoing": waiting[0], "audit_outgoing": waiting[1]}
    says = f"{_some(waiting[0], 'delivery', 'deliveries')} and {_some(waiting[1], 'audit entry', 'audit entries')}"
    return _backlog("to publish", sum(one or 0 for one in waiting), f"{says} wait for the bus", facts)


def _backlog(topic: str, count: int, says: str, facts: dict[str, Any]) -> Line:
    if count < _BACKLOG_LOOK:
        return Line(topic, Verdict.OK, says, facts=facts)
    verdict = Verdict.ACT if count >= _BACKLOG_ACT else Verdict.LOOK
    return Line(
        topic, verdict, says, "watch whether it falls; if not, see the router's log", "backlog", facts
    )


def _quarantine(at: Situation, router: RouterOverview) -> Line:
    kept = router.quarantine
    if kept is None:
        return Line("quarantine", Verdict.LOOK, NOT_MEASURED, "see `handrail quarantine list`", "quarantine")
    if not kept.count or kept.first_ms is None:
        return Line("quarantine", Verdict.OK, "empty", facts={"count": 0})
    codes = ", ".join(f"{code} {count}" for code, count in sorted((router.quarantine_codes or {}).items()))
    says = f"{counted(kept.count, 'message')}, the oldest for {age(from_ms(kept.first_ms), at.now)} ({codes})"
    facts = {"count": kept.count, "oldest_ms": kept.first_ms, "codes": dict(router.quarantine_codes or {})}
    return Line("quarantine", Verdict.LOOK, says, "see `handrail quarantine list`", "quarantine", facts)


def _overdue(at: Situation, router: RouterOverview) -> Line:
    owed = router.overdue
    if owed is None:
        return Line("deadlines", Verdict.LOOK, NOT_MEASURED, "look again", "deadlines")
    if not owed.count or owed.first_ms is None:
        return Line("deadlines", Verdict.OK, "none overdue", facts={"overdue": 0})
    late = at.now - from_ms(owed.first_ms)
    facts = {"overdue": owed.count, "worst_due_ms": owed.first_ms}
    verdict = Verdict.ACT if late >= _OVERDUE_ACT else Verdict.LOOK
    says = f"{counted(owed.count, 'deadline')} overdue, the worst by {span(late)}"
    todo = "their owners were told; if a gateway is down, start it; else telephone the owner's duty contact"
    return Line("deadlines", verdict, says, todo, "deadlines", facts)


def _orders(at: Situation, router: RouterOverview) -> Line:
    waiting = router.orders
    if waiting is None:
        return Line("orders", Verdict.LOOK, NOT_MEASURED, "look again", "deadlines")
    if not waiting.count or waiting.first_ms is None:
        return Line("orders", Verdict.OK, "none wait for a front door", facts={"open": 0})
    since = at.now - (from_ms(waiting.first_ms) - _ORDER_LIFE)
    says = f"{counted(waiting.count, 'order')} wait for a front door, the first for {span(since)}"
    facts = {"open": waiting.count, "first_ends_ms": waiting.first_ms}
    if since < timedelta(minutes=10):
        return Line("orders", Verdict.OK, says, facts=facts)
    return Line("orders", Verdict.LOOK, says, "see whether the front doors' gateways run", "deadlines", facts)


def _directory(at: Situation) -> Line:
    if at.directory is None:
        return Line("directory", Verdict.ACT, at.directory_trouble, "`handrail directory verify`", "restore")
    left = at.directory.expires_at - at.now
    says = f"version {at.directory.version}, good for {span(left)}"
    facts = {"version": at.directory.version, "expires_at": at.directory.expires_at.isoformat()}
    needs = soon(at.directory, at.now, _EXPIRY)
    if left <= timedelta(0):
        says = f"version {at.directory.version} EXPIRED {span(-left)} ago: no change of trust is possible"
        return Line("directory", Verdict.ACT, says, "`handrail directory sign`", "rotate-keys", facts)
    if needs:
        todo = needs[0] + (f"; and {len(needs) - 1} more: `handrail directory show`" if needs[1:] else "")
        facts["soon"] = list(needs)
        return Line("directory", Verdict.LOOK, says, todo, "rotate-keys", facts)
    return Line("directory", Verdict.OK, f"{says}; no key expires within {_EXPIRY.days} days", facts=facts)


def _certificates(at: Situation) -> Iterator[Line]:
    if not at.certificates:
        return
    whose, ends = min(at.certificates.items(), key=lambda item: item[1])
    left = ends - at.now
    facts = {"first": whose, "ends": ends.isoformat()}
    says = f"{counted(len(at.certificates), 'certificate')}, the first ends in {span(left)} ({whose})"
    if left > 2 * _EXPIRY:
        yield Line("certificates", Verdict.OK, says, facts=facts)
    else:
        verdict = Verdict.ACT if left <= timedelta(0) else Verdict.LOOK
        yield Line("certificates", verdict, says, "issue them anew", "rotate-keys", facts)


def _some(count: int | None, one: str, many: str) -> str:
    return f"{many} {NOT_MEASURED}" if count is None else counted(count, one, many)
