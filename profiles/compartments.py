"""Which compartments a resource is in (FHIR R4 CompartmentDefinition), told by its own references."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final

from profiles.json import Resource
from profiles.references import parse_reference
from profiles.search_parameters import Value, search_parameters
from profiles.structure import resource_types
from profiles.tables import table

_SELF: Final = "{def}"
"""How CompartmentDefinition says that a resource is in the compartment that bears its own name."""


@cache
def compartment_types() -> frozenset[str]:
    """The compartments that R4 defines: Device, Encounter, Patient, Practitioner, RelatedPerson."""
    return frozenset(table("search")["compartments"])


@cache
def member_types(compartment: str = "Patient") -> frozenset[str]:
    """The resource types that can be in a compartment, by R4's CompartmentDefinition."""
    rows = table("search")["compartments"][compartment]
    return frozenset(name for name, codes in rows.items() if codes) | {compartment}


@cache
def compartment_codes(compartment: str, type_name: str) -> frozenset[str]:
    """The reference parameters of a type that put a resource into a compartment; its being the very resource is none of them."""
    return frozenset(table("search")["compartments"][compartment].get(type_name, [])) - {_SELF}


def compartment_members(resource: Resource, compartment: str = "Patient", base_url: str | None = None) -> frozenset[str]:
    """The ids of the patients (practitioners, ...) whose compartment a resource is in; a Patient is in its own.

    Literal references count, with or without version. With `base_url` (no slash at its end) absolute ones count only under
    that base; without it, under any. Raises ValueError for a compartment that R4 does not define.
    """
    if compartment not in compartment_types():
        raise ValueError(f"R4 defines no compartment {compartment}")
    type_name = resource.get("resourceType")
    if type(type_name) is not str or type_name not in resource_types():
        return frozenset()
    found = set()
    own = resource.get("id")
    if type_name == compartment and type(own) is str:
        found.add(own)
    for extract in _extractors(compartment, type_name):
        for value in extract(resource):
            reference = parse_reference(value.value["reference"]) if _has_literal(value) else None
            if reference is None or reference.type != compartment or reference.id is None:
                continue
            if reference.kind == "relative" or (reference.kind == "absolute" and base_url in {None, reference.base}):
                found.add(reference.id)
    return frozenset(found)


def _has_literal(value: Value) -> bool:
    return value.kind == "Reference" and type(value.value.get("reference")) is str


@cache
def _extractors(compartment: str, type_name: str) -> tuple[Callable[[Resource], list[Value]], ...]:
    parameters = search_parameters(type_name)
    return tuple(parameters[code].extract for code in compartment_codes(compartment, type_name))
