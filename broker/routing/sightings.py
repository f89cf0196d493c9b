"""A missing child was seen. Where, only the area that found it knows; what the others hear, a person there decides.

The word that they hear is the exchange's own: it has no author, no area and no time of the sighting.
"""

from typing import Final

from broker.routing.desk import Desk, Item
from broker.routing.readers import front_doors
from broker.routing.refusals import NotYourActionError, WrongKindError
from broker.routing.verify import Verified
from broker.store.router.children import Children
from schemas import canonical
from schemas.audit import EntryKind
from schemas.codes.members import MemberKind
from schemas.control import Action, ActionKind
from schemas.directory import Directory
from schemas.wire import EventClass, InKind

KEPT_THERE: Final = frozenset({ActionKind.SIGHTED, ActionKind.SEEN})
_SAFE: Final = frozenset({"yes", "no", "unknown"})


class Sightings:
    """Bound to one transaction; ``desk`` carries the moment."""

    def __init__(self, *, children: Children, desk: Desk, directory: Directory) -> None:
        self._children = children
        self._desk = desk
        self._directory = directory

    def hear(self, event: Verified, action: Action) -> None:
        """Take a sighting, or a person's word on one. Neither is ever routine.

        Raises:
            WrongKindError: it is not about a concern.
            NotYourActionError: only the acting area's front door decides what others hear, of a child that is known.
        """
        if event.checked.header.event_class is not EventClass.CONCERN:
            raise WrongKindError("only a concern can be a sighting")
        if action.kind is ActionKind.SEEN:
            self._tell(event, action)

    def _tell(self, event: Verified, action: Action) -> None:
        rows = self._children.by_tokens([token.value for token in event.facts.tokens])
        door = front_doors([event.facts.acting_area], self._directory)
        if not rows or event.member.id not in door or action.reason not in _SAFE:
            raise NotYourActionError("no child that is looked for, or not the front door of the area")
        child = rows[0]
        body = canonical.encode(["seen", {"safe": action.reason}])
        looking = front_doors([child.holder], self._directory) | self._police_of(child.child)
        for member in sorted(looking - {event.member.id}):
            item = Item(InKind.NOTICE, self._desk.new_id(), "router", body, child=child.child)
            self._desk.later(member, item)
        self._desk.audit(EntryKind.SEEN, child=child.child, readers=sorted(looking))

    def _police_of(self, child: bytes) -> frozenset[str]:
        """Police who have an open matter about the child: theirs is the report, or they look for it with the front door."""
        authors = self._children.matter_authors(child)
        members = (self._directory.member(author) for author in authors)
        return frozenset(one.id for one in members if one is not None and one.kind is MemberKind.POLICE)
