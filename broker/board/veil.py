"""A hidden destination is nobody's but its own board's (P7): entries that would tell are shown without what tells."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from broker.audit.reading import Entry
from broker.audit.words import Names
from broker.store.audit.rows import Found, Scope
from broker.store.audit.store import AuditWork
from schemas.directory import Directory

WITHHELD: Final = "withheld"


@dataclass(frozen=True, slots=True)
class Veil:
    """What must not be told, by record: codes of areas, and ids of members who would give them away."""

    codes: Mapping[bytes, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def over(cls, work: AuditWork, found: Collection[Found], scope: Scope, directory: Directory) -> "Veil":
        """For the entries of one answer."""
        hidden = work.hidden({one.child for one in found if one.child is not None}, scope)
        return cls({record: areas | _members(areas, scope, directory) for record, areas in hidden.items()})

    def names(self, child: bytes | None, names: Names) -> Names:
        """Names, without those that tell."""
        codes = self._of(child)
        return (lambda code: WITHHELD if code in codes else names(code)) if codes else names

    def tells(self, child: bytes | None, entry: Entry) -> bool:
        """Whether an entry's own bytes would give the place away."""
        codes = self._of(child)
        return bool(codes) and _mentions(entry.fields, codes)

    def plain(self, child: bytes | None, value: Any) -> Any:
        """A value without what tells."""
        codes = self._of(child)
        if not codes:
            return value
        if isinstance(value, str):
            return WITHHELD if value in codes else value
        if isinstance(value, list):
            return [self.plain(child, one) for one in value]
        if isinstance(value, dict):
            return {name: self.plain(child, one) for name, one in value.items()}
        return value

    def _of(self, child: bytes | None) -> frozenset[str]:
        return self.codes.get(child, frozenset()) if child is not None else frozenset()


def _members(areas: frozenset[str], scope: Scope, directory: Directory) -> frozenset[str]:
    return frozenset(
        str(member.id)
        for member in directory.members
        if not areas.isdisjoint(member.acting_areas) and scope.areas.isdisjoint(member.acting_areas)
    )


def _mentions(value: Any, codes: frozenset[str]) -> bool:
    if isinstance(value, str):
        return value in codes
    if isinstance(value, list):
        return any(_mentions(one, codes) for one in value)
    if isinstance(value, dict):
        return any(_mentions(one, codes) for one in value.values())
    return False
