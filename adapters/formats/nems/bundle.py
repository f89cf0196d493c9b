"""The Bundle as resources that refer to each other, after the checks that any NHS event message must pass."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from adapters.formats.nems.reasons import refuse
from adapters.formats.nems.tree import Node
from adapters.formats.outcome import Place

_OTHER_VERSION: Final = re.compile(r"/(DSTU1|DSTU2|R4|R4B|R5)/|UKCore-|/4\.0/")
_OPEN: Final = frozenset({"U", "L", "M", "N"})
"""Confidentiality codes that restrict nothing: unrestricted, low, moderate, normal."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One entry of the Bundle."""

    kind: str
    """Such as ``Patient``."""
    node: Node


@dataclass(frozen=True, slots=True)
class Bundle:
    """All resources of one message, and the ways to refer to them."""

    resources: tuple[Resource, ...]
    addresses: Mapping[str, Resource]

    def of(self, kind: str) -> list[Resource]:
        """The resources of this kind, in order."""
        return [resource for resource in self.resources if resource.kind == kind]

    def target(self, link: Node | None) -> Resource | None:
        """The resource that a reference element points to, if it is in the Bundle."""
        return self.addresses.get(link.says("reference").lower()) if link else None

    def restrictions(self) -> list[Node]:
        """Every security label that is not known to be harmless: unknown ones count as restricted [PDS-META]."""
        labels = [label for top in self._tops() for label in top.all("security")]
        return [label for label in labels if label.says("code").upper() not in _OPEN]

    def labels(self) -> list[Node]:
        """Every security label."""
        return [label for top in self._tops() for label in top.all("security")]

    def _tops(self) -> list[Node]:
        return [meta for resource in self.resources if (meta := resource.node.one("meta"))]


def read_bundle(root: Node) -> Bundle:
    """The Bundle under ``root``.

    Raises:
        RefusedError: it is not a STU3 message Bundle that starts with its one MessageHeader.
    """
    if root.name != "Bundle":
        raise refuse("not-a-bundle", root.place)
    _check_version(root)
    if root.says("type") != "message":
        raise refuse("not-a-message", (root.one("type") or root).place)
    resources = [_resource(entry) for entry in root.all("entry")]
    _check_header(root, resources)
    if root_meta := root.one("meta"):  # a label on the Bundle speaks for all that is in it
        resources.append(Resource("Bundle", Node("Bundle", root.line, None, [root_meta], root.path)))
    return Bundle(tuple(resources), MappingProxyType(_addresses(root)))


def _check_version(root: Node) -> None:
    for node in root.walk():
        if node.name == "profile" and _OTHER_VERSION.search(node.text):
            raise refuse("wrong-fhir-version", node.place)
        if node.name in {"eventCoding", "eventUri"} or (
            node.name == "data" and ".MessageHeader." in node.path
        ):
            raise refuse("wrong-fhir-version", node.place)


def _resource(entry: Node) -> Resource:
    inner = entry.one("resource")
    if inner is None or len(inner.children) != 1 or inner.children[0].name[:1].islower():
        raise refuse("malformed-fhir", entry.place)
    return Resource(inner.children[0].name, inner.children[0])


def _check_header(root: Node, resources: list[Resource]) -> None:
    headers = [resource for resource in resources if resource.kind == "MessageHeader"]
    if not headers:
        raise refuse("message-header-missing", root.place)
    if len(headers) > 1:
        raise refuse("message-header-repeated", headers[1].node.place)
    if resources[0] is not headers[0]:
        raise refuse("message-header-not-first", headers[0].node.place)


def _addresses(root: Node) -> dict[str, Resource]:
    """Every way that a reference may be written, in lower case: full address, urn:uuid, kind and id."""
    found: dict[str, Resource] = {}
    for entry in root.all("entry"):
        resource = _resource(entry)
        number = resource.node.says("id").lower()
        ways = {entry.says("fullUrl").lower()} - {""}
        if number:
            ways |= {f"urn:uuid:{number}", f"{resource.kind}/{number}".lower()}
        for way in ways:
            if way in found:
                raise refuse("duplicate-resource", Place(entry.path, entry.line))
            found[way] = resource
    return found
