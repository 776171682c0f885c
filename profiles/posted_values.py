"""What an expression of FHIRPath found, as values that resources are searched by; and where a reference leads by its address."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from profiles.fhirpath import Date, DateTime, Node
from profiles.json import Resource
from profiles.references import parse_reference
from profiles.search_walks import Value

_URIS: Final = frozenset({"uri", "url", "canonical", "oid", "uuid"})
_TEXTS: Final = frozenset({"string", "markdown", "code", "id"})

_FITTING: Final = {
    "string": _TEXTS | _URIS | {"HumanName", "Address"},
    "token": _TEXTS | _URIS | {"boolean", "Coding", "CodeableConcept", "Identifier", "ContactPoint"},
    "reference": frozenset({"Reference", "canonical", "uri"}),
    "date": frozenset({"date", "dateTime", "instant", "Period", "Timing"}),
    "number": frozenset({"integer", "decimal", "positiveInt", "unsignedInt"}),
    "quantity": frozenset(
        {"Quantity", "Age", "Count", "Distance", "Duration", "Money", "MoneyQuantity", "SimpleQuantity", "Range"}
    ),
    "uri": _URIS,
}


def fitting(kind: str) -> frozenset[str]:
    """The FHIR types of values that parameters of a type (`token`, `date`, ...) go by."""
    return _FITTING[kind]


def value_of(item: Any) -> Value | None:
    """An item of a result with its FHIR type; None for what no search goes by."""
    if type(item) is Node:
        return None if item.value is None else Value(item.type, item.value)
    if isinstance(item, bool):
        return Value("boolean", item)
    if isinstance(item, int | Decimal):
        return Value("integer" if isinstance(item, int) else "decimal", item)
    if isinstance(item, DateTime):
        return Value("dateTime", str(item))
    if isinstance(item, Date):
        return Value("date", str(item))
    return Value("string", item) if isinstance(item, str) else None


class ByAddress:
    """Resolves a reference to what is contained, else to no more than the type that its address names."""

    def resolve(self, reference: str, root: Resource | None) -> Resource | None:
        if reference.startswith("#"):
            contained = root.get("contained") if root is not None else None
            items = contained if isinstance(contained, list) else []
            return next((each for each in items if isinstance(each, dict) and each.get("id") == reference[1:]), None)
        parsed = parse_reference(reference)
        return None if parsed is None or parsed.type is None else {"resourceType": parsed.type}
