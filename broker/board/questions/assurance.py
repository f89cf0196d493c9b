"""Questions about the exchange itself: what was not opened or refused, who is not a member, whether the log holds."""

from collections import Counter
from typing import Final

from broker.audit.witnesses import witness_keys
from broker.audit.words import plain
from broker.board.questions.answer import Column, Mark, Table, Unit
from broker.board.questions.child import named
from broker.board.questions.figures import HOUR_MS, many
from broker.board.questions.ground import MOST, Ground, capped, handle
from broker.clock import from_ms
from broker.crypto.notes import Head, Note
from broker.crypto.tree import root_at
from schemas.audit import EntryKind
from schemas.codes.members import MemberKind

_UNOPENED: Final = (
    Column("inbox", "Inbox"),
    Column("kind", "Kind of agency"),
    Column("sent", "Sent", Unit.TIME),
    Column("hours", "Hours unopened", Unit.HOURS),
    Column("delivered", "Delivered", Unit.TIME),
    Column("what", "What kind of thing"),
    Column("by", "From"),
    Column("told", "Highest rung told since"),
    Column("child", "Child", Unit.REFERENCE),
    Column("event", "Event", Unit.REFERENCE),
)
_RUNGS: Final = ("worker", "team_manager", "service_manager", "head_of_service")


def unopened(ground: Ground) -> Table:
    """Q4: copies that were not opened within so many hours, by inbox."""
    before = min(ground.period.until_ms, ground.now_ms - ground.asked.hours * HOUR_MS + 1)
    inboxes = [one for one in sorted(ground.scope.members) if ground.asked.member in {None, one}]
    inboxes = [one for one in inboxes if ground.serves(one, ground.areas)]
    found = ground.work.unopened(ground.scope, ground.period._replace(until_ms=before), inboxes, MOST)
    events = ground.events({one.event_id for one in found})
    rungs: dict[str, int] = {}
    for owner, rung in ground.work.rungs(ground.scope, ground.period):
        if rung in _RUNGS:
            rungs[owner] = max(rungs.get(owner, 0), _RUNGS.index(rung))
    hidden = ground.work.hidden({one.record for one in events.values() if one.record}, ground.scope)
    rows = []
    for copy in sorted(found, key=lambda one: (ground.names(one.reader), one.given_ms or 0)):
        share = events.get(copy.event_id)
        record = share.record if share else None
        away = hidden.get(record or b"", frozenset())
        rows.append(
            (
                named(ground, copy.reader, away),
                ground.kind(copy.reader),
                copy.given_ms,
                round((ground.now_ms - (copy.given_ms or 0)) / HOUR_MS, 1),
                copy.delivered_ms,
                plain(share.said.event_type) if share and share.said else Mark.NOT_MEASURED,
                named(ground, share.author or "", away) if share else "",
                plain(_RUNGS[rungs[copy.reader]]) if copy.reader in rungs else "nobody",
                handle(record),
                copy.event_id.hex(),
            )
        )
    by_inbox = Counter(one.reader for one in found)
    most = f" The first {MOST} are listed." if len(found) == MOST else ""
    return Table(
        summary=(
            f"{many(len(found), 'copy', 'copies')} in {many(len(by_inbox), 'inbox', 'inboxes')} {'was' if len(found) == 1 else 'were'} not opened within {ground.asked.hours} hours.{most}",
        ),
        columns=_UNOPENED,
        rows=tuple(rows),
        notes=("Who was told is known of what a member owes in handovers, not of each copy.",),
        places=tuple(share.place for share in events.values()),
    )


_REFUSED: Final = (
    Column("at", "When", Unit.TIME),
    Column("member", "Member"),
    Column("what", "What"),
    Column("event", "Event", Unit.REFERENCE),
)
_NOT_ENTITLED: Final = frozenset(
    {
        "foreign-receipt",
        "grant-mismatch",
        "impostor",
        "misaddressed",
        "not-addressed",
        "not-endorsed",
        "not-your-action",
        "unknown-order",
        "wrong-acting-area",
    }
)


