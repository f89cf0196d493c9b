"""Rules about plans: a category that changed, one plan after the other, a child that nobody has heard. Pure."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Final

from adapters.gateway.cues.facts import Fact
from adapters.gateway.cues.findings import Finding, found
from adapters.gateway.cues.windows import in_order, of_type
from broker.calendars import day_of
from broker.clock import from_ms
from schemas.codes.cin import AbuseCategory
from schemas.cues import CueRule

_PLANS: Final = ("plan.opened", "plan.changed", "plan.closed")


def category_changes(facts: Sequence[Fact], rule: CueRule, _today: date) -> Iterator[Finding]:
    """K13 [SCR-P]: until somebody says that the first risk is over. A category that is told again has not changed."""
    for told in _by_plan(facts).values():
        before = told[0].said.get("initial_category")
        for number, fact in enumerate(told):
            now = fact.said.get("latest_category")
            confirmed = any(one.said.get("category_risk_closed") == "yes" for one in told[number:])
            if before is not None and now not in {None, before} and not confirmed:
                words = f"The category changed from {_category(before)} to {_category(now)}."
                yield found(rule.key, words, [fact])
            before = now or before


def _category(code: object) -> str:
    return next((one.label for one in AbuseCategory if one.value == code), str(code))


def _by_plan(facts: Sequence[Fact]) -> dict[tuple[str, str], list[Fact]]:
    plans: dict[tuple[str, str], list[Fact]] = {}
    for fact in in_order(of_type(facts, *_PLANS)):
        plans.setdefault((fact.author, fact.said["ref"]), []).append(fact)
    return plans


def third_plan(facts: Sequence[Fact], rule: CueRule, _today: date) -> Iterator[Finding]:
    """K15: as many plans as that in the child's life, by the record or as the author of the newest counts them.

    A plan that another area opens while one of the same kind is still open, or on the day it ends, goes on from it.
    """
    kinds = {kind.value for kind in rule.plans}
    plans = [told for told in _by_plan(facts).values() if told[0].said["plan"] in kinds]
    opened = in_order(one for told in plans for one in told if one.type == "plan.opened")
    fresh = [one for one in opened if not _goes_on(one, plans)]
    for number, one in enumerate(fresh, 1):
        before = int(one.said.get("before", 0))
        if max(number, before + 1) >= (rule.count or 1):
            words = f"Plan number {max(number, before + 1)} in this child's life."
            yield found(rule.key, words, fresh[:number], fresh[: number - 1])


def _goes_on(one: Fact, plans: list[list[Fact]]) -> bool:
    for told in plans:
        began = [fact for fact in told if fact.type == "plan.opened"]
        ends = [fact.on for fact in told if fact.type == "plan.closed"]
        if not began or began[0].author == one.author or _family(began[0]) != _family(one):
            continue
        if (began[0].on, began[0].event) < (one.on, one.event) and (not ends or one.on <= max(ends)):
            return True
    return False


def _family(plan: Fact) -> str:
    """A plan before birth goes on as one of protection."""
    kind = str(plan.said["plan"])
    return "child_protection" if kind == "pre_birth" else kind


def unheard(facts: Sequence[Fact], rule: CueRule, today: date) -> Iterator[Finding]:
    """K28 [SCR-R]: a plan is live, and for so many days nobody has recorded what the child says. As long again is news."""
    asked = silence(facts, rule)
    if asked is None:
        return
    plan, last, heard = asked
    days = rule.days or 1
    times = (today - last).days // days
    if times < 1:
        return
    name = hashlib.sha256(plan.event + (heard.event if heard else b"") + times.to_bytes(4, "big"))
    ground = frozenset({name.digest()[:16]})
    since = last + timedelta(days=times * days)
    words = f"Nobody has recorded what the child says for {times * days} days."
    yield Finding(
        rule=rule.key,
        words=words,
        events=tuple(one.event for one in (plan, heard) if one is not None),
        grounds=ground,
        fresh=ground if _came_before(facts, since) else frozenset(),
        cased=ground if plan.child is not None else frozenset(),
    )


def next_silence(facts: Sequence[Fact], rule: CueRule, today: date) -> date | None:
    """The next day on which silence becomes a reason; None where no plan is live."""
    asked = silence(facts, rule)
    if asked is None:
        return None
    _, last, _ = asked
    days = rule.days or 1
    return last + timedelta(days=((today - last).days // days + 1) * days)


def silence(facts: Sequence[Fact], rule: CueRule) -> tuple[Fact, date, Fact | None] | None:
    """The oldest live plan, since when nobody has heard the child, and what was heard last."""
    kinds = {kind.value for kind in rule.plans}
    live = [
        told[0]
        for told in _by_plan(facts).values()
        # Opened and closed on one day it is over: a closing is the last word on a plan.
        if told[0].said["plan"] in kinds and not any(fact.type == "plan.closed" for fact in told)
    ]
    if not live:
        return None
    plan = in_order(live)[0]
    voices = in_order(of_type(facts, "voice.recorded"))
    heard = voices[-1] if voices else None
    since = _known_since(plan)
    return plan, max(since, heard.on) if heard else since, heard


def _known_since(plan: Fact) -> date:
    """From when on a child's words would have reached us: not before the exchange knew of the plan."""
    return plan.on if plan.history else max(plan.on, day_of(from_ms(plan.taken_ms)))


def _came_before(facts: Sequence[Fact], day: date) -> bool:
    """Whether all of a history was here by that day: silence that lies in it is no news."""
    return all(day_of(from_ms(fact.taken_ms)) < day for fact in facts if fact.history)
