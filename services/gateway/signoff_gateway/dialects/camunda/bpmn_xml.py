"""Reads untrusted XML into plain elements: no DTD, no entities, nothing fetched, all bounded."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

BYTES_MAX = 4 * 1024 * 1024
ELEMENTS_MAX = 50_000
DEPTH_MAX = 64

BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
ZEEBE = "http://camunda.org/schema/zeebe/1.0"


class XmlRefused(ValueError):
    """The bytes are no XML that we read; the message says why."""


@dataclass(slots=True)
class Element:
    """One element: its attributes without a namespace, and its children, but no text."""

    namespace: str
    name: str
    attributes: dict[str, str]
    children: list["Element"] = field(default_factory=list["Element"])

    @property
    def id(self) -> str:
        """Its id, or the empty text."""
        return self.attributes.get("id", "")

    def get(self, attribute: str) -> str:
        """Give an attribute's value, empty if it is absent."""
        return self.attributes.get(attribute, "")

    def of(self, namespace: str, name: str = "") -> Iterator["Element"]:
        """Go through the children of a namespace, all or those of one name."""
        return (
            child
            for child in self.children
            if child.namespace == namespace and (not name or child.name == name)
        )


def read_xml(data: bytes) -> Element:
    """Read a document and give its root.

    Raises:
        XmlRefused: it is too large, too deep, not well-formed, or uses what can do harm.
    """
    if len(data) > BYTES_MAX:
        raise XmlRefused(f"The document is larger than {BYTES_MAX} bytes.")
    builder = _Builder()
    parser = DefusedXMLParser(target=builder, forbid_dtd=True)
    try:
        parser.feed(data)
        parser.close()
    except ParseError as error:
        line, column = error.position
        reason = str(error).partition(":")[0]
        raise XmlRefused(f"Line {line}, column {column + 1}: {reason}.") from error
    except DefusedXmlException as error:
        raise XmlRefused("Document type declarations and entities are not allowed.") from error
    except (ValueError, LookupError) as error:
        if isinstance(error, XmlRefused):
            raise
        raise XmlRefused(f"The encoding is not supported: {error}.") from error
    assert builder.root is not None  # an empty document is a ParseError
    return builder.root


class _Builder:
    """The parser's target: keeps elements, counts them, and drops texts."""

    def __init__(self) -> None:
        self.root: Element | None = None
        self._open: list[Element] = []
        self._count = 0

    def start(self, tag: str, attributes: dict[str, str]) -> Element:
        """Open an element."""
        self._count += 1
        if self._count > ELEMENTS_MAX:
            raise XmlRefused(f"The document has more than {ELEMENTS_MAX} elements.")
        if len(self._open) == DEPTH_MAX:
            raise XmlRefused(f"Elements are nested deeper than {DEPTH_MAX} levels.")
        namespace, _, name = tag.rpartition("}")
        plain = {key: value for key, value in attributes.items() if key[0] != "{"}
        element = Element(namespace[1:], name, plain)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)
        return element

    def end(self, tag: str) -> Element:
        """Close the innermost element."""
        del tag
        return self._open.pop()

    def data(self, data: str) -> None:
        """Drop a text."""
