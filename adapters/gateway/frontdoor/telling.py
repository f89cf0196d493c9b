"""A person where a hidden child is lets the one area know that the family left last; every other stays in the dark."""

from dataclasses import dataclass

from adapters.gateway.errors import NotOurSideError
from adapters.gateway.frontdoor.actions import Actions, Person
from adapters.gateway.home import Home
from schemas.control import ActionKind
from schemas.ids import EventId


@dataclass(frozen=True, slots=True)
class Telling:
    """One front door's decisions to tell."""

    home: Home
    actions: Actions

    def tell(self, handover: str, by: Person, because: str) -> EventId:
        """The area that the child left by this handover may know where it is. Raises NotOurSideError, NoSuchItemError."""
        row, view = self.actions.ours(handover, "new")
        with self.home.store.look() as work:
            own = work.hidden.of(row.handover)
        if own is None or not own.own:
            raise NotOurSideError("this handover is hidden from nobody")
        details = {
            "scope": ["address"],
            "lifted": True,
            "towards": view.from_area,
            "starts_at": self.home.clock().isoformat(),
            "authority": by.document(),
            "because": because,
        }
        return self.actions.act("sensitivity.set", row, view.to_area, details, ActionKind.UNPROTECT)
