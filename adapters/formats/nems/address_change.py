"""``pds-change-of-address-1``: the usual address of a patient changed on the Personal Demographics Service [NEMS-COA].

The old address in a new spelling is no move. Of a restricted patient only the two areas are told, and not to each other.
"""

from datetime import UTC, datetime, time
from typing import Final

from pydantic import ValidationError

from adapters.formats.nems.draft import Message, broken_rules
from adapters.formats.nems.person import read_subject
from adapters.formats.nems.places import Home, hide, read_home, same_place
from adapters.formats.nems.reasons import refuse
from adapters.formats.nems.tree import Node
from schemas.codes.cases import MoveKind, MoveReason
from schemas.events.base import Event
from schemas.events.moves import (
    DestinationWithheld,
    DestinationWithheldDetails,
    MoveNotified,
    MoveNotifiedDetails,
)

SAME_ADDRESS: Final = "same-address"
"""Code of the note that old and new are one place; there is then no event."""


def map_address_change(message: Message) -> tuple[Event, ...]:
    """The move; nothing where old and new are the same address.

    Raises:
        RefusedError: with every fault found.
    """
    ledger = message.ledger
    person = read_subject(ledger, message.header, message.patient, message.received_at)
    new_node, old_node = _choose(message)
    new = read_home(ledger, message.areas, new_node) if new_node else None
    old = read_home(ledger, message.areas, old_node) if old_node else None
    ledger.judge()
    if new is None:
        raise refuse("address-missing", message.patient.place)
    if old is None:
        ledger.note(
            "old-address-missing",
            message.patient,
            "no previous address: where the child comes from is unknown",
        )
    same = old is not None and same_place(old, new)
    if message.sensitive:
        hide(ledger, [home for home in (old, new) if home])
    if same:
        ledger.note(
            SAME_ADDRESS, new.node, "old and new are the same address in two spellings: no move [NEMS-COA]"
        )
        return ()
    subject = person.subject()
    moved_at = datetime.combine(new.since, time(), UTC) if new.since else message.header.updated_at
    try:
        of, details = _details(message, old, new)
    except ValidationError as error:
        raise refuse("event-invalid", new.node.place, broken_rules(error)) from error
    # A withheld destination stands only in the details, which the gateway seals apart from what the old side reads.
    residence = None if message.sensitive else new.residence(sensitive=False)
    return (message.event(of, subject=subject, occurred_at=moved_at, details=details, residence=residence),)


def _details(
    message: Message, old: Home | None, new: Home
) -> tuple[type[MoveNotified | DestinationWithheld], MoveNotifiedDetails | DestinationWithheldDetails]:
    if message.sensitive:
        return DestinationWithheld, DestinationWithheldDetails(
            from_area=old.gss if old else None,
            to_area=new.gss,
            known_at=message.received_at,
            authority="NHS record marked as restricted",
        )
    to_place = new.residence(sensitive=False)
    return MoveNotified, MoveNotifiedDetails(
        from_area=old.gss if old else None,
        to_area=new.gss,
        from_place=old.residence(sensitive=False) if old else None,
        to_place=to_place,
        destination_unknown=not (new.gss or new.postcode or new.lines),
        kind=MoveKind.TEMPORARY if new.temporary else MoveKind.UNKNOWN,
        reason=MoveReason.ADDRESS_UPDATE,
        known_at=message.received_at,
        moved_on=new.since,
        expected_until=new.until if new.temporary else None,
    )


def _choose(message: Message) -> tuple[Node | None, Node | None]:
    """The new and the old address: usual before temporary; two of one use are told apart by their dates or refused."""
    ledger, found = message.ledger, message.patient.all("address")
    for node in found:
        if node.says("use") not in {"home", "temp", "old"}:
            ledger.refuse("address-use-missing", node)
    by_use = {use: [node for node in found if node.says("use") == use] for use in ("home", "temp", "old")}
    new = _latest(message, by_use["home"], "current", "start")
    beside = by_use["temp"]
    if new is None and beside:
        new = _latest(message, beside, "temporary", "start")
        ledger.note(
            "temporary-address", new, "a temporary stay: the usual address is not said to have changed"
        )
    else:
        for node in beside:
            ledger.leave(
                node, "temporary-address", "a temporary address beside the usual one makes no move [NEMS-COA]"
            )
    return new, _latest(message, by_use["old"], "previous", "end")


def _latest(message: Message, nodes: list[Node], which: str, bound: str) -> Node | None:
    if len(nodes) < 2:  # noqa: PLR2004 - nothing to choose
        return nodes[0] if nodes else None
    ranked = sorted(nodes, key=lambda node: node.says("period", bound)[:10], reverse=True)
    first, second = (node.says("period", bound)[:10] for node in ranked[:2])
    if not first or first == second:
        message.ledger.refuse("address-ambiguous", ranked[1], which)
        return ranked[0]
    for node in ranked[1:]:
        message.ledger.leave(node, "earlier-address", f"not the {which} address: another one is later")
    return ranked[0]
