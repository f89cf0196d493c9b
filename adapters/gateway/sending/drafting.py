"""The document of an event that this member writes itself, now: what every one of them has, and its own details."""

from typing import Any

from adapters.gateway.home import Home
from schemas.ids import EventId


def draft(
    home: Home,
    kind: str,
    subject: dict[str, Any],
    area: str,
    details: dict[str, Any],
    *,
    residence: str | None = None,
) -> dict[str, Any]:
    """An event of this kind, said for ``area``; ``residence``: the area in which the child lives, where that is said."""
    now = home.clock()
    document = {
        "version": "1",
        "type": kind,
        "id": EventId.new(now, home.entropy),
        "occurred_at": now.isoformat(),
        "recorded_at": now.isoformat(),
        "subject": subject,
        "acting_area": area,
        "details": details,
    }
    return document if residence is None else document | {"residence": {"gss": residence}}
