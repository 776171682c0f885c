"""Quantities against each other: a common measure, calendar durations beside UCUM's, arithmetic (FHIRPath 2.0 4.1.8, 6.1, 6.6).

UCUM's year and month are averages, a calendar's are not: they are equivalent, but never equal or comparable. From the week
down both mean the same. Units that are not commensurable, special units (`Cel`) beside others, and texts that are no units
make a result empty.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Final

from profiles.fhirpath.numbers import CONTEXT, decimal_of, divide, places_of, rounded
from profiles.fhirpath.values import CALENDAR_UNITS, Quantity, quantity_in
from terminology.ucum import conversion_factor, product

_SECONDS: Final = {
    "year": Fraction(365 * 86_400),
    "month": Fraction(30 * 86_400),
    "week": Fraction(7 * 86_400),
    "day": Fraction(86_400),
    "hour": Fraction(3600),
    "minute": Fraction(60),
    "second": Fraction(1),
    "millisecond": Fraction(1, 1000),
}
_UCUM: Final = {
    "year": "a",
    "month": "mo",
    "week": "wk",
    "day": "d",
    "hour": "h",
    "minute": "min",
    "second": "s",
    "millisecond": "ms",
}
_UNLIKE: Final = {"year", "month"}


def factor(source: Quantity, target: Quantity, *, loosely: bool = False) -> Fraction | None:
    """How many units of `target` one unit of `source` is; `loosely`: a calendar year counts as UCUM's."""
    if source.kind == target.kind and source.unit == target.unit:
        return Fraction(1)
    if source.kind == "other" or target.kind == "other":
        return Fraction(1) if source.unit == target.unit else None
    if source.kind == target.kind == "calendar":
        return calendar_factor(CALENDAR_UNITS[source.unit], CALENDAR_UNITS[target.unit])
    if not loosely and _UNLIKE & {CALENDAR_UNITS.get(source.unit), CALENDAR_UNITS.get(target.unit)}:
        return None
    return conversion_factor(ucum_code(source), ucum_code(target))


def calendar_factor(source: str, target: str) -> Fraction:
    """By the shortest way: a year is 12 months, or 365 days; a month 30 days."""
    if {source, target} == {"year", "month"}:
        return Fraction(12) if source == "year" else Fraction(1, 12)
    return _SECONDS[source] / _SECONDS[target]


def ucum_code(quantity: Quantity) -> str:
    return _UCUM[CALENDAR_UNITS[quantity.unit]] if quantity.kind == "calendar" else quantity.unit


def compare_quantities(left: Quantity, right: Quantity) -> int | None:
    """-1, 0 or 1; None if they cannot be compared."""
    scale = factor(right, left)
    if scale is None:
        return None
    if scale == 1:
        return (left.value > right.value) - (left.value < right.value)
    mine, other = Fraction(left.value), Fraction(right.value) * scale
    return (mine > other) - (mine < other)


def equivalent_quantities(left: Quantity, right: Quantity) -> bool:
    """Equal when rounded to the least precise, in the larger of the two units."""
    scale = factor(right, left, loosely=True)
    if scale is None:
        return False
    if scale <= 1:
        mine, other = left.value, decimal_of(Fraction(right.value) * scale)
    else:
        mine, other = decimal_of(Fraction(left.value) / scale), right.value
    places = min(places_of(mine), places_of(other))
    return rounded(mine, places) == rounded(other, places)


def add_quantities(left: Quantity, right: Quantity, sign: int) -> Quantity | None:
    """In the unit of `left`; a plain number takes the unit of the other."""
    if _is_number(left) or _is_number(right):
        unit = right if _is_number(left) else left
        return Quantity(_plus(left.value, right.value, sign), unit.unit, unit.kind)
    years = {CALENDAR_UNITS.get(q.unit) for q in (left, right) if q.kind == "calendar"} & _UNLIKE
    scale = factor(right, left)
    if scale is None or (years and scale != 1):
        return None
    added = right.value if scale == 1 else decimal_of(Fraction(right.value) * scale)
    return Quantity(_plus(left.value, added, sign), left.unit, left.kind)


def _plus(left: Decimal, right: Decimal, sign: int) -> Decimal:
    return CONTEXT.add(left, right) if sign > 0 else CONTEXT.subtract(left, right)


def multiply_quantities(left: Quantity, right: Quantity, power: int) -> Quantity | None:
    """The product (power 1) or quotient (power -1); None for calendar units and for units that cannot be combined."""
    if power < 0 and right.value == 0:
        return None
    value = CONTEXT.multiply(left.value, right.value) if power > 0 else divide(left.value, right.value)
    if value is None:
        return None
    if _is_number(right):
        return Quantity(value, left.unit, left.kind)
    if _is_number(left) and power > 0:
        return Quantity(value, right.unit, right.kind)
    if left.kind != "ucum" or right.kind != "ucum":
        return None
    if power < 0 and left.unit != right.unit and (scale := conversion_factor(left.unit, right.unit)) is not None:
        return Quantity(decimal_of(Fraction(value) * scale))
    unit = product(left.unit, right.unit, power)
    return None if unit is None else Quantity(value, unit)


def _is_number(quantity: Quantity) -> bool:
    return quantity.kind == "ucum" and quantity.unit == "1"


def converted(quantity: Quantity, unit: str) -> Quantity | None:
    """The same quantity in another unit; a plain number takes the unit as it is. None if it cannot be converted."""
    target = quantity_in(Decimal(1), unit)
    if _is_number(quantity):
        return Quantity(quantity.value, target.unit, target.kind)
    if quantity.kind == "calendar" and target.kind == "ucum":
        inner = _calendar_word_of(unit)
        if inner is not None:
            scale: Fraction | None = calendar_factor(CALENDAR_UNITS[quantity.unit], inner)
        else:
            scale = factor(quantity, target, loosely=True)
    else:
        scale = factor(quantity, target, loosely=True)
    if scale is None:
        return None
    value = quantity.value if scale == 1 else decimal_of(Fraction(quantity.value) * scale)
    return Quantity(value, target.unit, target.kind)


def _calendar_word_of(code: str) -> str | None:
    return next((word for word, ucum in _UCUM.items() if ucum == code), None)
