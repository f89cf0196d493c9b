"""FHIR XML to a tree. The parser is defusedxml's over expat: a DTD, an entity or an outside reference ends the reading.

The only user of an XML parser in this package; its exceptions stop here.
"""

from io import BytesIO
from typing import Final
from xml.sax import ErrorHandler, SAXParseException
from xml.sax.handler import ContentHandler, feature_namespaces
from xml.sax.xmlreader import AttributesNSImpl, InputSource, Locator

from defusedxml.common import DefusedXmlException
from defusedxml.expatreader import DefusedExpatParser

from adapters.formats.nems.reasons import refuse
from adapters.formats.nems.tree import MAX_DEPTH, MAX_NODES, Node, give_places
from adapters.formats.outcome import Place

FHIR: Final = "http://hl7.org/fhir"
XHTML: Final = "http://www.w3.org/1999/xhtml"
_INSTANCE: Final = "http://www.w3.org/2001/XMLSchema-instance"


class _TreeBuilder(ContentHandler):
    """Collects elements into nodes. FHIR keeps values in attributes, so text between tags is a fault."""

    def __init__(self) -> None:
        super().__init__()
        self.root: Node | None = None
        self._open: list[Node] = []
        self._count = 0
        self._narrative = 0
        """Depth inside an XHTML narrative; it is kept as one value."""
        self._where: Locator | None = None

    def setDocumentLocator(self, locator: Locator) -> None:  # noqa: N802 - SAX's name
        self._where = locator

    def _line(self) -> int | None:
        return self._where.getLineNumber() if self._where else None

    def startElementNS(  # noqa: N802 - SAX's name
        self,
        name: tuple[str | None, str],
        qname: str | None,  # noqa: ARG002 - SAX's signature
        attrs: AttributesNSImpl,
    ) -> None:
        space, local = name
        self._count += 1
        if self._count > MAX_NODES or len(self._open) + self._narrative >= MAX_DEPTH:
            raise refuse("too-complex", Place("", self._line()))
        if self._narrative or (space == XHTML and self._open):
            self._start_narrative(local)
            return
        if space != FHIR:
            raise refuse("not-fhir", Place(local, self._line()))
        node = Node(local, self._line())
        for (attribute_space, attribute), value in attrs.items():
            self._add_attribute(node, attribute_space, attribute, value)
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.root = node
        self._open.append(node)

    def _add_attribute(self, node: Node, space: str | None, attribute: str, value: str) -> None:
        if space == _INSTANCE:
            return  # schemaLocation: advice to validators, nothing about anybody
        if space is not None or attribute not in {"value", "url", "id"}:
            raise refuse("malformed-fhir", Place(node.name, node.line))
        if attribute == "value":
            node.value = value
        else:
            node.children.append(Node(attribute, node.line, value))

    def _start_narrative(self, local: str) -> None:
        if not self._narrative:
            self._open[-1].children.append(Node(local, self._line(), "narrative"))
        self._narrative += 1

    def endElementNS(self, name: tuple[str | None, str], qname: str | None) -> None:  # noqa: N802, ARG002 - SAX's name
        if self._narrative:
            self._narrative -= 1
        else:
            self._open.pop()

    def characters(self, content: str) -> None:
        if not self._narrative and content.strip():
            raise refuse("malformed-fhir", Place(self._open[-1].name if self._open else "", self._line()))


def read_xml(data: bytes) -> Node:
    """The root element, with places.

    Raises:
        RefusedError: ``hostile-xml``, ``malformed-xml``, ``too-complex``, ``not-fhir`` or ``malformed-fhir``.
    """
    builder = _TreeBuilder()
    parser = DefusedExpatParser(1, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    parser.setFeature(feature_namespaces, True)
    parser.setContentHandler(builder)
    parser.setErrorHandler(ErrorHandler())
    source = InputSource()
    source.setByteStream(BytesIO(data))
    try:
        parser.parse(source)
    except DefusedXmlException as error:
        raise refuse("hostile-xml", Place("", parser.getLineNumber())) from error
    except SAXParseException as error:
        raise refuse("malformed-xml", Place("", error.getLineNumber())) from error
    except (LookupError, ValueError) as error:  # an encoding that does not exist, or bytes that are not in it
        raise refuse("malformed-xml") from error
    if builder.root is None:
        raise refuse("malformed-xml")
    give_places(builder.root, builder.root.name)
    return builder.root