def overreach(ground: Ground) -> Table:
    """Q11: what a member tried beyond its area or role, views that were withheld, and broken glass."""
    rows, places = [], []
    tried = ground.entries(EntryKind.REFUSED, EntryKind.WITHHELD)
    broken = ground.entries(EntryKind.HANDOVER, broke=True)
    for found, entry in sorted((*tried, *broken), key=lambda one: (one[0].row.place, one[0].row.inner)):
        who = ground.names(entry.actor or "") or Mark.NOT_MEASURED
        event = found.row.event_id.hex() if found.row.event_id else None
        match entry.kind:
            case EntryKind.REFUSED if entry.text_of("code") in _NOT_ENTITLED:
                rows.append((found.row.at_ms, who, f"refused: {plain(entry.text_of('code') or '')}", event))
            case EntryKind.WITHHELD:
                kept = ", ".join(map(ground.names, entry.texts_of("readers")))
                rows.append(
                    (found.row.at_ms, kept, "a view was withheld: the policy does not admit it", event)
                )
            case EntryKind.HANDOVER:
                area = ground.names(entry.text_of("to_area") or "")
                rows.append((found.row.at_ms, area, "broke the glass for a history", event))
            case _:
                continue
        places.append(found.row.place)
    return Table(
        summary=(
            f"{many(len(rows), 'attempt or withheld view is', 'attempts and withheld views are')} on the trail.",
        ),
        columns=_REFUSED,
        rows=tuple(rows),
        notes=(
            (
                "What a person looks up inside a member's own systems is not measured: the exchange sees deliveries and "
                "receipts, not screens."
            ),
        ),
        places=tuple(places),
    )


_FAILED: Final = (
    Column("member", "Member"),
    Column("what", "What"),
    Column("count", "How many", Unit.COUNT),
    Column("last", "Last", Unit.TIME),
)


def failed(ground: Ground) -> Table:
    """Q12: messages whose signature, form or key failed, chains with holes, new keys, clocks that were ahead."""
    count: Counter[tuple[str, str]] = Counter()
    last: dict[tuple[str, str], int] = {}
    kinds = (EntryKind.REFUSED, EntryKind.CHAIN_GAP, EntryKind.FLOOD, EntryKind.SLIP_KEY)
    for found, entry in ground.entries(*kinds):
        what = {
            EntryKind.REFUSED: f"refused: {plain(entry.text_of('code') or 'unknown')}",
            EntryKind.CHAIN_GAP: "messages lost before the exchange",
            EntryKind.FLOOD: "refused beyond the list",
        }.get(EntryKind(entry.kind), "new key for a board's slips")
        name = ground.names(entry.actor or "") or "unknown", what
        count[name] += max(1, entry.number_of("count") or 1)
        last[name] = max(last.get(name, 0), found.row.at_ms)
    for share in ground.shares(skewed=True):
        name = ground.names(share.author or "") or "unknown", "clock more than five minutes ahead"
        count[name] += 1
        last[name] = max(last.get(name, 0), share.at_ms)
    rows = tuple((*name, number, last[name]) for name, number in sorted(count.items()))
    return Table(
        summary=(
            f"{many(sum(count.values()), 'finding', 'findings')} at {many(len({name for name, _ in count}), 'member', 'members')}.",
        ),
        columns=_FAILED,
        rows=rows,
    )


_DECIDED: Final = (
    Column("at", "When", Unit.TIME),
    Column("what", "What"),
    Column("by", "By"),
    Column("told", "Who had been told"),
    Column("child", "Child", Unit.REFERENCE),
)


