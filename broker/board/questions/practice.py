"""Questions about how people work with what they are told."""

from collections import defaultdict
from collections.abc import Collection
from datetime import timedelta
from functools import cache
from typing import Final

from broker.audit.words import plain, purpose_text
from broker.board.questions.answer import Column, Figure, Mark, Role, Table, Unit
from broker.board.questions.figures import DAY_MS, many, share, union
from broker.board.questions.ground import MOST, Ground, capped, handle
from broker.clock import from_ms
from schemas.slip import Heard, Whom

_NOT_SHARED: Final = (
    Column("at", "Decided", Unit.TIME),
    Column("by", "By"),
    Column("purpose", "Purpose considered"),
    Column("child", "Child", Unit.REFERENCE),
    Column("reversed", "Reversed since"),
    Column("event", "Event", Unit.REFERENCE),
)


def not_shared(ground: Ground) -> Table:
    """Q5: decisions not to share."""
    decided = ground.shares("share.declined", most=MOST)
    rows = tuple(
        (
            one.at_ms,
            ground.names(one.author or ""),
            purpose_text(one.said.purpose) if one.said else Mark.NOT_MEASURED,
            handle(one.record),
            Mark.NOT_MEASURED,
            one.event_id.hex(),
        )
        for one in decided
    )
    return Table(
        summary=(f"{many(len(rows), 'decision not to share was', 'decisions not to share were')} recorded.",),
        columns=_NOT_SHARED,
        rows=rows,
        notes=(
            *capped(len(rows)),
            (
                "The reason stands in the decision itself, which its readers hold and this board does not: ask its author. "
                "So is whether it was reversed: a correction says there what it corrects."
            ),
        ),
        places=tuple(one.place for one in decided),
    )


_AGAIN: Final = (
    Column("area", "Area", role=Role.KEY),
    Column("raised", "Concerns raised", Unit.COUNT, Role.BASE),
    Column("again", "Again after a closure", Unit.COUNT, Role.PART),
    Column("percent", "Per cent", Unit.PERCENT, Role.DERIVED),
)
_CLOSED: Final = ("concern.closed", "plan.closed", "eha.closed")


def again(ground: Ground) -> Table:
    """Q23: concerns about a child within 90 days of the last closure."""
    raised: dict[str, set[bytes]] = defaultdict(set)
    back: set[bytes] = set()
    name = cache(ground.names)
    for one in ground.raised("concern.raised", _CLOSED, ground.asked.days * DAY_MS):
        raised[name(one.holder or "") or "unknown"].add(one.event_id)
        if one.again:
            back.add(one.event_id)
    rows = [_again_row(name, some, back) for name, some in sorted(raised.items())]
    rows.append(_again_row("all", union(raised.values()), back))
    return Table(
        summary=(
            (
                f"{{again}} of {{raised}} concerns came within {ground.asked.days} days after a concern, a plan or an "
                "early help episode about the same child was closed."
            ),
        ),
        columns=_AGAIN,
        rows=tuple(rows),
        total=True,
    )


def _again_row(name: str, raised: Collection[bytes], back: Collection[bytes]) -> tuple[Figure, ...]:
    whole = frozenset(raised)
    again = whole.intersection(back)
    return name, whole, again, share(len(again), len(whole))


_NOTICES: Final = (
    Column("member", "Member"),
    Column("notices", "People told", Unit.COUNT),
    Column("per_day", "Per day", Unit.DAYS),
    Column("acted", "Acted on in time", Unit.COUNT),
    Column("percent", "Per cent", Unit.PERCENT),
)


def notices(ground: Ground) -> Table:
    """Q24: notices to people per day, and how many were acted on in time."""
    told = ground.work.notices(ground.scope, ground.period)
    rows = []
    for one in sorted(told, key=lambda one: one.owner):
        days = max(1, (one.last_ms - one.first_ms) // DAY_MS + 1)
        per_day, percent = round(one.times / days, 1), share(one.acted, one.times)
        rows.append((ground.names(one.owner), one.times, per_day, one.acted, percent))
    return Table(
        summary=(f"{sum(one.times for one in told)} times a person was told that something is owed.",),
        columns=_NOTICES,
        rows=tuple(rows),
        notes=(
            (
                "By member: who was told is known to the member alone, so a single worker's load is not measured. "
                "Acted on: the deadline did not pass unmet."
            ),
        ),
    )


_TOLD: Final = (
    Column("who", "Who", role=Role.KEY),
    Column("shares", "Shares that say so", Unit.COUNT, Role.BASE),
    Column("told", "Told, no objection", Unit.COUNT, Role.PART),
    Column("objected", "Objected", Unit.COUNT, Role.PART),
    Column("not_told", "Not told", Unit.COUNT, Role.PART),
    Column("percent", "Told, per cent", Unit.PERCENT, Role.DERIVED),
)
_WHO: Final = {Whom.CHILD: "child", Whom.PARENT: "parents", Whom.OTHER_ADULT: "other adults"}


def told_and_objected(ground: Ground) -> Table:
    """Q21: whether child and parents were told of a share, and who objected."""
    if not ground.work.tells_who_was_told():
        return Table(
            summary=(),
            why_not="no member tells this board whether somebody was told of a share. Needed: “informed” in the events "
            "that members publish; their gateways put on the slip for this board who was told, by role, and who objected.",
        )
    heard: dict[tuple[Whom, Heard], set[bytes]] = defaultdict(set)
    for event_id, informed in ground.heard():
        for about in informed:
            # The same share counts for each of whom it says something: told apart by who it is.
            heard[about].add(event_id + bytes([about[0]]))
    rows: list[tuple[Figure, ...]] = []
    for whom, name in _WHO.items():
        parts = tuple(frozenset(heard[whom, what]) for what in (Heard.TOLD, Heard.OBJECTED, Heard.NOT_TOLD))
        whole = union(parts)
        rows.append((name, whole, *parts, share(len(whole - parts[-1]), len(whole))))
    return Table(
        summary=("Of the shares whose author says whether somebody was told of them.",),
        columns=_TOLD,
        rows=tuple(rows),
        notes=(
            (
                "A share that does not say is not counted. Several parents count as one: as not told where one was not, "
                "as objecting where one did. Why somebody was not told, and what they objected, stands in the event."
            ),
        ),
    )


_SILENT: Final = (
    Column("member", "Member"),
    Column("kind", "Kind"),
    Column("published", "Last published", Unit.TIME),
    Column("read", "Last receipt", Unit.TIME),
    Column("days", "Days silent", Unit.DAYS),
)


def silent(ground: Ground) -> Table:
    """Q14: members of which nothing has been heard for some days."""
    heard = ground.work.activity()
    rows = []
    today = from_ms(ground.now_ms).date()
    for member in sorted(ground.directory.members, key=lambda one: one.name):
        if not ground.serves(member.id, ground.areas) or not member.active(today):
            continue
        published, read = heard.get(str(member.id), (None, None))
        last = max((at for at in (published, read) if at is not None), default=None)
        since = from_ms(last).date() if last is not None else member.joined_on
        quiet = today - since
        if quiet >= timedelta(days=ground.asked.days):
            rows.append((member.name, plain(member.kind.value), published, read, quiet.days))
    return Table(
        summary=(
            f"{many(len(rows), 'member has', 'members have')} been silent for {ground.asked.days} days or longer.",
        ),
        columns=_SILENT,
        rows=tuple(rows),
        notes=(
            (
                "Heard is what concerns a child with an open matter: of routine events nothing reaches the log. "
                "A member that was never heard counts from the day on which it joined."
            ),
        ),
    )
