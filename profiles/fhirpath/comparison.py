"""Order: < <= > >= (FHIRPath 2.0 6.2). Values of types that have no common order are an error."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from profiles.fhirpath.equality import as_quantity
from profiles.fhirpath.errors import EVALUATION, FhirPathError
from profiles.fhirpath.quantities import compare_quantities
from profiles.fhirpath.temporal import Date, DateTime, Time, compare
from profiles.fhirpath.values import QUANTITY_TYPES, Node, Quantity, type_words

_DATES: Final = (Date, DateTime)


def order(left: Any, right: Any, position: int) -> int | None:
    """-1, 0 or 1; None where precision, zones or units leave it open. Raises FhirPathError (fhirpath-evaluation)."""
    if type(left) is str and type(right) is str:
        return (left > right) - (left < right)
    if _is_number(left) and _is_number(right):
        return bool(left > right) - bool(left < right)
    if (isinstance(left, _DATES) and isinstance(right, _DATES)) or (isinstance(left, Time) and isinstance(right, Time)):
        return compare(left, right)
    if isinstance(left, Quantity) or isinstance(right, Quantity):
        first, second = as_quantity(left), as_quantity(right)
        if first is not None and second is not None:
            return compare_quantities(first, second)
    if _has_no_value(left) or _has_no_value(right):
        return None
    raise FhirPathError(EVALUATION, f"{type_words(left)} and {type_words(right)} cannot be compared.", position)


def _is_number(value: Any) -> bool:
    return type(value) is int or isinstance(value, Decimal)


def _has_no_value(item: Any) -> bool:
    """A Quantity without a number, or with a comparator: the comparison is open, not wrong."""
    return isinstance(item, Node) and item.type in QUANTITY_TYPES


COMPARISONS: Final[dict[str, Callable[[int], bool]]] = {
    "<": lambda found: found < 0,
    "<=": lambda found: found <= 0,
    ">": lambda found: found > 0,
    ">=": lambda found: found >= 0,
}
