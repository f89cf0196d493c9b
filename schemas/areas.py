"""Local authority areas of England: names, dates, successors, counties and police forces, as data with a source.

An area is valid between dates and may have successors: Cumbria ended on 1 April 2023 and became two. A district
(E07) has housing; its county (E10) has children's services; police have a geography of their own (E23).
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any, Self

from schemas.ids import GssCode


class AreaKind(StrEnum):
    """The tiers of local government."""

    UNITARY = "unitary"
    DISTRICT = "district"
    METROPOLITAN = "metropolitan"
    LONDON = "london"
    COUNTY = "county"


@dataclass(frozen=True, slots=True)
class Area:
    """One authority under one code. ``valid_from`` None: before the record begins; ``valid_until``: the last day.

    ``recoded``: only the code ended, the authority goes on under its successor's code.
    """

    gss: GssCode
    name: str
    kind: AreaKind
    valid_from: date | None
    valid_until: date | None
    recoded: bool
    successors: tuple[GssCode, ...]
    upper_tier: GssCode | None
    police: GssCode | None
    source: str

    def valid_on(self, day: date) -> bool:
        """Whether the code stood for the authority that day."""
        begun = self.valid_from is None or self.valid_from <= day
        return begun and (self.valid_until is None or day <= self.valid_until)


class AreaRegister:
    """All areas, by code. Pure look-ups over packaged data."""

    def __init__(self, areas: Mapping[str, Area], forces: Mapping[str, str]) -> None:
        self._areas = areas
        self._forces = forces

    @classmethod
    def load(cls) -> Self:
        """The register that is packaged with this module."""
        document = _document()
        areas = {code: _area(code, row) for code, row in document["areas"].items()}
        return cls(areas, document["forces"])

    def __iter__(self) -> Iterator[Area]:
        return iter(self._areas.values())

    def area(self, gss: str) -> Area | None:
        """One area, current or past; None where the code is unknown."""
        return self._areas.get(gss)

    def known(self, gss: str) -> bool:
        """Whether a code is, or was, an area of England."""
        return gss in self._areas

    def successors(self, gss: str) -> tuple[GssCode, ...]:
        """What follows an area that has ended: today's codes, through every later change."""
        area = self._areas.get(gss)
        if area is None or not area.successors:
            return ()
        found: list[GssCode] = []
        for successor in area.successors:
            found += self.successors(successor) or (successor,)
        return tuple(dict.fromkeys(found))

    def childrens_services(self, gss: str) -> GssCode:
        """The area whose children's services answer for ``gss``: a district's county, a single successor, or itself.

        An area that was split keeps its own code here: only a postcode can tell which successor answers.
        """
        following = self.successors(gss)
        current = following[0] if len(following) == 1 else GssCode(gss)
        area = self._areas.get(current)
        if area is not None and area.kind is AreaKind.DISTRICT and area.upper_tier is not None:
            return area.upper_tier
        return current

    def police(self, gss: str) -> tuple[GssCode, str] | None:
        """The police force of an area: its code and name; None where it is not known."""
        area = self._areas.get(gss)
        if area is None or area.police is None:
            return None
        return area.police, self._forces.get(area.police, "")


def _area(code: str, row: Mapping[str, Any]) -> Area:
    return Area(
        gss=GssCode(code),
        name=row["name"],
        kind=AreaKind(row["kind"]),
        valid_from=date.fromisoformat(row["from"]) if row["from"] else None,
        valid_until=date.fromisoformat(row["to"]) if row["to"] else None,
        recoded=row["recoded"],
        successors=tuple(GssCode(one) for one in row["successors"]),
        upper_tier=GssCode(row["upper"]) if row["upper"] else None,
        police=GssCode(row["police"]) if row["police"] else None,
        source=row["source"],
    )


@cache
def _document() -> dict[str, Any]:
    # Packaged with the module, so reading it is part of importing, not of the outside world.
    document: dict[str, Any] = json.loads((files("schemas") / "data" / "areas.json").read_text("utf-8"))
    return document
