"""A resource as XML (FHIR R4 xml.html): elements in the order of R4's table, values in attributes, lists as repetition."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from xml.parsers import expat

from profiles.json import ExactDecimal, Json, Resource
from profiles.structure import ElementDefinition, TypeRef, primitive_types, type_definition
from profiles.xml.events import FHIR, XmlError

_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}
_ESCAPED: Final = re.compile(r'[&<>"\n\r\t]')
_NO_XML: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML 1.0 cannot hold, not even escaped."""


def to_xml(resource: Resource, *, pretty: bool = False) -> bytes:
    """The XML of a resource that is valid against R4's structure.

    Raises `XmlError` where XML cannot say it: control characters, elements that R4 does not have, XHTML that is none.
    """
    lines: list[str] = []
    for depth, text in _resource(resource, 0, f' xmlns="{FHIR}"'):
        lines.append(f"{'  ' * depth}{text}\n" if pretty else text)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{"".join(lines)}'.encode()


_Lines = Iterator[tuple[int, str]]
"""(depth, text) of each tag."""


def _resource(resource: Resource, depth: int, space: str = "") -> _Lines:
    name = resource.get("resourceType")
    if not isinstance(name, str) or type_definition(name) is None:
        raise XmlError("A resource is of a type that R4 does not have.")
    yield depth, f"<{name}{space}>"
    yield from _children(resource, name, depth + 1)
    yield depth, f"</{name}>"


def _children(holder: Resource, type_name: str, depth: int) -> _Lines:
    """The elements of `holder` in the order of the table; everything that it holds is written, or refused."""
    definition = type_definition(type_name)
    if definition is None:
        raise XmlError("An element is of a type that R4 does not have.")
    left = set(holder) - {"resourceType"}
    for element in definition.elements.values():
        for name, type_ in element.json_names():
            if name in left or f"_{name}" in left:
                left -= {name, f"_{name}"}
                if not element.attribute:
                    yield from _element(name, element, type_, holder, depth)
    if left:
        raise XmlError("A resource holds an element that R4 does not have.")


def _element(name: str, element: ElementDefinition, type_: TypeRef, holder: Resource, depth: int) -> _Lines:
    value, beside = holder.get(name), holder.get(f"_{name}")
    many = element.max != 1
    values = value if many and isinstance(value, list) else [value] if value is not None else []
    extras = beside if many and isinstance(beside, list) else [beside] if beside is not None else []
    for index in range(max(len(values), len(extras))):
        one = values[index] if index < len(values) else None
        extra = extras[index] if index < len(extras) else None
        yield from _one(name, type_, one, extra, depth)


def _one(name: str, type_: TypeRef, value: Json, extra: Json, depth: int) -> _Lines:
    if type_.code == "xhtml":
        yield depth, _narrative(value)
    elif type_.code in primitive_types():
        yield from _primitive(name, value, extra, depth)
    elif not isinstance(value, dict):
        raise XmlError("An element that has parts holds something else.")
    elif type_.code == "Resource":
        yield depth, f"<{name}>"
        yield from _resource(value, depth + 1)
        yield depth, f"</{name}>"
    else:
        yield from _complex(name, type_.code, value, "", depth)


def _primitive(name: str, value: Json, extra: Json, depth: int) -> _Lines:
    written = "" if value is None else f' value="{_escaped(_text(value))}"'
    yield from _complex(name, "Element", extra if isinstance(extra, dict) else {}, written, depth)


def _complex(name: str, code: str, value: Resource, written: str, depth: int) -> _Lines:
    attributes = "".join(
        f' {key}="{_escaped(str(value[key]))}"' for key in ("id", "url") if _is_attribute(code, key, value)
    )
    children = list(_children(value, code, depth + 1))
    if not children:
        yield depth, f"<{name}{attributes}{written}/>"
        return
    yield depth, f"<{name}{attributes}{written}>"
    yield from children
    yield depth, f"</{name}>"


def _is_attribute(code: str, key: str, value: Resource) -> bool:
    if key not in value:
        return False
    definition = type_definition(code)
    known = definition.element(key) if definition is not None else None
    return known is not None and known[0].attribute


def _text(value: Json) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, ExactDecimal):
        return value.literal
    if isinstance(value, (int, str)):
        return str(value)
    raise XmlError("An element that has a value holds something else.")


def _escaped(text: str) -> str:
    if _NO_XML.search(text):
        raise XmlError("A text holds a control character, which XML cannot say.")
    return _ESCAPED.sub(lambda match: _ESCAPES[match.group()], text)


def _narrative(value: Json) -> str:
    if not isinstance(value, str) or not value.startswith("<div"):
        raise XmlError("A narrative is no XHTML div.")
    try:
        expat.ParserCreate().Parse(value.encode(), True)
    except (expat.ExpatError, UnicodeEncodeError) as error:
        raise XmlError("A narrative is not well-formed XHTML, which XML cannot hold.") from error
    return value
