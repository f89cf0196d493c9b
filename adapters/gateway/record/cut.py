"""An adopted child's identity is cut: what was known under the former number is never linked to the new one [PCSE][KENT]."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from adapters.gateway.errors import AdoptedError
from adapters.gateway.home import Home
from adapters.gateway.record.reading import Reading
from broker.errors import RejectedError
from schemas.wire import EventClass

CHANGED: Final = "identity.changed"


def adopted_in(documents: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """The NHS numbers that were given on an adoption, by what was read. Pure."""
    return frozenset(
        str(document["subject"]["nhs_number"])
        for document in documents
        if document.get("type") == CHANGED
        and document.get("details", {}).get("change") == "adopted"
        and document.get("subject", {}).get("nhs_number")
    )


def require_not_cut(home: Home, identities: Sequence[Mapping[str, Any]]) -> None:
    """Raises AdoptedError where one of these numbers was given on an adoption: nothing is linked across it."""
    reading, documents = Reading(home), []
    with home.store.look() as work:
        for row in work.inbox.of_class(int(EventClass.IDENTITY)):
            with suppress(RejectedError):
                documents.append(reading.delivered(work, row).document)
    given = adopted_in(documents)
    if any(one.get("nhs_number") in given for one in identities):
        raise AdoptedError
