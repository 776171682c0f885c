"""R4's types as FHIRPath sees them: which type is a kind of which, and what a type specifier such as `FHIR.Patient` names.

FHIR R4, page "FHIRPath": FHIR types have the namespace FHIR, FHIRPath's own the namespace System. Where the tables of
profiles/structure.py give a nested backbone the name of its path (`Claim.item`), that is its type here too.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from profiles.structure import primitive_types, type_definition

SYSTEM: Final = "System."
"""The prefix of system types in static types; FHIR types have none."""
SYSTEM_TYPES: Final = frozenset({"Boolean", "String", "Integer", "Long", "Decimal", "Date", "DateTime", "Time", "Quantity"})
TYPE_INFO: Final = "TypeInfo"
"""The type of what type() returns; its elements are `namespace`, `name` and `baseType`."""

_PRIMITIVE_BASE: Final = {
    "code": "string",
    "id": "string",
    "markdown": "string",
    "url": "uri",
    "canonical": "uri",
    "oid": "uri",
    "uuid": "uri",
    "positiveInt": "integer",
    "unsignedInt": "integer",
}


@cache
def ancestors(type_name: str) -> tuple[str, ...]:
    """A FHIR type and all that it is a kind of, itself first."""
    found = [type_name]
    base = base_of(type_name)
    while base is not None:
        found.append(base)
        base = base_of(base)
    return tuple(found)


def base_of(type_name: str) -> str | None:
    if type_name in primitive_types():
        return _PRIMITIVE_BASE.get(type_name, "Element")
    definition = type_definition(type_name)
    return None if definition is None else definition.base


def is_primitive(type_name: str) -> bool:
    return type_name in primitive_types()


def is_fhir_type(name: str) -> bool:
    return name in primitive_types() or type_definition(name) is not None


@cache
def is_abstract(type_name: str) -> bool:
    """Whether values have some more special type than this one (`Resource`, `Element`)."""
    definition = type_definition(type_name)
    return definition is not None and definition.abstract


@cache
def specified_types(specifier: str) -> frozenset[str] | None:
    """The types that a type specifier names, system types with their prefix; None if there is no such type.

    An unqualified `Quantity` names the system type and the FHIR type. A name in System that does not exist names no value.
    """
    namespace, _, name = specifier.partition(".")
    if namespace == "System" and name:
        return frozenset({SYSTEM + name})
    if namespace == "FHIR" and name:
        return frozenset({name}) if is_fhir_type(name) else None
    found = {SYSTEM + specifier} if specifier in SYSTEM_TYPES else set()
    if is_fhir_type(specifier):
        found.add(specifier)
    return frozenset(found) or None


def is_kind_of(type_name: str, specified: frozenset[str]) -> bool:
    """Whether a type (system types with prefix) is one of the specified ones or below one."""
    if type_name.startswith(SYSTEM):
        return type_name in specified
    return any(ancestor in specified for ancestor in ancestors(type_name))


def is_cast_to(type_name: str, specified: frozenset[str]) -> bool:
    """As `is_kind_of`, but a primitive must have the very type: a `code` is a `string`, yet is not taken as one.

    HL7's R4 test suite has it so for as() and ofType(), and R4's search parameters rely on it (uri beside canonical).
    """
    return type_name in specified if is_primitive(type_name) else is_kind_of(type_name, specified)
