"""What the members' side looks like from this machine: gateways, boards, and who has fallen silent."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from broker.bus.subjects import shard_of
from broker.bus.topology import AUDIT, DEFAULT_SHARDS, audit_durable, in_stream, standby_durable
from broker.clock import from_ms
from broker.operator.lines import Line, Verdict, age, counted
from broker.operator.monitor import DurableFacts
from broker.operator.situation import Home, Situation
from schemas.members import Member

_OUTBOX_LOOK: Final = timedelta(minutes=5)
_OUTBOX_ACT: Final = timedelta(hours=4)
_BOARD_LAG: Final = 10_000


def judge_gateways(at: Situation) -> Iterator[Line]:
    """One line for each gateway of this machine that needs somebody; one for all that do not."""
    fine = 0
    for home in at.homes:
        if home.gateway is None:
            continue
        line = _gateway(at, home)
        if line.verdict is Verdict.OK:
            fine += 1
        else:
            yield line
    if fine:
        yield Line(
            "gateways",
            Verdict.OK,
            f"{counted(fine, 'gateway')} here with nothing that waits",
            facts={"fine": fine},
        )


def _gateway(at: Situation, home: Home) -> Line:
    state = home.gateway
    if state is None:
        raise ValueError(home.member)
    facts = {
        "member": home.member,
        "outbox": state.outbox.count if state.outbox else None,
        "returned": state.returned,
        "not_applied": state.not_applied,
        "held": state.held,
        "missing": state.missing,
    }
    durable = _inbox_of(at, home.member)
    verdict, says, todo = Verdict.OK, [], ""
    if durable is not None and not durable.reading:
        verdict, todo = Verdict.LOOK, f"start it: `systemctl start handrail-gateway@{home.member}`"
        says.append("does not run")
    if state.outbox is None:
        verdict, todo = max(verdict, Verdict.LOOK), todo or "look again"
        says.append("outbox not measured")
    elif state.outbox.count and state.outbox.first_ms is not None:
        since = from_ms(state.outbox.first_ms)
        if at.now - since >= _OUTBOX_LOOK:
            verdict = max(verdict, Verdict.ACT if at.now - since >= _OUTBOX_ACT else Verdict.LOOK)
            says.append(f"{counted(state.outbox.count, 'message')} not sent for {age(since, at.now)}")
    for count, what in (
        (state.not_applied, "could not be used"),
        (state.missing, "never came"),
        (state.held, "wait for an earlier one"),
    ):
        if count:
            verdict = max(verdict, Verdict.LOOK)
            says.append(f"{counted(count, 'delivery', 'deliveries')} {what}")
    if verdict is Verdict.OK:
        return Line("gateway", verdict, "")
    todo = todo or "see its log; `handrail inbox list --all` shows why"
    return Line(
        f"gateway {home.member}", verdict, f"{home.name}: {', '.join(says)}", todo, "recover-a-gateway", facts
    )


def judge_alarms(at: Situation) -> Iterator[Line]:
    """A line for each gateway here that misses what others owe it, or was given what does not fit its record."""
    looked = [home for home in at.homes if home.alarms is not None]
    quiet = 0
    for home in looked:
        seen = home.alarms
        if seen is None or not seen.codes or seen.first_ms is None:
            quiet += 1
            continue
        kinds = ", ".join(f"{code} {count}" for code, count in sorted(seen.codes.items()))
        since = age(from_ms(seen.first_ms), at.now)
        says = f"{home.name}: {counted(sum(seen.codes.values()), 'alarm')}, the first for {since} ({kinds})"
        facts = {"member": home.member, "codes": dict(seen.codes), "first_ms": seen.first_ms}
        todo = "see `handrail gateway alarms` in its home"
        yield Line(f"alarms {home.member}", Verdict.LOOK, says, todo, "gateway-alarms", facts)
    if quiet:
        says = f"none in {counted(quiet, 'gateway')} here"
        yield Line("alarms", Verdict.OK, says, facts={"quiet": quiet})


def judge_boards(at: Situation) -> Iterator[Line]:
    """Each board's node: how far behind AUDIT it is, and what it misses."""
    audit = at.streams.get(AUDIT)
    lags = {one.name: one for one in audit.durables} if audit else {}
    for member in at.directory.members if at.directory else ():
        durable = lags.get(audit_durable(member.id))
        if durable is None or not member.active():
            continue
        topic = f"board {member.id}"
        home = next((home for home in at.homes if home.member == member.id), None)
        seen = home.board if home else None
        facts = {
            "lag": durable.lag,
            "missing": seen.missing if seen else None,
            "unread": seen.unread if seen else None,
        }
        says = f"{member.name}: {counted(durable.lag, 'entry', 'entries')} behind"
        if seen and (seen.missing or seen.unread):
            says += f", {seen.missing or 0} never came, {seen.unread or 0} not understood"
            yield Line(topic, Verdict.LOOK, says, "see `handrail audit list`", "backlog", facts)
        elif seen and seen.entries is None:
            todo = "look again; if it stays so, see whether the database of this node runs"
            says += "; what it misses is not measured: its database does not answer"
            yield Line(topic, Verdict.LOOK, says, todo, "start-and-stop", facts)
        elif not durable.reading and durable.lag:
            todo = f"start it: `systemctl start handrail-board@{member.id}`"
            yield Line(topic, Verdict.LOOK, f"{says}; its node does not run", todo, "start-and-stop", facts)
        elif durable.lag >= _BOARD_LAG:
            yield Line(topic, Verdict.LOOK, says, "watch whether it falls", "backlog", facts)
        else:
            yield Line(topic, Verdict.OK, says, facts=facts)


