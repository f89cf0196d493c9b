"""The question about cues: raised, reappraised, dismissed with a reason, still open; by member, or by rule of one member."""

from collections import defaultdict
from typing import Final

from broker.board.questions.answer import Column, Figure, Role, Table, Unit
from broker.board.questions.figures import share
from broker.board.questions.ground import Ground
from broker.store.audit.rows import Obligation
from schemas.cues import KIND, NEEDS, SEVERAL

_FIGURES: Final = (
    Column("cues", "Cues raised", Unit.COUNT, Role.BASE),
    Column("reappraised", "Reappraised", Unit.COUNT, Role.PART),
    Column("dismissed", "Dismissed with a reason", Unit.COUNT, Role.PART),
    Column("ended", "Over by itself", Unit.COUNT, Role.PART),
    Column("open", "Still open", Unit.COUNT, Role.PART),
    Column("percent", "Dismissed, per cent", Unit.PERCENT, Role.DERIVED),
)
_MEMBER: Final = Column("member", "Member", role=Role.KEY)
_RULE: Final = Column("rule", "Rule", role=Role.KEY)
_KINDS: Final = (*(KIND + key for key in NEEDS), KIND + SEVERAL)
_NOTES: Final = (
    (
        "Over by itself: the grounds were corrected or answered otherwise, or the case passed to another area. A cue of "
        "several names what would have been too many one by one, or what a history gave reason for; it counts once."
    ),
    (
        "Cues about a child without an open matter reach no board. The load of a single worker is not measured: no name of "
        "a worker reaches the exchange. Asked about one member, this question tells its cues rule by rule."
    ),
)


def cues(ground: Ground) -> Table:
    """Q7: cues that were raised, and what became of them; by rule where one member is asked about."""
    raised = ground.obligations(*_KINDS)
    if raised is None:
        return Table(
            summary=(),
            why_not="no member tells this board of cues. Needed: a policy with cues; then the gateway of a front door "
            "raises them, and tells its boards by which rule and what became of each.",
        )
    by_rule = ground.asked.member is not None
    by: dict[str, list[Obligation]] = defaultdict(list)
    for one in raised:
        by[_rule(one) if by_rule else ground.names(one.member)].append(one)
    return Table(
        summary=(
            (
                "{cues} cues were raised: {reappraised} led to a reappraisal, {dismissed} were dismissed with a reason, "
                "{open} are still open."
            ),
        ),
        columns=(_RULE if by_rule else _MEMBER, *_FIGURES),
        rows=(*(_row(name, some) for name, some in sorted(by.items(), key=_by_number)), _row("all", raised)),
        total=True,
        notes=_NOTES,
    )


def _rule(one: Obligation) -> str:
    return one.kind.removeprefix(KIND).replace("k", "K", 1)


def _by_number(row: tuple[str, list[Obligation]]) -> tuple[int, str]:
    name = row[0]
    return (int(name[1:]) if name[0] == "K" and name[1:].isdigit() else 1_000), name


def _row(name: str, raised: list[Obligation]) -> tuple[Figure, ...]:
    settled = [one for one in raised if one.met_ms is not None]
    reappraised = [one for one in settled if one.reason is None]
    dismissed = [one for one in settled if one.done and one.reason is not None]
    ended = [one for one in settled if not one.done]
    waiting = [one for one in raised if one.met_ms is None]
    counted = (
        frozenset(one.ref for one in some) for some in (raised, reappraised, dismissed, ended, waiting)
    )
    return name, *counted, share(len(dismissed), len(raised))
