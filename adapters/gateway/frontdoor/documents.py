"""Pieces of the documents by which a front door's people act: pure."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, Final

from adapters.gateway.errors import NotOurSideError
from adapters.gateway.orders.hidden import is_hidden
from broker.clock import from_ms
from broker.crypto.tokens import IdentifierKind
from schemas.events.base import Unborn
from schemas.handover import HandoverView
from schemas.ids import EventId, NhsNumber, Upn

_KINDS: Final[dict[str, type[NhsNumber | Upn]]] = {"nhs_number": NhsNumber, "upn": Upn}
_KEYS: Final = {"nhs_number": IdentifierKind.NHS_NUMBER, "upn": IdentifierKind.UPN}


def spelled(identities: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each identifier, typed by a person, in its one spelling, so that its token is the one that everybody else makes."""
    return [{name: _spelled(name, value) for name, value in one.items()} for one in identities]


def _spelled(name: str, value: Any) -> Any:
    if name == "unborn":
        return value | {"mother_nhs_number": _spelled("nhs_number", value["mother_nhs_number"])}
    return str(_KINDS[name]("".join(value.split()).upper()))


def unborn_identity(pregnancy: tuple[str, str], child: int) -> dict[str, Any]:
    """The identifier of an unborn child: its mother's number, the pregnancy's reference, and which of several it is."""
    which: dict[str, Any] = {"mother_nhs_number": pregnancy[0], "pregnancy_ref": pregnancy[1]}
    return {"unborn": which if child == 1 else which | {"child": child}}


def keys_of(identities: Sequence[dict[str, Any]]) -> Iterator[tuple[IdentifierKind, str]]:
    """Each identifier as its token is made from it."""
    for one in identities:
        for name, value in one.items():
            if name == "unborn":
                yield IdentifierKind.UNBORN, Unborn.model_validate(value).key
            else:
                yield _KEYS[name], value


def once(view: HandoverView, what: str) -> EventId:
    """The same id whenever it is asked for: for what is said once, even by a gateway that was killed midway."""
    noise = hashlib.sha256(f"{what} {view.handover.hex()}".encode()).digest()
    return EventId.new(from_ms(view.opened_ms), lambda count: noise[:count])


def between(view: HandoverView) -> dict[str, Any]:
    """From which area to which, and in which handover."""
    return {
        "from_area": view.from_area,
        "to_area": view.to_area,
        "handover_ref": view.handover.hex(),
    }


def require_named(view: HandoverView) -> None:
    """Raises NotOurSideError where this side must not know whom it would say that to."""
    if is_hidden(view):
        raise NotOurSideError(
            "the destination is withheld from this area, which can only release the history"
        )
