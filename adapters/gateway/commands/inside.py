"""``handrail handover inside``: step up, step down, leaving care, child to adult, in one area."""

from pathlib import Path

import click

from adapters.gateway.api import Gateway
from adapters.gateway.commands.showing import Spoken, home_option, on_its_way
from adapters.gateway.frontdoor.actions import Person
from adapters.gateway.frontdoor.documents import spelled
from adapters.gateway.frontdoor.inside import Refusal, answered, asked
from schemas.codes.cases import DeclineReason, PlanKind


@click.command(cls=Spoken)
@home_option
@click.option("--nhs", required=True, help="The child's NHS number.")
@click.option("--by", required=True, help='Who decides: "Name, role".')
@click.option("--plan", type=click.Choice([plan.value for plan in PlanKind]), required=True)
@click.option("--accept", "accepts", is_flag=True, help="Answer: the other service takes it on.")
@click.option(
    "--refuse", type=click.Choice([one.value for one in DeclineReason]), help="Answer: it does not, and why."
)
@click.option("--because", help="With --refuse, in a sentence.")
def inside(
    home: Path, nhs: str, by: str, plan: str, *, accepts: bool, refuse: str | None, because: str | None
) -> None:
    """One service asks another inside this area, or answers. The case and the safety duty stay where they are."""
    if accepts and refuse is not None:
        raise click.UsageError("Either --accept or --refuse, not both.")
    if (refuse is None) != (because is None):
        raise click.UsageError("Give --refuse REASON together with --because.")
    [subject] = spelled([{"nhs_number": nhs}])
    who, about = Person.parse(by), PlanKind(plan)
    refusal = Refusal(DeclineReason(refuse), because) if refuse is not None and because is not None else None
    with Gateway.open(home) as opened:
        document = (
            answered(opened.home, subject, who, about, refusal)
            if accepts or refusal
            else asked(opened.home, subject, who, about)
        )
        sent = opened.publish(document)
    on_its_way("It is said; the case and the safety duty stay in this area.", sent)
