"""Whether some children wait longer than others: by age, by ethnic group, by disability, and never by two of them at once."""

from collections.abc import Collection, Iterator, Sequence
from typing import Final, NamedTuple

from broker.board.questions.answer import Column, Figure, Role, Table, Unit
from broker.board.questions.figures import DAY_MS, centile, hours, median, rounded
from broker.board.questions.ground import Ground
from broker.board.questions.moves import reported
from broker.store.audit.rows import Told
from schemas.bands import AgeBand, Bands, Disabled, EthnicGroup

_DELAYS: Final = (
    Column("characteristic", "By", role=Role.GROUP),
    Column("band", "Band", role=Role.KEY),
    Column("moves", "Moves", Unit.COUNT, Role.BASE),
    Column("opened", "Opened by the receiving area", Unit.COUNT, Role.PART),
    Column("median", "Median hours to being opened", Unit.HOURS, Role.DERIVED),
    Column("centile90", "90th centile, hours", Unit.HOURS, Role.DERIVED),
    Column("accepted", "Accepted", Unit.COUNT, Role.PART),
    Column("days", "Median days to acceptance", Unit.DAYS, Role.DERIVED),
)
_AGES: Final = {
    AgeBand.UNBORN: "not yet born",
    AgeBand.UNDER_1: "under 1",
    AgeBand.FROM_1_TO_4: "1 to 4",
    AgeBand.FROM_5_TO_9: "5 to 9",
    AgeBand.FROM_10_TO_15: "10 to 15",
    AgeBand.FROM_16: "16 and over",
    AgeBand.NOT_TOLD: "not known",
}
_GROUPS: Final = {
    EthnicGroup.WHITE: "White",
    EthnicGroup.MIXED: "Mixed",
    EthnicGroup.ASIAN: "Asian",
    EthnicGroup.BLACK: "Black",
    EthnicGroup.OTHER: "other",
    EthnicGroup.NOT_KNOWN: "not known or refused",
}
_DISABLED: Final = {Disabled.NO: "no", Disabled.YES: "yes", Disabled.NOT_TOLD: "not known"}
_NOT_AGREED: Final = (
    "the sharing policy lets no board hold a characteristic of a child. Needed: a decision of the partnerships that their "
    "boards may hold bands of age, ethnic group and disability, adopted as [board_bands] of the policy; the gateways of "
    "front doors then put them on the slips for their boards."
)
_NOT_TOLD: Final = (
    "no front door tells this board of its children's characteristics, though the policy lets it hold bands of them. "
    "Needed: gateways of this version at the front doors, and what their case systems say of ethnicity and disability, "
    "beside the events that they hand over or with “handrail gateway characteristics set”."
)


class _Delay(NamedTuple):
    """One move: how long until it was opened and accepted, in milliseconds; None where it was not, so far."""

    handover: bytes
    opened_ms: int | None
    accepted_ms: int | None
    bands: Bands


def by_characteristics(ground: Ground) -> Table:
    """Q22: delay by ethnicity, disability and age."""
    agreed = ground.directory.policy.board_bands is not None
    if not agreed or not ground.work.tells_of_bands():
        return Table(summary=(), why_not=_NOT_TOLD if agreed else _NOT_AGREED)
    delays = list(_delays(ground))
    rows = [
        *_rows("age", _AGES.values(), [(_AGES[one.bands.age], one) for one in delays]),
        *_rows("ethnic group", _GROUPS.values(), [(_group(one.bands), one) for one in delays]),
        *_rows("disabled", _DISABLED.values(), [(_DISABLED[one.bands.disabled], one) for one in delays]),
        _row("all", "", delays),
    ]
    return Table(
        summary=(
            "{moves} moves became known; the receiving area opened {opened} of them so far, and accepted {accepted}.",
            "Half were opened within {median}, and accepted within {days} days.",
        ),
        columns=_DELAYS,
        rows=tuple(rows),
        total=True,
        notes=(
            (
                "As front doors told it: the age when the move became known, ethnic group and disability as they were told "
                "last. Each characteristic shares out the same moves by itself; two at once are never counted."
            ),
        ),
    )


def _delays(ground: Ground) -> Iterator[_Delay]:
    reports, opened = reported(ground)
    of = _told(ground, {one.record for one in reports.values() if one.record is not None})
    for handover, one in reports.items():
        since = one.known_ms
        yield _Delay(
            handover,
            max(0, opened[handover] - since) if handover in opened else None,
            None if one.accept_ms is None else max(0, one.accept_ms - since),
            bands_at(of.get(one.record or b"", ()), since),
        )


def _told(ground: Ground, records: Collection[bytes]) -> dict[bytes, list[Told]]:
    """By record: what front doors told of it, and of those that a person has joined with it."""
    joined = ground.work.joined(records)
    every = {each for some in joined.values() for each in some}
    doors = {str(member.id) for member in ground.directory.members if member.front_door}
    by_record: dict[bytes, list[Told]] = {}
    for one in ground.work.bands_of(ground.scope, every, doors):
        by_record.setdefault(one.record, []).append(one)
    return {
        record: [one for each in sorted(some) for one in by_record.get(each, ())]
        for record, some in joined.items()
    }


def bands_at(told: Sequence[Told], at_ms: int) -> Bands:
    """What counts for a move that became known then: the age at that time, all else as it was told last.

    The age told last before, or else first after: a child does not grow out of the band in which it waited.
    """
    ages = [one for one in told if one.bands.age]
    before = [one for one in ages if one.first_ms <= at_ms]
    if before:
        age = max(before, key=lambda one: (min(one.last_ms, at_ms), one.first_ms, one.bands.age)).bands.age
    else:
        age = min(((one.first_ms, one.bands.age) for one in ages), default=(0, AgeBand.NOT_TOLD))[1]
    _, group = max(
        ((one.last_ms, one.bands.ethnicity) for one in told if one.bands.ethnicity),
        default=(0, EthnicGroup.NOT_TOLD),
    )
    _, disabled = max(
        ((one.last_ms, one.bands.disabled) for one in told if one.bands.disabled),
        default=(0, Disabled.NOT_TOLD),
    )
    return Bands(age, group, disabled)


def _group(bands: Bands) -> str:
    return _GROUPS[bands.ethnicity or EthnicGroup.NOT_KNOWN]


def _rows(
    characteristic: str, bands: Collection[str], delays: Sequence[tuple[str, _Delay]]
) -> Iterator[tuple[Figure, ...]]:
    """A row for each band, also for those without a move: they share out the whole."""
    for band in bands:
        yield _row(characteristic, band, [one for name, one in delays if name == band])


def _row(characteristic: str, band: str, delays: Sequence[_Delay]) -> tuple[Figure, ...]:
    opened = {one.handover: one.opened_ms for one in delays if one.opened_ms is not None}
    accepted = {one.handover: one.accepted_ms for one in delays if one.accepted_ms is not None}
    waits = hours(list(opened.values()))
    days = [one / DAY_MS for one in accepted.values()]
    return (
        characteristic,
        band,
        frozenset(one.handover for one in delays),
        frozenset(opened),
        rounded(median(waits)),
        rounded(centile(waits, 90)),
        frozenset(accepted),
        rounded(median(days)),
    )
