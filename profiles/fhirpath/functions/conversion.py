"""Conversions: toInteger, toDecimal, toQuantity and the like, each with its convertsTo (FHIRPath 2.0 5.5)."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from profiles.fhirpath.compiled import BOOLEAN, Static
from profiles.fhirpath.environment import Run
from profiles.fhirpath.functions.base import Function, text_argument, value_function
from profiles.fhirpath.numbers import in_range
from profiles.fhirpath.quantities import converted
from profiles.fhirpath.temporal import Date, DateTime, Time, parse_date, parse_date_time, parse_time
from profiles.fhirpath.values import CALENDAR_UNITS, Node, Quantity, quantity_in

_TRUE: Final = {"true", "t", "yes", "y", "1", "1.0"}
_FALSE: Final = {"false", "f", "no", "n", "0", "0.0"}
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,40}")
_DECIMAL: Final = re.compile(r"[+-]?[0-9]{1,100}(?:\.[0-9]{1,100})?")
_QUANTITY: Final = re.compile(
    r"(?P<value>[+-]?[0-9]{1,100}(?:\.[0-9]{1,100})?)\s*(?:'(?P<unit>[^']+)'|(?P<word>[a-zA-Z]+))?"
)

Convert = Callable[[Any, str | None], Any]
"""(value, optional argument) -> the converted value, None if it cannot be converted."""


def _to_boolean(value: Any, _: str | None) -> Any:
    if type(value) is bool:
        return value
    if type(value) is str:
        return True if value.lower() in _TRUE else False if value.lower() in _FALSE else None
    if type(value) is int or isinstance(value, Decimal):
        return True if value == 1 else False if value == 0 else None
    return None


def _to_integer(value: Any, _: str | None) -> Any:
    if type(value) is bool:
        return int(value)
    if type(value) is str:
        return in_range(int(value)) if _INTEGER.fullmatch(value) else None
    return value if type(value) is int else None


def _to_decimal(value: Any, _: str | None) -> Any:
    if type(value) is bool:
        return Decimal("1.0") if value else Decimal("0.0")
    if type(value) is str:
        return Decimal(value) if _DECIMAL.fullmatch(value) else None
    return Decimal(value) if type(value) is int else value if isinstance(value, Decimal) else None


def _to_quantity(value: Any, unit: str | None) -> Any:
    if isinstance(value, Quantity):
        quantity: Quantity | None = value
    elif type(value) is str:
        quantity = parse_quantity(value)
    else:
        number = _to_decimal(value, None)
        quantity = None if number is None else Quantity(number)
    return quantity if quantity is None or unit is None else converted(quantity, unit)


def parse_quantity(text: str) -> Quantity | None:
    """`4 days`, `10 'mm[Hg]'`, `1.5`; None for anything else."""
    match = _QUANTITY.fullmatch(text)
    if match is None or (match["word"] is not None and match["word"] not in CALENDAR_UNITS):
        return None
    return quantity_in(Decimal(match["value"]), match["word"] or match["unit"] or "1")


def to_text(value: Any) -> str | None:
    """A system value as toString() writes it; None for objects."""
    if type(value) is str:
        return value
    if type(value) is bool:
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    return None if isinstance(value, Node) else str(value)


def _to_date(value: Any, _: str | None) -> Any:
    if isinstance(value, DateTime):
        return Date(value.fields[:3])
    return parse_date(value) if type(value) is str else value if isinstance(value, Date) else None


def _to_date_time(value: Any, _: str | None) -> Any:
    if isinstance(value, Date):
        return DateTime(value.fields)
    return parse_date_time(value) if type(value) is str else value if isinstance(value, DateTime) else None


def _to_time(value: Any, _: str | None) -> Any:
    return parse_time(value) if type(value) is str else value if isinstance(value, Time) else None


_CONVERSIONS: Final[dict[str, tuple[Convert, str]]] = {
    "Boolean": (_to_boolean, "Boolean"),
    "Integer": (_to_integer, "Integer"),
    "Long": (_to_integer, "Integer"),
    "Decimal": (_to_decimal, "Decimal"),
    "Quantity": (_to_quantity, "Quantity"),
    "String": (lambda value, _: to_text(value), "String"),
    "Date": (_to_date, "Date"),
    "DateTime": (_to_date_time, "DateTime"),
    "Time": (_to_time, "Time"),
}


def _argument(given: Any, name: str, position: int) -> str | None:
    return None if given is None else text_argument(given, name, position)


def _to(name: str, convert: Convert, result: str) -> Function:
    def compute(state: Run, position: int, value: Any, unit: Any = None) -> Any:
        return convert(value, _argument(unit, f"to{name}", position))

    most = 1 if name == "Quantity" else 0
    return value_function(compute, 0, most, Static(frozenset({f"System.{result}"}), single=True))


def _converts(name: str, convert: Convert) -> Function:
    def compute(state: Run, position: int, value: Any, unit: Any = None) -> bool:
        return convert(value, _argument(unit, f"convertsTo{name}", position)) is not None

    return value_function(compute, 0, 1 if name == "Quantity" else 0, BOOLEAN)


FUNCTIONS: Final = {
    **{f"to{name}": _to(name, convert, result) for name, (convert, result) in _CONVERSIONS.items()},
    **{f"convertsTo{name}": _converts(name, convert) for name, (convert, _) in _CONVERSIONS.items()},
}
