"""What a collection holds (FHIRPath 2.0 4.1, and FHIR R4's page on FHIRPath, "Type Safety and Strict Evaluation").

System values are Python's own: str, bool, int, Decimal, the classes of temporal.py, and Quantity. An element of a resource is
a `Node`: its FHIR type, its JSON value and, for a primitive, the object under the same name with `_` before it. Where the
compiler knows the type of every item, it works on bare JSON values instead and makes no nodes (see compiler.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

from profiles.fhirpath.temporal import Date, DateTime, Time, parse_date, parse_date_time, parse_time
from profiles.json import Json, Resource

UCUM: Final = "http://unitsofmeasure.org"


class Node:
    """An element: `type` is its R4 type (`Patient`, `Claim.item`, `code`); `extra` the `_name` object of a primitive."""

    __slots__ = ("extra", "type", "value")

    def __init__(self, type: str, value: Json, extra: Resource | None = None) -> None:
        self.type = type
        self.value = value
        self.extra = extra

    def __repr__(self) -> str:
        return f"Node({self.type})"


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with a unit. `kind` ucum: `unit` is a UCUM code; calendar: a word such as `weeks`; other: some other text."""

    value: Decimal
    unit: str = "1"
    kind: Literal["ucum", "calendar", "other"] = "ucum"

    def __str__(self) -> str:
        return f"{self.value:f} {self.unit}" if self.kind == "calendar" else f"{self.value:f} '{self.unit}'"


CALENDAR_UNITS: Final = {
    word: unit
    for unit in ("year", "month", "week", "day", "hour", "minute", "second", "millisecond")
    for word in (unit, unit + "s")
}
"""The calendar durations by their words, singular and plural."""


def quantity_in(value: Decimal, unit: str) -> Quantity:
    """A quantity in a unit as an expression writes it: the word of a calendar duration, or a UCUM code."""
    return Quantity(value, unit, "calendar" if unit in CALENDAR_UNITS else "ucum")


_CALENDAR_OF_UCUM: Final = {
    "a": "year",
    "mo": "month",
    "wk": "week",
    "d": "day",
    "h": "hour",
    "min": "minute",
    "s": "second",
}
"""FHIR R4, "Use of FHIR Quantity": time-valued UCUM codes of a FHIR Quantity mean calendar durations."""

QUANTITY_TYPES: Final = frozenset({"Quantity", "Age", "Count", "Distance", "Duration", "SimpleQuantity", "MoneyQuantity"})
STRING_TYPES: Final = frozenset(
    {"string", "code", "id", "markdown", "uri", "url", "canonical", "oid", "uuid", "base64Binary", "xhtml"}
)
INTEGER_TYPES: Final = frozenset({"integer", "positiveInt", "unsignedInt"})


DECIMAL_TEXT: Final = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?")


def _text(value: Json) -> Any:
    return value if type(value) is str else None


def _truth(value: Json) -> Any:
    return value if type(value) is bool else None


def _whole(value: Json) -> Any:
    return value if type(value) is int and -(2**63) <= value < 2**63 else None


def _decimal(value: Json) -> Any:
    """A number of up to 500 digits; also one in quotes, as converters write it that fear for its digits."""
    if type(value) is int:
        return Decimal(value) if value.bit_length() < 1600 else None
    if type(value) is str:
        return Decimal(value) if DECIMAL_TEXT.fullmatch(value) else None
    if not isinstance(value, Decimal):
        return None
    exponent = value.as_tuple().exponent
    return value if isinstance(exponent, int) and exponent > -500 and -500 < value.adjusted() < 500 else None


def _of_text(parse: Callable[[str], Any]) -> Callable[[Json], Any]:
    return lambda value: parse(value) if type(value) is str else None


SYSTEM_VALUE: Final[dict[str, Callable[[Json], Any]]] = {
    **dict.fromkeys(STRING_TYPES, _text),
    **dict.fromkeys(INTEGER_TYPES, _whole),
    "boolean": _truth,
    "decimal": _decimal,
    "date": _of_text(parse_date),
    "dateTime": _of_text(parse_date_time),
    "instant": _of_text(parse_date_time),
    "time": _of_text(parse_time),
}
"""By primitive type: from the JSON value to the system value, None if it has not the form of its type."""


def system_value(item: Any) -> Any:
    """The system value that a primitive or a Quantity stands for; the item itself where there is none.

    A primitive without a value (only extensions) stays a Node; so does one whose JSON does not have the form of its type.
    """
    if type(item) is not Node:
        return item
    convert = SYSTEM_VALUE.get(item.type)
    if convert is not None:
        value = convert(item.value)
        return item if value is None else value
    if item.type in QUANTITY_TYPES:
        return quantity_of(item.value) or item
    return item


def quantity_of(value: Json) -> Quantity | None:
    """A FHIR Quantity as a system one; None without a number, or where a comparator makes it a range."""
    number = _decimal(value.get("value")) if type(value) is dict else None
    if number is None or value.get("comparator") is not None:
        return None
    code, system, unit = value.get("code"), value.get("system"), value.get("unit")
    if type(code) is str and system == UCUM:
        calendar = _CALENDAR_OF_UCUM.get(code)
        return Quantity(number, code) if calendar is None else Quantity(number, calendar, "calendar")
    if type(code) is str:
        return Quantity(number, f"{system}|{code}", "other")
    return Quantity(number, unit, "other") if type(unit) is str else Quantity(number)


def system_type(value: Any) -> str | None:
    """The name of a system value's type (`Integer`); None for a node."""
    return _SYSTEM_TYPES.get(type(value)) or ("Decimal" if isinstance(value, Decimal) else None)


_SYSTEM_TYPES: Final[dict[type, str]] = {
    str: "String",
    bool: "Boolean",
    int: "Integer",
    Date: "Date",
    DateTime: "DateTime",
    Time: "Time",
    Quantity: "Quantity",
}


def type_words(item: Any) -> str:
    """What an item is, for an error message: the name of its type, never its value."""
    return item.type if type(item) is Node else system_type(item) or "value"
