"""How notices to people on duty stand: a notice that cannot be sent is somebody who does not know."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from broker.clock import from_ms
from broker.operator.lines import Line, Verdict, age, counted
from broker.operator.situation import Situation
from broker.store.overview import NoticesOverview

_ACT: Final = timedelta(hours=1)
_REMEDY: Final = (
    "see `handrail notices list` there; mend notices.toml or the mail server; telephone meanwhile"
)


def judge_notices(at: Situation) -> Iterator[Line]:
    """One line for each who cannot tell its people; one for all who can."""
    fine = 0
    for whose, seen in at.notices.items():
        line = _line(at, whose, seen)
        if line.verdict is Verdict.OK:
            fine += 1
        else:
            yield line
    if fine:
        yield Line(
            "notices",
            Verdict.OK,
            f"{counted(fine, 'notifier')} with nobody left untold",
            facts={"fine": fine},
        )


def _line(at: Situation, whose: str, seen: NoticesOverview) -> Line:
    topic = f"notices {whose}"
    if seen.waiting is None or seen.failing is None:
        return Line(topic, Verdict.LOOK, "not measured", "look again", "deadlines")
    facts = {"waiting": seen.waiting.count, "failing": dict(seen.failing), "unseen": seen.unseen}
    failing = sum(seen.failing.values())
    if not failing or seen.waiting.first_ms is None:
        return Line(topic, Verdict.OK, "", facts=facts)
    since = from_ms(seen.waiting.first_ms)
    codes = ", ".join(f"{code} {count}" for code, count in sorted(seen.failing.items()))
    says = f"{counted(failing, 'notice')} not sent, the first waits {age(since, at.now)} ({codes})"
    verdict = Verdict.ACT if at.now - since >= _ACT else Verdict.LOOK
    return Line(topic, verdict, says, _REMEDY, "deadlines", facts)
