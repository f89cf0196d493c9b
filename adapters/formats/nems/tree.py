"""A FHIR message as a tree of named values with their places, the same whether it came as XML or as JSON."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from adapters.formats.outcome import Place

MAX_BYTES: Final = 2 * 1024 * 1024
"""Bytes of one message. The NHS's largest example has 22 thousand."""
MAX_DEPTH: Final = 60
"""Levels of nesting."""
MAX_NODES: Final = 50_000
"""Elements of one message."""

_ALWAYS_NUMBERED: Final = frozenset(
    {"address", "coding", "entry", "extension", "given", "identifier", "line", "telecom"}
)
# Marks that no reader can see; publishers' editors leave them around codes.
_INVISIBLE: Final = " \t\r\n\u00a0\u200b\u200c\u200d\u2060\ufeff"


@dataclass(slots=True, eq=False)
class Node:
    """One element: a value, further elements, or (a value with extensions) both."""

    name: str
    line: int | None = None
    value: str | None = None
    children: "list[Node]" = field(default_factory=list)
    path: str = ""

    @property
    def place(self) -> Place:
        """Where it stands."""
        return Place(self.path, self.line)

    @property
    def text(self) -> str:
        """The value without blanks and invisible marks at its ends; empty where there is none."""
        return (self.value or "").strip(_INVISIBLE)

    def all(self, name: str) -> "list[Node]":
        """The children of this name, in order."""
        return [child for child in self.children if child.name == name]

    def one(self, name: str) -> "Node | None":
        """The first child of this name."""
        return next((child for child in self.children if child.name == name), None)

    def at(self, *names: str) -> "Node | None":
        """The element that these names lead to, the first of each."""
        node: Node | None = self
        for name in names:
            node = node.one(name) if node else None
        return node

    def says(self, *names: str) -> str:
        """The text of the element that these names lead to, or nothing."""
        node = self.at(*names)
        return node.text if node else ""

    def extension(self, url: str) -> "Node | None":
        """The first extension with this address."""
        return next((child for child in self.all("extension") if child.says("url") == url), None)

    def walk(self) -> Iterator["Node"]:
        """This element and all under it, in order."""
        yield self
        for child in self.children:
            yield from child.walk()

    def leaves(self) -> Iterator["Node"]:
        """All values under this element, and elements that are empty."""
        return (node for node in self.walk() if node.value is not None or not node.children)


def give_places(node: Node, path: str) -> None:
    """Write the path of every element; an index where there are several or, by FHIR, could be."""
    node.path = path
    counts: dict[str, int] = {}
    for child in node.children:
        counts[child.name] = counts.get(child.name, 0) + 1
    seen: dict[str, int] = {}
    for child in node.children:
        position = seen.get(child.name, 0)
        seen[child.name] = position + 1
        numbered = counts[child.name] > 1 or child.name in _ALWAYS_NUMBERED
        give_places(child, f"{path}.{child.name}" + (f"[{position}]" if numbered else ""))
