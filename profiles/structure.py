"""What R4 says of every type: its elements, their cardinality, types, targets and required codes.

Facts from the StructureDefinitions of FHIR R4 4.0.1 (profiles/tables), parsed for a type when it is first asked for.
A nested backbone is a type of its own under its path (`Claim.item`), and so is what a content reference points at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from profiles.tables import table

Kind = Literal["resource", "complex-type", "backbone"]

_ROW: Final = re.compile(r"(?P<min>\d+)\.\.(?P<max>\d+|\*) (?P<types>.+?)(?: !(?P<binding>\S+))?")
_TYPE: Final = re.compile(r"(?P<mark>[@#]?)(?P<code>[\w.]+)(?:\((?P<targets>[\w,]+)\))?")


@dataclass(frozen=True, slots=True)
class TypeRef:
    """One type that an element may have. `targets`: the resource types that a Reference or canonical may point at."""

    code: str
    targets: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ElementDefinition:
    """One element. `max` None is `*`; `choice` for a `value[x]`, whose `name` is then `value`."""

    name: str
    min: int
    max: int | None
    types: tuple[TypeRef, ...]
    choice: bool = False
    binding: str | None = None
    """The short name of the value set of a required binding."""
    content_reference: bool = False
    attribute: bool = False
    """An XML attribute (`Element.id`, `Extension.url`): it has no `_name` sibling in JSON."""

    def json_names(self) -> Iterator[tuple[str, TypeRef]]:
        """Each property name that the element may have in JSON, with the type it then has."""
        for type_ in self.types:
            yield (self.name + type_.code[0].upper() + type_.code[1:] if self.choice else self.name), type_


@dataclass(frozen=True, slots=True)
class TypeDefinition:
    """One type with all its elements, inherited ones first."""

    name: str
    kind: Kind
    base: str | None
    abstract: bool
    elements: Mapping[str, ElementDefinition]

    def element(self, json_name: str) -> tuple[ElementDefinition, TypeRef] | None:
        """The element that a JSON property stands for, and its type there (`valueQuantity`: value, Quantity)."""
        return _by_json_name(self.name).get(json_name)


def type_definition(name: str) -> TypeDefinition | None:
    """The definition of a resource type, data type or nested backbone (`Claim.item`); None if R4 has no such type."""
    return _definition(name) if name in table("structure")["types"] else None


@cache
def _definition(name: str) -> TypeDefinition:
    row = table("structure")["types"][name]
    base = row.get("base")
    elements = {} if base is None else dict(_definition(base).elements)
    for key, text in row["elements"].items():
        element = _element(key, text)
        elements[element.name] = element
    return TypeDefinition(name, row["kind"], base, "abstract" in row, elements)


@cache
def _by_json_name(type_name: str) -> dict[str, tuple[ElementDefinition, TypeRef]]:
    definition = type_definition(type_name)
    if definition is None:
        return {}
    return {name: (e, type_) for e in definition.elements.values() for name, type_ in e.json_names()}


def _element(key: str, text: str) -> ElementDefinition:
    row = _ROW.fullmatch(text)
    if row is None:
        raise ValueError(f"the structure table has a bad row for {key}")
    codes = table("structure")["openTypes"] if row["types"] == "*" else row["types"].split("|")
    matches = [m for m in map(_TYPE.fullmatch, codes) if m is not None]
    return ElementDefinition(
        name=key.removesuffix("[x]"),
        min=int(row["min"]),
        max=None if row["max"] == "*" else int(row["max"]),
        types=tuple(TypeRef(m["code"], frozenset((m["targets"] or "").split(",")) - {""}) for m in matches),
        choice=key.endswith("[x]"),
        binding=row["binding"],
        content_reference=matches[0]["mark"] == "#",
        attribute=matches[0]["mark"] == "@",
    )


@cache
def resource_types() -> frozenset[str]:
    """The names of all concrete R4 resource types."""
    types = table("structure")["types"]
    return frozenset(n for n, t in types.items() if t["kind"] == "resource" and "abstract" not in t)


@cache
def primitive_types() -> frozenset[str]:
    """The names of R4's primitive types (`date`, `code`, `xhtml`, ...)."""
    return frozenset(table("structure")["primitives"])


@cache
def value_set(name: str) -> Mapping[str, frozenset[str]] | None:
    """The codes of a required value set by code system; None for one that R4's package cannot enumerate."""
    codes = table("structure")["valueSets"].get(name)
    return None if codes is None else {system: frozenset(found) for system, found in codes.items()}
