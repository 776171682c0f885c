"""XML text to a small tree: elements of FHIR's name space, their attributes, and narratives as they were written.

What no resource needs is refused: document types (and with them entities that grow), other name spaces, text between
elements, and depth without end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

FHIR: Final = "http://hl7.org/fhir"
XHTML: Final = "http://www.w3.org/1999/xhtml"
_XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
_MAX_DEPTH: Final = 160
_BOM: Final = b"\xef\xbb\xbf"


class XmlError(ValueError):
    """The bytes are not a resource in XML; the message says where and never repeats content."""


@dataclass(slots=True)
class Node:
    """An element: its name, attributes and children. `xhtml`: the text of a narrative's div, as it was written."""

    name: str
    attributes: dict[str, str]
    line: int
    children: list[Node] = field(default_factory=list)
    xhtml: str | None = None


def parse(data: bytes) -> Node:
    """The root element of an XML document in UTF-8. Raises XmlError."""
    return _Reader(data.removeprefix(_BOM)).read()


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._open: list[Node] = []
        self._root: Node | None = None
        self._narrative = 0
        """How many elements are open from a narrative's div on."""
        self._begin = 0
        self._inherited: set[str] = set()
        self._parser = parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        parser.XmlDeclHandler = self._declaration
        parser.StartNamespaceDeclHandler = self._prefix

    def read(self) -> Node:
        try:
            self._data.decode()
            self._parser.Parse(self._data, True)
        except UnicodeDecodeError as error:
            raise XmlError("The body is not UTF-8.") from error
        except expat.ExpatError as error:
            where = f"line {error.lineno}, column {error.offset + 1}"
            raise XmlError(f"The body is not well-formed XML: {expat.ErrorString(error.code)} ({where}).") from error
        if self._root is None:
            raise XmlError("The body holds no element.")
        return self._root

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if self._narrative:
            self._narrative += 1
            return
        space, _, local = name.rpartition(" ")
        if len(self._open) >= _MAX_DEPTH:
            raise self._error(f"The body is nested more than {_MAX_DEPTH} elements deep")
        if space == XHTML and local == "div" and self._open:
            self._narrative, self._begin = 1, self._parser.CurrentByteIndex
            self._open[-1].children.append(Node("div", {}, self._parser.CurrentLineNumber))
            return
        if space != FHIR:
            raise self._error("An element is not in FHIR's name space (http://hl7.org/fhir)")
        kept = {key: value for key, value in attributes.items() if not key.startswith(f"{_XSI} ")}
        if any(" " in key for key in kept):
            raise self._error("An attribute has a name space that FHIR does not know")
        node = Node(local, kept, self._parser.CurrentLineNumber)
        if self._open:
            self._open[-1].children.append(node)
        else:
            self._root = node
        self._open.append(node)

    def _end(self, name: str) -> None:
        if not self._narrative:
            self._open.pop()
            return
        self._narrative -= 1
        if not self._narrative:
            self._open[-1].children[-1].xhtml = self._written()

    def _written(self) -> str:
        """The text of the div, from its "<" to its ">". Of a prefix declared outside, nothing would be left in JSON."""
        after = self._parser.CurrentByteIndex
        end = self._data.index(b">", after) + 1
        text = self._data[self._begin : end].decode()
        if not text.startswith("<div") or "xmlns" not in text[: text.index(">")]:
            raise self._error('A narrative begins with <div xmlns="http://www.w3.org/1999/xhtml">, without a prefix')
        return text

    def _text(self, text: str) -> None:
        if not self._narrative and text.strip():
            raise self._error("There is text between elements; values are in the attribute 'value'")

    def _prefix(self, prefix: str | None, uri: str) -> None:
        if prefix is not None and self._narrative == 0 and uri == XHTML:
            raise self._error("XHTML is not given a prefix: a narrative declares its name space on its div")

    def _refuse_doctype(self, name: str, system: str | None, public: str | None, internal: bool) -> None:
        raise self._error("A document type declaration is not allowed in a resource")

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        if encoding is not None and encoding.lower() not in ("utf-8", "utf8", "us-ascii", "ascii"):
            raise self._error("Resources are exchanged in UTF-8, not in another encoding")

    def _error(self, sentence: str) -> XmlError:
        where = f"line {self._parser.CurrentLineNumber}, column {self._parser.CurrentColumnNumber + 1}"
        return XmlError(f"{sentence} ({where}).")


def groups(node: Node) -> Iterator[tuple[str, list[Node]]]:
    """The children by name, in the order in which each name first stands."""
    found: dict[str, list[Node]] = {}
    for child in node.children:
        found.setdefault(child.name, []).append(child)
    yield from found.items()
