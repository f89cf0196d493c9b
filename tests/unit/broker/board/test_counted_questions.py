"""Questions whose answers are figures: counted over a trail that is known beforehand, and kept back where they are small."""

from datetime import UTC, datetime, timedelta

from broker.board.questions import Mark
from schemas.audit import EntryKind
from schemas.slip import Heard, Whom
from tests.support.audit_trail import AT_MS
from tests.support.board import Board
from tests.support.telling import DAY_MS, Ask, Telling


def test_concerns_again_soon_after_a_closure(ask: Ask, trail: Telling) -> None:
    for number in range(12):
        child = f"child {number}"
        trail.share(f"closed {number}", "concern.closed", child=child)
        late = 100 if number % 2 else 10
        trail.share(f"again {number}", "concern.raised", child=child, after_ms=late * DAY_MS)

    whole = ask("Q23")[-1]

    assert (12, 6, 50.0) == tuple(whole[name] for name in ("raised", "again", "percent"))
    assert 12 == ask("Q23", days=120)[-1]["again"]


def test_two_answers_for_two_periods_cannot_be_subtracted(board: Board, ask: Ask, trail: Telling) -> None:
    """Three concerns on the last day: the longer period is kept back, and answered when there are five."""
    for number in range(23):
        trail.share(
            f"raised {number}", "concern.raised", child=f"child {number}", after_ms=number // 20 * DAY_MS
        )
    day = (datetime.fromtimestamp(AT_MS / 1000, UTC) + timedelta(hours=12)).isoformat()
    shorter, longer = ask("Q23", until=day)[-1], ask("Q23")[-1]
    answer = board.ask("Q23")
    for number in range(23, 25):
        trail.share(f"raised {number}", "concern.raised", child=f"child {number}", after_ms=DAY_MS)
    later = ask("Q23")[-1]

    assert (20, Mark.SUPPRESSED, 25) == (shorter["raised"], longer["raised"], later["raised"])
    assert answer.suppressed
    assert "answered before" in answer.notes[-1]
    assert not any("20" in line or "23" in line for line in answer.summary)


def test_what_may_not_be_told_yet_is_answered_as_it_was_before(
    ask: Ask, board: Board, trail: Telling
) -> None:
    """Twenty concerns, then three more, then two: the figures of the first day stand until there are five."""
    told = []
    for raised in (range(20), range(20, 23), range(23, 25)):
        for number in raised:
            trail.share(
                f"raised {number}", "concern.raised", child=f"child {number}", after_ms=raised[0] * DAY_MS
            )
        told.append(ask("Q23")[-1]["raised"])
        notes = board.ask("Q23").notes
        assert (raised[0] == 20) == any("These are the figures of 1 June 2026" in one for one in notes)

    assert [20, 20, 25] == told


def test_cases_closed_as_moved_of_which_no_handover_tells(ask: Ask, trail: Telling) -> None:
    for number in range(12):
        child = f"child {number}"
        trail.share(f"end {number}", "plan.closed", child=child, code="RC8" if number > 10 else "RC5")
        if number < 6:
            trail.move(child)

    whole = ask("Q17")[-1]

    assert (11, 6, 5) == tuple(whole[name] for name in ("closed", "handed", "uncaught"))


def test_who_was_told_of_a_share_and_who_objected(ask: Ask, trail: Telling) -> None:
    """By role; a share that says nothing is not counted, and figures under five are suppressed."""
    for number in range(20):
        child = Heard.TOLD if number < 8 else Heard.NOT_TOLD if number < 15 else Heard.OBJECTED
        parent = Heard.TOLD if number < 17 else Heard.OBJECTED
        both = ((Whom.CHILD, child), (Whom.PARENT, parent))
        trail.share(f"told {number}", "plan.opened", informed=both)
    trail.share("quiet", "plan.opened")

    rows = [tuple(row.values()) for row in ask("Q21")]

    assert ("child", 20, 8, 5, 7, 65.0) == rows[0]
    assert ("parents", 20, *(Mark.SUPPRESSED,) * 4) == rows[1]
    assert ("other adults", 0, 0, 0, 0, None) == rows[2]


def test_obligations_are_counted_once_by_their_newest_word(ask: Ask, trail: Telling) -> None:
    """Twenty placements: half of the notices met in time, a few late, the rest never."""
    key, setup = trail.key()
    trail.add(EntryKind.SLIP_KEY, **setup)
    for number in range(20):
        trail.taken(f"placed {number}", child=f"child {number}")
        for word in (None, AT_MS + (1 if number < 10 else 20) * DAY_MS):
            if word is None or number < 14:
                trail.owed(f"placed {number}", key, "housing-notice", met_ms=word)

    late = ask("Q10")

    assert 10 == len(late)
    assert 4 == sum(row["met"] is not None for row in late)
    assert {"yes"} == {row["late"] for row in late}


def _cues(trail: Telling, author: str, rule: str, became: dict[str, int]) -> None:
    """So many cues of one rule at a front door; of each what it became."""
    key, setup = trail.key(author)
    trail.add(EntryKind.SLIP_KEY, **setup)
    words = {"reappraised": (AT_MS + 1, None), "known": (AT_MS + 1, "known"), "over": (AT_MS + 1, "over")}
    for name, many in became.items():
        for number in range(many):
            event = f"{author} {rule} {name} {number}"
            trail.taken(event, author=author)
            trail.owed(event, key, f"cue.{rule}", author=author)
            if name in words:
                met_ms, reason = words[name]
                trail.owed(event, key, f"cue.{rule}", met_ms=met_ms, reason=reason, author=author)


def test_cues_by_member_and_of_one_member_by_rule(board: Board, ask: Ask, trail: Telling) -> None:
    _cues(trail, "cumberland", "k2", {"reappraised": 6, "known": 7, "over": 5, "open": 8})
    _cues(trail, "cumberland", "several", {"reappraised": 5, "known": 5, "over": 5, "open": 5})
    _cues(trail, "westmorland", "k2", {"reappraised": 9, "known": 8, "over": 7, "open": 6})
    everybody = ask("Q7")
    answer = board.ask("Q7")
    one = ask("Q7", member="Example cumberland")
    names = ("cues", "reappraised", "dismissed", "ended", "open")

    assert {
        "Example cumberland": (46, 11, 12, 10, 13),
        "Example westmorland": (30, 9, 8, 7, 6),
        "all": (76, 20, 20, 17, 19),
    } == {row["member"]: tuple(row[name] for name in names) for row in everybody}
    assert [
        "76 cues were raised: 20 led to a reappraisal, 20 were dismissed with a reason, 19 are still open."
    ] == [*answer.summary]
    assert {"K2": (26, 6, 7, 5, 8), "several": (20, 5, 5, 5, 5), "all": (46, 11, 12, 10, 13)} == {
        row["rule"]: tuple(row[name] for name in names) for row in one
    }


def test_a_few_cues_of_one_rule_are_kept_back(ask: Ask, trail: Telling) -> None:
    _cues(trail, "cumberland", "k2", {"open": 20})
    _cues(trail, "cumberland", "k8", {"open": 2})

    assert {Mark.SUPPRESSED} == {row["cues"] for row in ask("Q7", member="Example cumberland")[:-1]}
