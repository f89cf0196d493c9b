"""The question about learning: which members and teams have what the board has published."""

from typing import Final

from broker.audit.words import plain
from broker.board.questions.answer import Column, Table, Unit
from broker.board.questions.figures import many
from broker.board.questions.ground import Ground

_FEED: Final = (
    Column("title", "Learning"),
    Column("published", "Published", Unit.TIME),
    Column("member", "Member"),
    Column("kind", "Kind of agency"),
    Column("delivered", "Delivered", Unit.TIME),
    Column("teams", "Acknowledged by team"),
    Column("state", "State"),
)


def acknowledged(ground: Ground) -> Table:
    """Q25: who has not acknowledged what the board has published."""
    rows, open_ones = [], 0
    for lesson in ground.feed:
        if (
            lesson.area not in ground.areas
            or not ground.period.since_ms <= lesson.at_ms < ground.period.until_ms
        ):
            continue
        for reader in lesson.readers:
            if ground.asked.member not in {None, reader.member}:
                continue
            open_ones += not reader.teams
            state = "acknowledged" if reader.teams else "delivered" if reader.delivered_ms else "on its way"
            rows.append(
                (
                    lesson.title,
                    lesson.at_ms,
                    ground.names(reader.member),
                    plain(ground.kind(reader.member)),
                    reader.delivered_ms,
                    ", ".join(reader.teams),
                    state,
                )
            )
    return Table(
        summary=(
            f"{many(len(rows), 'copy', 'copies')} of the board's learning; {open_ones} of them no team has acknowledged.",
        ),
        columns=_FEED,
        rows=tuple(sorted(rows, key=lambda row: (row[1], row[0], row[6], row[2]))),
        notes=(
            (
                "From this board's own gateway: learning is about no child, and nothing of it is on the trail. Which teams a "
                "member has is not known here: a member with one acknowledgement may have other teams without."
            ),
        ),
    )
