"""The rules: from a child's facts, a rule's numbers and a day to what is found. Pure; arrival order changes nothing.

Each reads the whole record and not the last event [CLE]. Which of them a gateway keeps, and with which numbers, is
policy (``schemas.cues``); what none of them can see is listed in ``docs/cues.md``.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Final, TypeAlias

from adapters.gateway.cues import attendance
from adapters.gateway.cues.facts import Fact
from adapters.gateway.cues.findings import Finding, found
from adapters.gateway.cues.moving import closing_after_a_change, moving_away, new_adults
from adapters.gateway.cues.planning import category_changes, third_plan, unheard
from adapters.gateway.cues.windows import clusters, of_type
from schemas.cues import CueRule

Rule: TypeAlias = Callable[[Sequence[Fact], CueRule, date], Iterator[Finding]]


def findings(facts: Sequence[Fact], rules: Sequence[CueRule], today: date) -> list[Finding]:
    """All that these rules find, in their order; what a later event of its author supersedes counts no more."""
    counts = standing(facts)
    return [one for rule in rules for one in RULES[rule.key](counts, rule, today)]


def standing(facts: Sequence[Fact]) -> list[Fact]:
    """Without what its author has corrected: a correction supersedes, and is no fact of its own."""
    superseded = {(fact.author, fact.supersedes) for fact in facts if fact.supersedes is not None}
    return [
        fact for fact in facts if (fact.author, fact.event) not in superseded and fact.type != "correction"
    ]


def _within(run: Collection[Fact], what: str, rule: CueRule) -> str:
    """A run may be longer than the window, since runs that share an event are one: then it is said."""
    if len(run) == rule.count:
        return f"{len(run)} {what} within {rule.days} days."
    return f"{len(run)} {what}, {rule.count} or more of them within {rule.days} days."


def _somebody_new(facts: Sequence[Fact], rule: CueRule, _today: date) -> Iterator[Finding]:
    """K1 [SCR-GEO][SCR-BF]."""
    for fact in new_adults(facts):
        yield found(rule.key, "Somebody new in the home.", [fact])


def _not_brought(facts: Sequence[Fact], rule: CueRule, _today: date) -> Iterator[Finding]:
    """K2 [SCR-BF]: not brought, no access and late cancelling count alike."""
    for run in clusters(
        of_type(facts, "appointment.missed"), rule.days or 0, lambda some: len(some) >= (rule.count or 1)
    ):
        yield found(rule.key, _within(run, "appointments missed", rule), run)


def _low_attendance(facts: Sequence[Fact], rule: CueRule, _today: date) -> Iterator[Finding]:
    """K3 [SCR-N][SCR-R]: strictly below; answered where early help has begun or somebody has said why not."""
    for spell in _low(facts, rule):
        if not _early_help_considered(facts, spell[0].on):
            words = f"{attendance.in_words(spell[-1])}: less than {rule.percent} %."
            yield found(rule.key, words, spell, spell[1:])


def _low(facts: Sequence[Fact], rule: CueRule) -> list[list[Fact]]:
    return attendance.spells(
        facts, rule.sessions or 1, lambda one: attendance.attended_below(one, rule.percent or 0)
    )


def _early_help_considered(facts: Sequence[Fact], since: date) -> bool:
    """Whether early help has begun or was declined since, or goes on from before."""
    told = of_type(facts, "eha.opened", "eha.declined", "eha.closed")
    ended = {
        (fact.author, fact.said["ref"]) for fact in told if fact.type == "eha.closed" and fact.on < since
    }
    return any(
        fact.type != "eha.closed"
        and (fact.on >= since or (fact.type == "eha.opened" and (fact.author, fact.said["ref"]) not in ended))
        for fact in told
    )


def _persistent_absence(facts: Sequence[Fact], rule: CueRule, _today: date) -> Iterator[Finding]:
    """K4 [LINC][BH]: persistent from so many per cent missed, severe from more; becoming severe is news."""
    for spell in attendance.spells(
        facts, rule.sessions or 1, lambda one: attendance.missed_at_least(one, rule.percent or 100)
    ):
        severe = [one for one in spell if attendance.missed_at_least(one, rule.severe_percent or 100)]
        old = [one for one in spell if one not in (spell[0], *severe[:1])]
        kind = "severe" if spell[-1] in severe else "persistent"
        yield found(rule.key, f"{attendance.in_words(spell[-1])}: {kind} absence.", spell, old)


def _injured_baby(facts: Sequence[Fact], rule: CueRule, _today: date) -> Iterator[Finding]:
    """K8 [SCR-N]: what nobody says moves about is taken not to."""
    injuries = [
        fact
        for fact in of_type(facts, "health.presentation")
        if fact.said["injury"] and fact.said["still"] and _younger_than(fact, rule.months or 12)
    ]
    for run in clusters(injuries, rule.days or 0, lambda some: len(some) >= (rule.count or 1)):
        times = "An injury" if len(run) == 1 else f"{len(run)} injuries"
        yield found(rule.key, f"{times} of a baby that cannot move about, as far as is known.", run)


_YEAR: Final = 12


def _younger_than(fact: Fact, months: int) -> bool:
    """By the date of birth; where none was sent, as its author says (then of one year), or that it cannot move yet."""
    if (born := fact.said.get("born")) is not None:
        birth = date.fromisoformat(born)
        age = (fact.on.year - birth.year) * 12 + fact.on.month - birth.month - (fact.on.day < birth.day)
        return age < months
    if "under_one" in fact.said:
        return bool(fact.said["under_one"])
    return bool(fact.said["known_still"])


def _many_presentations(facts: Sequence[Fact], rule: CueRule, _today: date) -> Iterator[Finding]:
    """K9 [SCR-C]: the sum over several providers, whatever the cause."""

    def enough(some: Collection[Fact]) -> bool:
        providers = {fact.said["provider"] or fact.author for fact in some}
        return len(some) >= (rule.count or 1) and len(providers) >= (rule.providers or 1)

    for run in clusters(of_type(facts, "health.presentation"), rule.days or 0, enough):
        providers = {fact.said["provider"] or fact.author for fact in run}
        yield found(rule.key, _within(run, f"visits to {len(providers)} health services", rule), run)


def _engaged_in_words(facts: Sequence[Fact], rule: CueRule, _today: date) -> Iterator[Finding]:
    """K19 [SCR-BF]: called engaged, beside appointments missed, no access or low attendance (which counts once)."""
    called = [fact for fact in of_type(facts, "engagement.changed") if fact.said["level"] == "engaged"]
    missed, spells = of_type(facts, "appointment.missed"), _low(facts, rule)

    def enough(some: Collection[Fact]) -> bool:
        types = [fact.type for fact in some]
        negatives = types.count("appointment.missed") + ("attendance.summary" in types)
        return "engagement.changed" in types and negatives >= (rule.count or 1)

    low = [one for spell in spells for one in spell]
    for run in clusters([*called, *missed, *low], rule.days or 0, enough):
        words = f"Called engaged, with {rule.count} or more signs against it within {rule.days} days."
        yield found(rule.key, words, run, [one for spell in spells for one in spell[1:]])


def _repeated_incidents(facts: Sequence[Fact], rule: CueRule, _today: date) -> Iterator[Finding]:
    """K20 [CLE]: two reports of one incident are one. Its notice to the school has a clock of its own."""
    seen: dict[tuple[str, str], Fact] = {}
    for fact in of_type(facts, "da.incident"):
        key = fact.author, fact.said["ref"]
        if key not in seen or (fact.on, fact.event) < (seen[key].on, seen[key].event):
            seen[key] = fact
    for run in clusters(seen.values(), rule.days or 0, lambda some: len(some) >= (rule.count or 1)):
        yield found(rule.key, _within(run, "domestic abuse incidents", rule), run)


def _substances_and_more(facts: Sequence[Fact], rule: CueRule, _today: date) -> Iterator[Finding]:
    """K23 [SCR-AC]: substances, with an exclusion, an offence or low attendance beside it."""
    spells = _low(facts, rule)
    low = [one for spell in spells for one in spell]
    beside = of_type(facts, "exclusion.recorded", "yj.disposal")

    def enough(some: Collection[Fact]) -> bool:
        types = {fact.type for fact in some}
        return "substance.concern" in types and len(types) > 1

    for run in clusters([*of_type(facts, "substance.concern"), *beside, *low], rule.days or 0, enough):
        types = {fact.type for fact in run}
        also = " and ".join(words for kind, words in _BESIDE.items() if kind in types)
        words = f"Drugs or alcohol, and {also}, within {rule.days} days."
        yield found(rule.key, words, run, [one for spell in spells for one in spell[1:]])


_BESIDE: Final = {
    "exclusion.recorded": "an exclusion",
    "yj.disposal": "an offence",
    "attendance.summary": "low attendance",
}


def _thin_assessment(facts: Sequence[Fact], rule: CueRule, _today: date) -> Iterator[Finding]:
    """K27 [SCR-N]."""
    for fact in of_type(facts, "assessment.completed"):
        missing = []
        if fact.said["history"] != "yes":
            missing.append("the family's history")
        if fact.said["tree"] != "yes":
            missing.append("a family tree")
        if fact.said["sources"] < (rule.count or 1):
            missing.append("a second source")
        if missing:
            yield found(rule.key, f"An assessment without {', '.join(missing)}.", [fact])


RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "k1": _somebody_new,
        "k2": _not_brought,
        "k3": _low_attendance,
        "k4": _persistent_absence,
        "k8": _injured_baby,
        "k9": _many_presentations,
        "k13": category_changes,
        "k14": closing_after_a_change,
        "k15": third_plan,
        "k18": moving_away,
        "k19": _engaged_in_words,
        "k20": _repeated_incidents,
        "k23": _substances_and_more,
        "k27": _thin_assessment,
        "k28": unheard,
    }
)
