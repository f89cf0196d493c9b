"""Which plans that a clock asks for are open on one's own record, found by any identifier of the child (P12: no register).

Only kinds that some clock of the policy names are noted, by keyed hashes alone, and forgotten when the plan is closed.
"""

import hashlib
from collections.abc import Iterable

from adapters.gateway.record.composing import identifiers
from broker.crypto.tokens import KeyedTokens
from broker.store.gateway.store import Work
from schemas.codes.cases import PlanKind
from schemas.events.base import Event
from schemas.events.health import BirthNotifiedDetails
from schemas.events.identity import IdentityLinkedDetails, IdentityUnlinkedDetails
from schemas.events.plans import PlanClosedDetails, PlanDetails


def also_known_as(event: Event, tokens: KeyedTokens) -> tuple[bytes, ...]:
    """Other identifiers of the child in an event's details: those a link joins, and who a newborn was before."""
    details = event.details
    found = []
    if isinstance(details, IdentityLinkedDetails):
        found = [pair for one in details.identities for pair in identifiers(one)]
    elif isinstance(details, BirthNotifiedDetails) and details.was is not None:
        found = identifiers(event.subject.model_copy(update={"unborn": details.was}))
    return tuple(tokens.token_now(kind, value).value for kind, value in found)


def note(work: Work, event: Event, author: str, refs: Iterable[bytes], kinds: Iterable[PlanKind]) -> None:
    """Keep, join or forget what an event says of such plans."""
    details = event.details
    for kind in kinds:
        keys = [_of(kind, ref) for ref in refs]
        match details:
            case PlanClosedDetails() if details.plan is kind:
                work.clocks.forget(_plan(author, details.plan_ref))
            case PlanDetails() if details.plan is kind:
                work.clocks.note(_plan(author, details.plan_ref), keys)
            case IdentityLinkedDetails():
                for plan in work.clocks.noted(keys):
                    work.clocks.note(plan, keys)


def undo(work: Work, event: Event, tokens: KeyedTokens, kinds: Iterable[PlanKind]) -> None:
    """A link is undone: a number that it had led to an unborn child's plan leads there no more."""
    if not isinstance(event.details, IdentityUnlinkedDetails):
        return
    numbers = [pair for one in event.details.identities if one.unborn is None for pair in identifiers(one)]
    for kind in kinds:
        work.clocks.unnote([_of(kind, tokens.token_now(*pair).value) for pair in numbers])


def is_open(work: Work, kind: PlanKind, refs: Iterable[bytes]) -> bool:
    """Whether such a plan of this child's is open."""
    return bool(work.clocks.noted([_of(kind, ref) for ref in refs]))


def _of(kind: PlanKind, ref: bytes) -> bytes:
    return hashlib.sha256(f"plan {kind.value}\0".encode() + ref).digest()[:16]


def _plan(author: str, plan_ref: str) -> bytes:
    return hashlib.sha256(f"plan\0{author}\0{plan_ref}".encode()).digest()[:16]
