"""Put new addresses in place of temporary ones everywhere in a resource (FHIR R4 3.1.0.11.2, transactions).

Where an address may stand is known by type: `Reference.reference`, every uri, url, canonical, oid and uuid (so Attachment.url
and extension values too), and `href` and `src` in a narrative. Strings of other types, such as `Identifier.value`, stay.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache, partial
from html import escape, unescape
from typing import Final

from profiles.json import Json, Resource
from profiles.structure import ElementDefinition, TypeDefinition, TypeRef, primitive_types, resource_types, type_definition

_MAX_DEPTH: Final = 64
_ADDRESSES: Final = frozenset({"uri", "url", "canonical", "oid", "uuid"})
_LINKS: Final = {
    # One pattern for each attribute: beginning with letters lets the regex engine leap over the text between links.
    name: re.compile(rf"{name}(?P<before>\s*=\s*)(?P<quote>[\"'])(?P<address>.*?)(?P=quote)", re.DOTALL)
    for name in ("href", "src")
}

_Rewrite = Callable[[Json, Mapping[str, str], int], Json]
"""(value, mapping, depth) -> the same object if nothing changes, else a new one."""


def rewrite_references(resource: Resource, mapping: Mapping[str, str]) -> Resource:
    """The resource with every address that is a key of `mapping` replaced by its value.

    Copy on write: the argument is never changed; what did not change is shared, and if nothing did, it is the argument
    itself that comes back. Keys match whole addresses (`urn:uuid:...`, `Patient/1`, `Practitioner?identifier=...`); a
    canonical also matches without its `|version`. Unknown types and elements, and what lies deeper than 64 levels, stay.
    """
    rewritten: Resource = _resource(resource, mapping, 0)
    return rewritten


def _resource(value: Json, mapping: Mapping[str, str], depth: int) -> Json:
    name = value.get("resourceType") if type(value) is dict else None
    if type(name) is not str or name not in resource_types():
        return value
    return _object(name)(value, mapping, depth)


class _Members(dict[str, "_Rewrite | None"]):
    """Property name to what rewrites its value; None for properties that hold no address, and for unknown ones."""

    def __init__(self, definition: TypeDefinition) -> None:
        super().__init__()
        self._definition = definition

    def __missing__(self, key: str) -> _Rewrite | None:
        found = self._definition.element(key)
        if found is not None:
            self[key] = member = _member(self._definition.name, *found)
            return member
        if key[:1] == "_" and self._definition.element(key[1:]) is not None:
            self[key] = member = _object("Element")
            return member
        return None


def _member(holder: str, element: ElementDefinition, type_: TypeRef) -> _Rewrite | None:
    if type_.code == "xhtml":
        return _narrative
    if type_.code == "canonical":
        return _canonical
    if type_.code in _ADDRESSES or (holder == "Reference" and element.name == "reference"):
        return _address
    if type_.code in primitive_types():
        return None
    return _resource if type_.code == "Resource" else _object(type_.code)


@cache
def _object(type_name: str) -> _Rewrite:
    definition = type_definition(type_name)
    if definition is None:
        raise KeyError(type_name)
    members = _Members(definition)

    def rewrite(value: Json, mapping: Mapping[str, str], depth: int) -> Json:
        if type(value) is not dict or depth > _MAX_DEPTH:
            return value
        copy: Resource | None = None
        for key, item in value.items():
            member = members[key]
            if member is None:
                continue
            new = _each(member, item, mapping, depth) if type(item) is list else member(item, mapping, depth + 1)
            if new is not item:
                copy = dict(value) if copy is None else copy
                copy[key] = new
        return value if copy is None else copy

    return rewrite


def _each(member: _Rewrite, items: list[Json], mapping: Mapping[str, str], depth: int) -> list[Json]:
    copy: list[Json] | None = None
    for index, item in enumerate(items):
        new = member(item, mapping, depth + 1)
        if new is not item:
            copy = list(items) if copy is None else copy
            copy[index] = new
    return items if copy is None else copy


def _address(value: Json, mapping: Mapping[str, str], depth: int) -> Json:
    return mapping.get(value, value) if type(value) is str else value


def _canonical(value: Json, mapping: Mapping[str, str], depth: int) -> Json:
    if type(value) is not str:
        return value
    if value in mapping:
        return mapping[value]
    url, bar, version = value.partition("|")
    return f"{mapping[url]}|{version}" if bar and url in mapping else value


def _narrative(value: Json, mapping: Mapping[str, str], depth: int) -> Json:
    if type(value) is not str:
        return value
    rewritten = value
    for name, pattern in _LINKS.items():
        if name in rewritten:
            rewritten = pattern.sub(partial(_link, name, mapping), rewritten)
    return value if rewritten == value else rewritten


def _link(name: str, mapping: Mapping[str, str], link: re.Match[str]) -> str:
    new = mapping.get(unescape(link["address"]))
    return link[0] if new is None else f"{name}{link['before']}{link['quote']}{escape(new)}{link['quote']}"
