"""Writes ``docs/cues.md``: every cue rule of the default policy, and what none of them sees, as people read them."""

from collections.abc import Iterator
from typing import Final

from schemas.cues import CueRule
from schemas.deadlines import cited
from schemas.default_policy import default_policy

_INTRO: Final = """# Cues

Made by `make schemas` from `schemas/default_policy/cues.toml`. A cue asks the case holder to **think again**: it has a reason in words and
the events it rests on, and it can be dismissed only with a reason. It is never a score, names no risk level, and goes to nobody else.

```
handrail gateway cues list                     # every open cue: its reason, its grounds with dates and authors, by when to look
handrail gateway cues show CUE
handrail gateway cues dismiss CUE --reason known --by "Rowan Example, social worker"
```

- **Who gets them.** The front door of the area that holds the case, from its own record: what it published, was sent or was granted. When
  the case passes, its open cues are over, and the new area's gateway works out its own.
- **A history raises no flood.** What is granted with a handover counts beside what is new. What it gives reason for by itself stands in
  *one* cue, which the new area finds when it takes the case on. So does what came before there was a case: about a child without an open
  matter no cue is raised, save by the rules that say so.
- **One reason is one cue.** What comes later joins it. A cue that was settled comes again only on new grounds; where its grounds are
  corrected, or answered otherwise, it is over by itself.
- **Not too many.** {per_week} about one child in seven days; what is beyond that stands together in one cue that names all. Rules to be looked
  at *at once* are never held back.
- **By when.** Within {look_within} working days, unless the table says otherwise; a cue that is not looked at is shown as late. It has no ladder: nobody is rung up.
- **Settled** by publishing `reappraisal.recorded` with the cue's id as `cue_ref` (decision `changed`, `unchanged` or `dismissed`), or dismissed with
  a code: `known` (weighed before), `explained` (and checked), `not-so` (wrong, or another child), `in-hand` (somebody is on it), `other` (then with
  `--words`). Name and words stay in the home; the boards see rule, times and code (question Q7 of [board.md](board.md)).
- **Own numbers.** An area sets its own in its calendar file (`handrail directory set-calendar`): `[[cues]]` with `key = "k2"`, `count = 3`, or `off = true`.
- **At rest** a rule's few facts (day, codes, keyed pseudonyms) and the cue's words are sealed under the vault's key. Facts are forgotten after 800 days, save those of plans, early help and links.
- Rules count days that events name, in UK time; the first and the last day both count. A gateway that is upgraded reads what comes from then on.

## Rules
"""
_OTHERS: Final = """## What is not raised, and why

| rule | why not |
|---|---|
| K5 early help still open after ten working days | a clock: `early-help-after-absence` in [deadlines.md](deadlines.md); the board asks Q6 |
| K6 ten school days without leave | a clock: `absence-ten-days` |
| K7 medical absence without corroboration | no event says that health was asked |
| K10 a parent in care before, or a history of trauma | an offer of help by whoever books the pregnancy: `pregnancy.booked` starts `pre-birth-referral` |
| K11 two plans and no joint review | the board asks Q8; a cue would double it |
| K12 a sibling's plan stepped down | no event says which children are siblings in a way that two gateways read alike |
| K15, second half: a plan on the parent as a child | no event carries it |
| K16 no practice, school or health visitor after a move | a registration need not reach the front door, so its absence says nothing there |
| K17 a record that a counterpart has not sent | clocks: `protection-file`, `health-record`, `practice-record` ...; `handrail handover counterparts` |
| K20, second half: no receipt of the school's notice | a clock: `encompass`; the board asks Q9 |
| K21 a known adult in another household | no gateway sees two households; police or probation decide on disclosure |
| K22 release from a secure setting without a plan | the date of leaving may be sealed to home and host alone; not raised yet |
| K24 no transition plan by 1 July | no event says which year a pupil is in |
| K25 early help without progress | no event says what progress is; `eha.stuck` is a person's word |
| K26 provision lost on a move | no event confirms provision |
| K29 a stay of twelve weeks | a clock: `temporary-review` |

**K30** suppresses: an event that tells the same address again, in whatever spelling, is no move for K14 and K18.
"""


def page() -> str:
    """The whole page, of the default policy alone."""
    policy = default_policy()
    if policy.cues is None:
        return f"{_INTRO}\n{_OTHERS}"
    intro = _INTRO.replace("{per_week}", str(policy.cues.per_week))
    intro = intro.replace("{look_within}", str(policy.cues.look_within))
    return "\n".join([intro, *_rules(policy.cues.rules), _OTHERS])


def _rules(rules: tuple[CueRule, ...]) -> Iterator[str]:
    yield "| rule | raised when | asks | look within | source |\n|---|---|---|---|---|"
    for rule in rules:
        within = "as the budget says"
        if rule.look_within is not None:
            within = f"{rule.look_within} working days" if rule.look_within else "at once"
        case = " Also without an open matter." if rule.without_case else ""
        plans = ", ".join(plan.value.replace("_", " ") for plan in rule.plans)
        kinds = f" Plans: {plans}." if plans else ""
        yield (
            f"| {rule.key.upper()} | {rule.looks_for}.{kinds}{case} | {rule.asks} | {within} | {cited(rule.source)} |"
        )
    yield ""
