"""References as text: what a `Reference.reference` says (FHIR R4 2.3.0.1), and where a resource holds some."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, Optional

from profiles.json import Json, Resource
from profiles.reference_rewriting import rewrite_references
from profiles.structure import resource_types, type_definition

__all__ = ["Reference", "ReferenceKind", "iter_references", "parse_reference", "rewrite_references"]

REMEMBERED_LENGTH: Final = 200
"""Longer texts, which nobody writes on purpose, are parsed each time."""

ReferenceKind = Literal["relative", "absolute", "uuid", "oid", "fragment", "conditional", "canonical"]

_LITERAL: Final = re.compile(
    r"(?:(?P<base>https?://[^\s?#|]+?)/)?(?P<type>[A-Z][A-Za-z]{1,40})/(?P<id>[A-Za-z0-9.-]{1,64})"
    r"(?:/_history/(?P<version>[A-Za-z0-9.-]{1,64}))?(?:#(?P<fragment>[^\s#|]+))?"
)
_URN: Final = re.compile(
    r"urn:(?:(?P<uuid>uuid):[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|oid:[0-2](?:\.(?:0|[1-9][0-9]*))+)"
)
_CONDITIONAL: Final = re.compile(r"(?P<type>[A-Z][A-Za-z]{1,40})\?(?P<query>\S+)")
_CANONICAL: Final = re.compile(
    r"(?P<url>(?!https?:/*$)[A-Za-z][A-Za-z0-9+.-]*:[^\s|#]+)(?:\|(?P<version>[^\s|#]+))?(?:#(?P<fragment>\S+))?"
)


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference taken apart. `url` is the text without version and fragment; `base` has no slash at its end."""

    kind: ReferenceKind
    url: str
    type: str | None = None
    id: str | None = None
    version: str | None = None
    base: str | None = None
    fragment: str | None = None


def parse_reference(text: str) -> Reference | None:
    """What a reference string says; None if it is none.

    relative `Type/id[/_history/v]`; absolute `http(s)://base/Type/id`, or any other http(s) URL (then without type);
    `urn:uuid:`, `urn:oid:`; fragment `#x`, and `#` for the container; conditional `Type?query` (transactions);
    canonical `url|version`, and any other URI with a scheme. A capitalised word that is no R4 resource type makes a relative reference invalid.
    """
    if type(text) is not str or not text:
        return None
    return _remembered(text) if len(text) <= REMEMBERED_LENGTH else _parse(text)


def _parse(text: str) -> Reference | None:
    literal = _LITERAL.fullmatch(text)
    if literal is not None and literal["type"] in resource_types():
        base = literal["base"]
        url = f"{literal['type']}/{literal['id']}"
        return Reference(
            "relative" if base is None else "absolute",
            url if base is None else f"{base}/{url}",
            literal["type"],
            literal["id"],
            literal["version"],
            base,
            literal["fragment"],
        )
    return _other_reference(text)


_remembered: Final = lru_cache(maxsize=16_384)(_parse)
"""One resource is referred to by many, and each reference is looked at several times: validated, indexed, placed."""


def _other_reference(text: str) -> Reference | None:
    if text[0] == "#":
        fragment = text[1:]
        return None if any(c.isspace() for c in fragment) else Reference("fragment", "", fragment=fragment or None)
    if (urn := _URN.fullmatch(text)) is not None:
        return Reference("uuid" if urn["uuid"] else "oid", text)
    if (conditional := _CONDITIONAL.fullmatch(text)) is not None:
        return Reference("conditional", text, conditional["type"]) if conditional["type"] in resource_types() else None
    if (canonical := _CANONICAL.fullmatch(text)) is None:
        return None
    if canonical["version"] is not None:
        return Reference("canonical", canonical["url"], version=canonical["version"], fragment=canonical["fragment"])
    if text.startswith(("http://", "https://")):
        return Reference("absolute", canonical["url"], fragment=canonical["fragment"])
    return Reference("canonical", canonical["url"], fragment=canonical["fragment"])


_Place = tuple[Optional["_Place"], str]
"""(the place above, the step): a chain that only becomes text where a reference is found."""
_Waiting = tuple[Json, _Place, str | None]
"""(what is still to be walked, where it is, its R4 type if known)."""


def iter_references(resource: Resource) -> Iterator[tuple[dict[str, Json], str, str]]:
    """Every object that holds a string `reference`: (the holder, the key "reference", its FHIRPath expression).

    In document order. Expressions start with the resource type and carry indexes: `Claim.item[0].encounter[1].reference`,
    `Claim.supportingInfo[2].value.ofType(Reference).reference`. Contained resources and those in Bundle entries are walked
    too, and whatever R4 does not know, by its JSON names. Any JSON shape and depth is taken.
    """
    name = _type_of(resource)
    waiting: list[_Waiting] = [(resource, (None, name or "Resource"), name)]
    nested: list[_Waiting]
    while waiting:
        value, place, type_name = waiting.pop()
        if type(value) is list:
            nested = [(v, (place, f"[{i}]"), type_name) for i, v in enumerate(value) if type(v) is dict or type(v) is list]
            waiting.extend(reversed(nested))
            continue
        if type_name == "Resource":
            type_name = _type_of(value)
        if type(value.get("reference")) is str:
            yield value, "reference", _expression((place, ".reference"))
        nested = [_step(k, v, place, type_name) for k, v in value.items() if type(v) is dict or type(v) is list]
        waiting.extend(reversed(nested))


def _type_of(resource: Resource) -> str | None:
    name = resource.get("resourceType")
    return name if type(name) is str and name in resource_types() else None


def _step(key: str, value: Json, place: _Place, type_name: str | None) -> _Waiting:
    definition = type_definition(type_name) if type_name is not None else None
    found = definition.element(key) if definition is not None else None
    if found is None:
        return value, (place, f".{key}"), None
    element, type_ = found
    name = f".{element.name}.ofType({type_.code})" if element.choice else f".{key}"
    return value, (place, name), type_.code


def _expression(place: _Place | None) -> str:
    steps = []
    while place is not None:
        place, step = place
        steps.append(step)
    return "".join(reversed(steps))
