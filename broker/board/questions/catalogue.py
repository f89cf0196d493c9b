"""The questions that a board can ask, by their keys (domain: what a board asks of an audit log)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from broker.board.questions import assurance, characteristics, child, cues, duties, learning, moves, practice
from broker.board.questions.answer import Question, Takes

_TIME_AND_PLACE: Final = (Takes.PERIOD, Takes.AREA)
_AND_MEMBER: Final = (*_TIME_AND_PLACE, Takes.MEMBER)

_ALL: Final = (
    Question(
        "Q1",
        "Every share about a child",
        "What kind of thing, from whom, to whom, why, and when it was sent, delivered, opened and taken on.",
        child.shares,
        takes=(Takes.CHILD, Takes.PERIOD),
        needs=(Takes.CHILD,),
    ),
    Question(
        "Q2",
        "Transfer conferences within fifteen working days",
        "How many were held in time, by sending area and by where the clock starts.",
        moves.conferences,
        aggregate=True,
    ),
    Question(
        "Q3",
        "From a move being known to the receiving area opening it",
        "Median and 90th centile in hours, by the kind of agency that knew of the move first.",
        moves.known_to_opened,
        aggregate=True,
    ),
    Question(
        "Q4",
        "Never opened",
        "Copies that were not opened within so many hours, by inbox, and who was told.",
        assurance.unopened,
        takes=(*_AND_MEMBER, Takes.HOURS),
        defaults={"hours": 24},
    ),
    Question(
        "Q5",
        "Decisions not to share",
        "Who decided not to share something, when, and about which purpose.",
        practice.not_shared,
        takes=(*_AND_MEMBER, Takes.CHILD),
    ),
    Question(
        "Q6",
        "Attendance under 85 % without early help",
        "Children with neither an early help assessment nor a recorded reason.",
        duties.no_early_help,
        takes=_AND_MEMBER,
    ),
    Question(
        "Q7",
        "Cues and reappraisals",
        "Cues that were raised, reappraised, dismissed with a reason or are open still: by member, or by rule of one member.",
        cues.cues,
        takes=_AND_MEMBER,
        aggregate=True,
    ),
    Question(
        "Q8",
        "Two plans and no joint contact",
        "Children with two or more live plans whose managers have had no joint contact in ten working days.",
        child.two_plans,
    ),
    Question(
        "Q9",
        "Encompass notices after the start of the next school day",
        "Domestic abuse notices that came late to a school, or to none.",
        duties.encompass,
    ),
    Question(
        "Q10",
        "Notices to the host district (s.208)",
        "Late or absent notices against placements reported.",
        duties.housing_notices,
    ),
    Question(
        "Q11",
        "Beyond area or role",
        "What members tried beyond their area or role, views that were withheld, and broken glass.",
        assurance.overreach,
        takes=_AND_MEMBER,
    ),
    Question(
        "Q12",
        "Messages that failed",
        "Signatures, forms and keys that failed, holes in chains, new keys, clocks that were ahead.",
        assurance.failed,
        takes=_AND_MEMBER,
    ),
    Question(
        "Q13",
        "Identity matches",
        "Records joined and parted by a person, who had been told, and events sent to a person to match.",
        assurance.identities,
        takes=(*_TIME_AND_PLACE, Takes.CHILD),
    ),
    Question(
        "Q14",
        "Silent agencies",
        "Members of which nothing has been heard for so many days.",
        practice.silent,
        takes=(Takes.AREA, Takes.DAYS),
        defaults={"days": 14},
    ),
    Question(
        "Q15",
        "Was the log altered?",
        "The signed heads of a period, and whether this node's own tree gives the root of each of them.",
        assurance.unaltered,
        takes=(Takes.PERIOD,),
    ),
    Question(
        "Q16",
        "Hours to the child being seen",
        "From a concern or a move to the child being seen.",
        duties.seen,
        aggregate=True,
    ),
    Question(
        "Q17",
        "Moves that were never caught",
        "Cases closed because the child moved to another area (RC5), against handovers.",
        moves.uncaught,
        aggregate=True,
    ),
    Question(
        "Q18",
        "Who is not a member",
        "Kinds of agency that no member of an area is of.",
        assurance.coverage,
        takes=(Takes.AREA,),
        from_trail=False,
    ),
    Question(
        "Q19",
        "Three areas in a year",
        "Children who were in three areas or more within a year.",
        child.three_areas,
    ),
    Question(
        "Q20",
        "Declined handovers",
        "How long nobody settled them, and who did in the end.",
        moves.declined,
    ),
    Question(
        "Q21",
        "Told, and objected",
        "Whether child and parents were told of a share, and who objected.",
        practice.told_and_objected,
        aggregate=True,
    ),
    Question(
        "Q22",
        "Delay by ethnicity, disability and age",
        "Whether some children wait longer than others until a move is opened and accepted; each characteristic by itself.",
        characteristics.by_characteristics,
        aggregate=True,
        from_trail=False,
    ),
    Question(
        "Q23",
        "Again within 90 days",
        "Concerns about a child soon after its last concern, plan or early help episode was closed.",
        practice.again,
        takes=(*_TIME_AND_PLACE, Takes.DAYS),
        aggregate=True,
        defaults={"days": 90},
    ),
    Question(
        "Q24",
        "Notices per day",
        "How often people were told that something is owed, and how often it was then done in time.",
        practice.notices,
    ),
    Question(
        "Q25",
        "Learning that was not acknowledged",
        "Which members and teams have what this board has published.",
        learning.acknowledged,
        takes=_AND_MEMBER,
        from_trail=False,
    ),
)

CATALOGUE: Final[Mapping[str, Question]] = MappingProxyType({question.key: question for question in _ALL})
"""Every question, in the order of its number."""
