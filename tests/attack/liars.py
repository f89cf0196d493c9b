"""Parts of an exchange that lie, each with its real keys and real code, and what the others make of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from broker.routing.intake import Outcome
from tests.attack.member_lies import (
    alters_an_event,
    back_dates,
    declares_itself_involved,
    floods,
    forges_a_link,
    forges_a_move,
    grants_another_event,
    grants_another_key,
    involves_itself,
    replays_a_grant,
    replays_anothers,
    takes_an_id,
)
from tests.attack.router_lies import (
    alters_a_note,
    drops_a_delivery,
    drops_an_event,
    duplicates,
    forges_an_order,
    forgets_a_reader,
    invents_a_handover,
    leads_news_astray,
    orders_nothing,
    reorders,
    swaps_readers,
    withholds_grants,
)
from tests.attack.stage import Stage
from tests.support.events import CUMBERLAND


@dataclass(frozen=True)
class Lie:
    """One lie, and the row of the table: by whom it is met, how, within what limit by the clock."""

    liar: str
    lie: str
    by: str
    how: str
    within: str
    tell: Callable[[Stage], object]
    """Tells it, and gives what was seen."""
    seen: object
    """What must be seen."""


LIES: Final = (
    Lie(
        "router",
        "drops a delivery",
        "reader's gateway; author's gateway",
        "a gap in the note's numbers: asked for again after 5 s, then alarms `delivery-missing` and `receipt-missing`",
        "1 min; 5 min if urgent",
        drops_a_delivery,
        (True, {"delivery-missing", "receipt-missing"}),
    ),
    Lie(
        "router",
        "drops a whole event",
        "author's gateway",
        "alarm `receipt-missing`",
        "5 min urgent, 1 h normal, 1 day bulk",
        drops_an_event,
        {"receipt-missing"},
    ),
    Lie(
        "router",
        "changes the order on the bus",
        "reader's gateway",
        "held until what the note names came; nothing overtakes",
        "at once",
        reorders,
        ({"held"}, {"applied"}),
    ),
    Lie(
        "router",
        "delivers twice, and again under a new number",
        "reader's gateway",
        "dropped by its number; `repeated`",
        "at once",
        duplicates,
        (2, ["repeated"]),
    ),
    Lie(
        "router",
        "gives one reader's view to another",
        "the other reader's gateway",
        "dropped, or with a new note `not-addressed` and alarm `not-usable`; nothing can be opened",
        "at once",
        swaps_readers,
        (0, ["not-addressed"], {"not-usable"}),
    ),
    Lie(
        "router",
        "alters a note: another author",
        "reader's gateway",
        "`not-the-routers`, alarm `not-usable`",
        "at once",
        alters_a_note,
        (["not-the-routers"], {"not-usable"}),
    ),
    Lie(
        "router",
        "forges an order for a member of its choice",
        "the front door",
        "alarm `order-without-ground`; refused `not-concerned`; nothing granted",
        "at once; refused after 10 min",
        forges_an_order,
        ({"order-without-ground"}, "refused: not-concerned", False),
    ),
    Lie(
        "router",
        "leads one new event to another front door",
        "that front door's gateway",
        "alarm `grant-without-record`; **the event was granted**: a front door is given news on the router's word",
        "at once",
        leads_news_astray,
        {"grant-without-record"},
    ),
    Lie(
        "router",
        "invents a handover",
        "the front door",
        "alarm `handover-without-event`; the history needs a person's release",
        "1 min",
        invents_a_handover,
        {"handover-without-event"},
    ),
    Lie(
        "router",
        "withholds grants",
        "the new front door",
        "alarm `grants-missing`: its copy of the order says how many",
        "10 min",
        withholds_grants,
        True,
    ),
    Lie(
        "router",
        "orders nothing after a release",
        "the new front door",
        "alarm `history-not-ordered`: the release is signed by a person of the old area",
        "10 min",
        orders_nothing,
        True,
    ),
    Lie(
        "router",
        "forgets a confirmed member",
        "the front door",
        "alarm `reader-not-ordered`: it reckons the readers itself",
        "1 min",
        forgets_a_reader,
        (set(), True),
    ),
    Lie(
        "front door",
        "grants under another key",
        "reader's gateway",
        "`not-addressed`",
        "at once",
        grants_another_key,
        ["not-addressed"],
    ),
    Lie(
        "front door",
        "grants another event",
        "reader's gateway",
        "`grant-mismatch`",
        "at once",
        grants_another_event,
        ["grant-mismatch"],
    ),
    Lie(
        "front door",
        "alters what it grants",
        "reader's gateway",
        "`altered`",
        "at once",
        alters_an_event,
        ["altered"],
    ),
    Lie(
        "front door",
        "replays a grant",
        "router",
        "known; nothing is delivered again",
        "at once",
        replays_a_grant,
        ([Outcome.TAKEN], [], True),
    ),
    Lie(
        "front door",
        "links its own child with another area's, to be given the record",
        "the other front door",
        "its order waits; nothing is granted without the other area's person",
        "at once",
        forges_a_link,
        False,
    ),
    Lie(
        "front door",
        "reports a move to itself, to be given the history",
        "the old front door",
        "told of the handover at once; nothing is granted without its person; an acceptance on its own word is `provisional`: the old area stays case holder and may contest. **If nobody there does by the end of the next working day, the acceptance stands**",
        "at once",
        forges_a_move,
        ("noticed", ("provisional", CUMBERLAND), False),
    ),
    Lie(
        "member",
        "declares itself involved",
        "router",
        "grants nothing",
        "at once",
        declares_itself_involved,
        (False, False),
    ),
    Lie(
        "member",
        "asks the router to involve it",
        "router",
        "refused `not-your-action`",
        "at once",
        involves_itself,
        ["not-your-action"],
    ),
    Lie(
        "member",
        "uses another's event id",
        "router",
        "refused `event-id-taken`",
        "at once",
        takes_an_id,
        ["event-id-taken"],
    ),
    Lie(
        "member",
        "sends another's message as its own",
        "router",
        "refused `impostor`",
        "at once",
        replays_anothers,
        ["impostor"],
    ),
    Lie(
        "member",
        "floods with 500 bad messages",
        "router",
        "60 are kept, the rest counted in one audit entry a minute; another's event in the same batch is taken",
        "at once",
        floods,
        ["malformed", "60 kept, 1 taken"],
    ),
    Lie(
        "member",
        "dates an event back a month",
        "router, reader's gateway",
        "flagged late; what counts is the router's time",
        "at once",
        back_dates,
        (True, True),
    ),
)
