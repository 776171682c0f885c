"""A resource from XML (FHIR R4 xml.html) as the plain dict that its JSON would be.

The table of R4's structure says what an element is, so a number becomes a number and what may repeat becomes a list. What the
table does not know, and a value that is not what its type wants, is kept as it stands: validation then says so, with its place.
"""

from __future__ import annotations

import re
from typing import Final

from profiles.json import ExactDecimal, Json, Resource
from profiles.structure import ElementDefinition, TypeDefinition, TypeRef, primitive_types, resource_types, type_definition
from profiles.xml.events import Node, XmlError, groups, parse

_INTEGERS: Final = frozenset({"integer", "positiveInt", "unsignedInt"})
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,63})(?:\.[0-9]{1,64})?(?:[eE][+-]?[0-9]{1,4})?")
_BOOLEANS: Final = {"true": True, "false": False}


def from_xml(data: bytes) -> Resource:
    """The resource that an XML document holds, key by key in the order of its elements.

    Raises `XmlError` for what is no XML, no resource, or says what JSON could not (text, foreign attributes).
    """
    return _resource(parse(data))


def _resource(node: Node) -> Resource:
    if node.name not in resource_types():
        raise XmlError(f"There is no resource of that name in R4 (line {node.line}).")
    if node.attributes:
        raise XmlError(f"A resource has no attributes (line {node.line}).")
    return {"resourceType": node.name, **_members(node, type_definition(node.name))}


def _members(node: Node, definition: TypeDefinition | None) -> Resource:
    members: Resource = {}
    for name, value in node.attributes.items():
        known = definition.element(name) if definition is not None else None
        if known is None or not known[0].attribute:
            raise XmlError(f"An element has an attribute that FHIR does not know (line {node.line}).")
        members[name] = value
    for name, nodes in groups(node):
        known = definition.element(name) if definition is not None else None
        if known is not None and known[0].attribute:
            raise XmlError(f"What is an attribute in XML stands as an element (line {nodes[0].line}).")
        _put(members, name, nodes, known)
    return members


def _put(members: Resource, name: str, nodes: list[Node], known: tuple[ElementDefinition, TypeRef] | None) -> None:
    many = len(nodes) > 1 if known is None else known[0].max != 1 or len(nodes) > 1
    code = known[1].code if known is not None else None
    if code == "xhtml":
        values: list[Json] = [_narrative(node) for node in nodes]
    elif code in primitive_types() or (code is None and all(_looks_primitive(node) for node in nodes)):
        _put_primitives(members, name, nodes, code, many=many)
        return
    elif code == "Resource":
        values = [_inner(node) for node in nodes]
    else:
        definition = type_definition(code) if code is not None else None
        values = [_members(node, definition) for node in nodes]
    members[name] = values if many else values[0]


def _put_primitives(members: Resource, name: str, nodes: list[Node], code: str | None, *, many: bool) -> None:
    values: list[Json] = [_value(node, code) for node in nodes]
    beside: list[Json] = [_beside(node) for node in nodes]
    if not many:
        values, beside = values[0], beside[0]
        if values is not None:
            members[name] = values
        if beside is not None or values is None:
            members[f"_{name}"] = beside if beside is not None else {}
        return
    if any(value is not None for value in values):
        members[name] = values
    if any(each is not None for each in beside) or all(value is None for value in values):
        members[f"_{name}"] = beside


def _value(node: Node, code: str | None) -> Json:
    text = node.attributes.get("value")
    if text is None:
        return None
    if code == "boolean":
        return _BOOLEANS.get(text, text)
    if code in _INTEGERS and _INTEGER.fullmatch(text):
        return int(text)
    if code == "decimal" and _DECIMAL.fullmatch(text):
        return int(text) if _INTEGER.fullmatch(text) else ExactDecimal(text)
    return text


def _beside(node: Node) -> Resource | None:
    """What JSON keeps in `_name`: the id and extensions of a primitive."""
    rest = {key: value for key, value in node.attributes.items() if key != "value"}
    if not rest and not node.children:
        return None
    return _members(Node(node.name, rest, node.line, node.children), type_definition("Element"))


def _looks_primitive(node: Node) -> bool:
    return "value" in node.attributes and all(child.name == "extension" for child in node.children)


def _inner(node: Node) -> Resource:
    if len(node.children) != 1 or node.attributes:
        raise XmlError(f"This element holds one resource, and nothing else (line {node.line}).")
    return _resource(node.children[0])


def _narrative(node: Node) -> str:
    if node.xhtml is None:
        raise XmlError(f"A narrative's div is XHTML (line {node.line}).")
    return node.xhtml
