"""Whether two events are about one child, judged by a front door from what it can read itself, never by likeness."""

from collections.abc import Iterable
from typing import Any, TypeAlias

from schemas.events.base import unborn_key

Identifiers: TypeAlias = frozenset[tuple[str, str]]


def identifiers_in(document: dict[str, Any]) -> Identifiers:
    """The strong identifiers that an event names: its subject's, and those that a link joins."""
    found: set[tuple[str, str]] = set()
    for holder in (document.get("subject", {}), *document.get("details", {}).get("identities", ())):
        if not isinstance(holder, dict):
            continue
        found.update((kind, str(holder[kind])) for kind in ("nhs_number", "upn") if holder.get(kind))
        unborn = holder.get("unborn")
        if isinstance(unborn, dict):
            one = (unborn.get(name) for name in ("mother_nhs_number", "pregnancy_ref", "child"))
            found.add(("unborn", unborn_key(*one)))
    return frozenset(found)


def links_in(documents: Iterable[dict[str, Any]]) -> list[Identifiers]:
    """The identifiers that each signed link joins, without the links that a person has undone since."""
    linked: dict[str, Identifiers] = {}
    undone: set[str] = set()
    for document in documents:
        if document.get("type") == "identity.linked":
            linked[str(document.get("id"))] = identifiers_in(document)
        elif document.get("type") == "identity.unlinked":
            undone.add(str(document.get("details", {}).get("link")))
    return [found for link, found in linked.items() if link not in undone]


def joined(start: Identifiers, links: Iterable[Identifiers]) -> Identifiers:
    """All identifiers of the child that ``start`` belongs to, through links that people have signed."""
    known = set(start)
    remaining = [set(link) for link in links]
    grown = True
    while grown:
        grown = False
        for link in remaining:
            if known & link and not link <= known:
                known |= link
                grown = True
    return frozenset(known)