def identities(ground: Ground) -> Table:
    """Q13: records that a person joined or parted, who had been told, and events that name nobody by number."""
    rows, places = [], []
    for found, entry in ground.entries(EntryKind.LINKED, EntryKind.UNLINKED):
        what = "joined" if entry.kind == EntryKind.LINKED else "parted: the match was wrong"
        away = ground.work.hidden({found.child} if found.child else set(), ground.scope)
        hidden = away.get(found.child or b"", frozenset())
        told = ", ".join(str(named(ground, member, hidden)) for member in entry.texts_of("told"))
        by = named(ground, entry.actor or "", hidden)
        rows.append((found.row.at_ms, what, by, told, handle(found.child)))
        places.append(found.row.place)
    unmatched = ground.shares(unmatched=True, most=MOST) if ground.records is None else []
    for one in unmatched:
        rows.append((one.at_ms, "sent to a person to match", ground.names(one.author or ""), "", None))
        places.append(one.place)
    parted = sum(str(row[1]).startswith("parted") for row in rows)
    return Table(
        summary=(
            (
                f"{many(len(rows) - len(unmatched), 'decision', 'decisions')} on identity, {parted} of them undoing a wrong match; "
                f"{many(len(unmatched), 'event was', 'events were')} sent to a person to match."
            ),
        ),
        columns=_DECIDED,
        rows=tuple(sorted(rows, key=lambda row: (row[0], str(row[1])))),
        notes=capped(len(unmatched)),
        places=tuple(places),
    )


_HEADS: Final = (
    Column("size", "Entries", Unit.COUNT),
    Column("witnessed", "First witnessed", Unit.TIME),
    Column("witnesses", "Witnesses", Unit.COUNT),
    Column("root", "Root", Unit.REFERENCE),
    Column("holds", "This node's tree"),
)


def unaltered(ground: Ground) -> Table:
    """Q15: the signed heads of a period, and whether this node's tree gives the root of each of them."""
    rows = []
    for text in ground.work.heads():
        note = Note.from_text(text)
        head = Head.from_text(note.text)
        at = _seen_ms(note, ground)
        if at is not None and not ground.period.since_ms <= at < ground.period.until_ms:
            continue
        try:
            holds = root_at(ground.work.subtree, head.size) == head.root
        except KeyError:
            rows.append(
                (head.size, at, len(note.signatures) - 1, head.root.hex(), "entries are missing here")
            )
            continue
        rows.append(
            (head.size, at, len(note.signatures) - 1, head.root.hex(), "gives it" if holds else "DOES NOT")
        )
    held = sum(row[-1] == "gives it" for row in rows)
    whole = rows and held == len(rows)
    return Table(
        summary=(
            f"{held} of {len(rows)} signed heads are the roots of this node's own tree"
            + ("; each continues the one before: nothing was altered in between." if whole else "."),
        ),
        columns=_HEADS,
        rows=tuple(rows),
        notes=("`handrail audit verify` computes the tree anew from every entry.",),
    )


def _seen_ms(note: Note, ground: Ground) -> int | None:
    """When the first witness says that it saw this head."""
    times = [at for key in witness_keys(ground.directory) if (at := key.cosigned(note)) is not None]
    return min(times) * 1000 if times else None


_COVERAGE: Final = (
    Column("area", "Area"),
    Column("kind", "Kind of agency"),
    Column("members", "Members", Unit.COUNT),
    Column("who", "Who"),
)
_EXPECTED: Final = tuple(kind for kind in MemberKind if kind is not MemberKind.BOARD)


def coverage(ground: Ground) -> Table:
    """Q18: which kinds of agency are not members, area by area."""
    today = from_ms(ground.now_ms).date()
    rows = []
    for area in sorted(ground.areas, key=ground.names):
        for kind in _EXPECTED:
            own = [
                one.name
                for one in ground.directory.members
                if one.kind is kind and area in one.acting_areas and one.active(today)
            ]
            rows.append((ground.names(area), plain(kind.value), len(own), ", ".join(sorted(own)) or "nobody"))
    missing = sum(row[2] == 0 for row in rows)
    return Table(
        summary=(f"In {missing} of {len(rows)} places of this board's areas nobody is a member.",),
        columns=_COVERAGE,
        rows=tuple(rows),
        notes=(
            "Whether each school or surgery of an area takes part is not measured: the directory lists members.",
        ),
    )