def judge_silence(at: Situation, days: int) -> Line:
    """Members who neither read nor published for so many days, and those for whom something waits unread."""
    if at.server is None or at.directory is None:
        return Line("members", Verdict.OK, "who reads is not measured: the server does not answer")
    limit = timedelta(days=days)
    silent: dict[str, str] = {}
    unread: dict[str, int] = {}
    for member in at.directory.members:
        durable = _inbox_of(at, member.id)
        if durable is None or not member.active() or durable.reading:
            continue
        if durable.lag:
            unread[member.id] = durable.lag
        heard = _last_heard(at, member.id, durable)
        if at.now - (heard or at.server.started) >= limit:
            silent[member.id] = age(heard, at.now) if heard else f"{age(at.server.started, at.now)} at least"
    idle = [member.id for member in at.directory.members if member.active() and _is_standby_idle(at, member)]
    active = sum(1 for member in at.directory.members if member.active())
    facts = {"members": active, "silent": silent, "unread": unread, "standbys_idle": idle}
    if not silent and not unread and not idle:
        return Line(
            "members", Verdict.OK, f"{counted(active, 'member')}, nobody silent for {days} days", facts=facts
        )
    says = [f"{at.name_of(member)} silent for {length}" for member, length in list(silent.items())[:3]]
    says += [f"{lag:,} unread by {at.name_of(member)}" for member, lag in list(unread.items())[:3]]
    says += [f"the standby of {at.name_of(member)} does not run" for member in idle[:3]]
    rest = len(silent) + len(unread) + len(idle) - len(says)
    more = f"; and {rest} more (--json shows all)" if rest > 0 else ""
    verdict = Verdict.LOOK if silent or idle else Verdict.OK
    if any(member for member in unread if _is_front_door(at, member)):
        verdict = Verdict.LOOK
    todo = "ring the member: its gateway does not run" if verdict is Verdict.LOOK else ""
    return Line("members", verdict, "; ".join(says) + more, todo, "silent-member" if todo else "", facts)


def _is_front_door(at: Situation, member_id: str) -> bool:
    member = at.directory.member(member_id) if at.directory else None
    return member is not None and member.front_door


def _is_standby_idle(at: Situation, member: Member) -> bool:
    """A front door's standby that does not run would not be there when it is needed."""
    if member.standby_user is None:
        return False
    durable = _inbox_of(at, member.id, standby_durable(member.id))
    return durable is not None and not durable.reading


def _inbox_of(at: Situation, member: str, name: str | None = None) -> DurableFacts | None:
    stream = at.streams.get(in_stream(shard_of(member, DEFAULT_SHARDS)))
    return next((one for one in stream.durables if one.name == (name or member)), None) if stream else None


def _last_heard(at: Situation, member: str, durable: DurableFacts) -> datetime | None:
    published = (at.router.published or {}).get(member) if at.router else None
    moments = [moment for moment in (durable.last_read, from_ms(published) if published else None) if moment]
    return max(moments, default=None)
