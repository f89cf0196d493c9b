"""FHIR JSON to the same tree as FHIR XML, strictly: one spelling per field, no repeats, line numbers kept.

``json.loads`` knows neither places nor repeats, so the few rules of JSON are read here; strings and numbers are its.
"""

import json
import re
from typing import Final

from adapters.formats.nems.reasons import RefusedError, because, refuse
from adapters.formats.nems.tree import MAX_DEPTH, MAX_NODES, Node, give_places
from adapters.formats.outcome import Place

_SPACE: Final = re.compile(r"[ \t\r\n]*")
_STRING: Final = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"')
_SCALAR: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null")
_NULL: Final = "null"


class _Scanner:
    """Reads one JSON text from left to right. Owns the position; makes nodes."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._nodes = 0
        self._counted_to = 0
        self._line = 1

    def line(self) -> int:
        """The line of the position. It only grows, so each character is counted once."""
        self._line += self._text.count("\n", self._counted_to, self._at)
        self._counted_to = self._at
        return self._line

    def fault(self, code: str = "malformed-json", path: str = "") -> RefusedError:
        return refuse(code, Place(path, self.line()))

    def peek(self) -> str:
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return self._text[self._at : self._at + 1]

    def take(self, mark: str) -> None:
        if self.peek() != mark:
            raise self.fault()
        self._at += 1

    def string(self) -> str:
        self.peek()
        match = _STRING.match(self._text, self._at)
        if match is None:
            raise self.fault()
        text: str = json.loads(match.group())
        if any("\ud800" <= mark <= "\udfff" for mark in text):
            raise self.fault()  # half of a character: not text
        self._at = match.end()
        return text

    def scalar(self) -> str:
        match = _SCALAR.match(self._text, self._at)
        if match is None:
            raise self.fault()
        self._at = match.end()
        return match.group()

    def new(self, name: str, depth: int) -> Node:
        self._nodes += 1
        if self._nodes > MAX_NODES or depth > MAX_DEPTH:
            raise self.fault("too-complex")
        return Node(name, self.line())

    def value(self, name: str, depth: int) -> list[Node]:
        """What stands under a field: one node, or one for each item of a list."""
        match self.peek():
            case "{":
                return [self.object(name, depth)]
            case "[":
                return self.list(name, depth)
            case '"':
                node = self.new(name, depth)
                node.value = self.string()
                return [node]
            case _:
                node = self.new(name, depth)
                literal = self.scalar()
                # A null only ever holds a place in a list beside its extensions; as a node it has no value.
                node.value = None if literal == _NULL else literal
                return [node]

    def list(self, name: str, depth: int) -> list[Node]:
        self.take("[")
        nodes: list[Node] = []
        while True:
            if self.peek() in {"[", "]"}:  # FHIR has neither lists of lists nor empty ones
                raise self.fault("malformed-fhir", name)
            nodes += self.value(name, depth)
            if self.peek() != ",":
                break
            self.take(",")
        self.take("]")
        return nodes

    def object(self, name: str, depth: int) -> Node:
        node = self.new(name, depth)
        fields: dict[str, list[Node]] = {}
        self.take("{")
        while self.peek() != "}":
            key = self.string()
            if key in fields:
                raise self.fault("duplicate-json-key", key)
            self.take(":")
            fields[key] = self.value(key.removeprefix("_"), depth + 1)
            if self.peek() != ",":
                break
            self.take(",")
            if self.peek() == "}":
                raise self.fault()
        self.take("}")
        node.children = [child for key in fields for child in _joined(fields, key)]
        return _resource(node) if name in {"resource", "contained", ""} else node

    def end(self) -> None:
        if self.peek():
            raise self.fault()


def _joined(fields: dict[str, list[Node]], key: str) -> list[Node]:
    """Join ``birthDate`` with ``_birthDate``, where JSON keeps the extensions of a value."""
    if key.startswith("_"):
        return [] if key[1:] in fields else fields[key]
    nodes, beside = fields[key], fields.get(f"_{key}", [])
    for node, extra in zip(nodes, beside, strict=False):
        node.children += extra.children
    return nodes + beside[len(nodes) :]


def _resource(node: Node) -> Node:
    """JSON names a resource in a field, XML in an element around it: bring it to the XML form."""
    kind = node.one("resourceType")
    if kind is None or not kind.text:
        return node
    inner = Node(kind.text, node.line, None, [child for child in node.children if child is not kind])
    return inner if not node.name else Node(node.name, node.line, None, [inner])


def read_json(data: bytes) -> Node:
    """The root resource, with places.

    Raises:
        RefusedError: ``not-text``, ``malformed-json``, ``duplicate-json-key``, ``too-complex``, ``not-fhir`` ...
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RefusedError(because("not-text")) from error
    scanner = _Scanner(text)
    if scanner.peek() != "{":
        raise scanner.fault()
    root = scanner.object("", 0)
    scanner.end()
    if not root.name:
        raise refuse("not-fhir", Place("resourceType", root.line))
    give_places(root, root.name)
    return root
