"""What the constraints table says: the invariants of every R4 type, and the value sets that its elements are bound to.

    {"invariants": {path: [[key, severity, expression]]}, "bindings": {path: [strength, value set, maximal value set or ""]},
     "quantities": [paths of elements whose Quantity has no comparator (SimpleQuantity)]}

`ele-1` (an element has a value or children) holds everywhere and is left out, and so is `ext-1` but for Extension itself.
Inherited elements stay with the type that has them first. Facts from the core package's StructureDefinitions.
"""

from __future__ import annotations

from typing import Any, Final

_EVERYWHERE: Final = frozenset({"ele-1", "ext-1"})
_MAX_VALUE_SET: Final = "http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet"
_SIMPLE_QUANTITY: Final = "http://hl7.org/fhir/StructureDefinition/SimpleQuantity"
_STRENGTHS: Final = frozenset({"required", "extensible", "preferred"})


def constraint_table(package: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """The table of all R4 types, from the package's resources by type."""
    table: dict[str, Any] = {"invariants": {}, "bindings": {}, "quantities": []}
    for definition in sorted(package["StructureDefinition"], key=lambda each: str(each["type"])):
        if definition.get("derivation") != "constraint" and definition["kind"] != "logical":
            _add(definition, table)
    table["quantities"].sort()
    return table


def _add(definition: dict[str, Any], table: dict[str, Any]) -> None:
    for element in definition["snapshot"]["element"]:
        path = element["path"]
        own = [_invariant(each) for each in element.get("constraint", []) if _is_own(each, definition["type"], path)]
        if own:
            table["invariants"][path] = own
        binding = element.get("binding", {})
        if binding.get("strength") in _STRENGTHS and "valueSet" in binding:
            table["bindings"][path] = [binding["strength"], binding["valueSet"].partition("|")[0], _maximum(binding)]
        if any(_SIMPLE_QUANTITY in type_.get("profile", []) for type_ in element.get("type", [])):
            table["quantities"].append(path)


def _is_own(constraint: dict[str, Any], type_name: str, path: str) -> bool:
    if "expression" not in constraint:
        return False
    if constraint["key"] in _EVERYWHERE:
        return bool(path == "Extension" and constraint["key"] == "ext-1")
    source = str(constraint.get("source", "")).rpartition("/")[2]
    return source in ("", type_name)


_CORRECTED: Final = {"que-12": ("enableWhen.count() > 2", "enableWhen.count() > 1")}
"""Slips of the published R4 that its own words and later releases put right."""


def _invariant(constraint: dict[str, Any]) -> list[str]:
    wrong, right = _CORRECTED.get(constraint["key"], ("", ""))
    return [constraint["key"], constraint["severity"], constraint["expression"].replace(wrong, right)]


def _maximum(binding: dict[str, Any]) -> str:
    found = (each.get("valueCanonical", "") for each in binding.get("extension", []) if each["url"] == _MAX_VALUE_SET)
    return str(next(found, "")).partition("|")[0]
