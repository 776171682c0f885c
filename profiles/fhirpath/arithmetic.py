"""The operators that compute: + - * / div mod & and the signs (FHIRPath 2.0 6.6).

Operands are single system values; a missing one makes the result empty (None here), save for `&`. Integers are of 64 bits and
decimals exact: what does not fit, and what is divided by zero, is empty.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, DecimalException
from typing import Any, Final

from profiles.fhirpath.date_arithmetic import DurationError, add
from profiles.fhirpath.environment import Run
from profiles.fhirpath.equality import as_quantity
from profiles.fhirpath.errors import EVALUATION, LIMIT, FhirPathError
from profiles.fhirpath.numbers import CONTEXT, divide, in_range
from profiles.fhirpath.quantities import add_quantities, multiply_quantities
from profiles.fhirpath.temporal import Date, DateTime, Time
from profiles.fhirpath.values import Quantity, type_words

Operation = Callable[[Run, Any, Any, int], Any]
"""(the run, left, right, position of the operator) -> system value or None."""

_TEMPORAL: Final = (Date, DateTime, Time)


def _mismatch(left: Any, right: Any, operator: str, position: int) -> FhirPathError:
    return FhirPathError(EVALUATION, f"`{operator}` does not take {type_words(left)} and {type_words(right)}.", position)


def _numbers(left: Any, right: Any) -> tuple[Any, Any] | None:
    """Both as integers or both as decimals; None if one is no number."""
    first, second = type(left) is int, type(right) is int
    if first and second:
        return left, right
    if (first or isinstance(left, Decimal)) and (second or isinstance(right, Decimal)):
        return Decimal(left), Decimal(right)
    return None


def checked_text(state: Run, text: str, position: int) -> str:
    """A string that was made. Raises FhirPathError (fhirpath-limit) if it is too long."""
    if len(text) > state.limits.text:
        raise FhirPathError(LIMIT, f"The expression makes a string of more than {state.limits.text} characters.", position)
    return text


def _sum(state: Run, left: Any, right: Any, position: int, sign: int) -> Any:
    operator = "+" if sign > 0 else "-"
    if left is None or right is None:
        return None
    pair = _numbers(left, right)
    if pair is not None:
        if type(pair[0]) is int:
            return in_range(pair[0] + sign * pair[1])
        return CONTEXT.add(pair[0], pair[1]) if sign > 0 else CONTEXT.subtract(pair[0], pair[1])
    if type(left) is str and type(right) is str and sign > 0:
        return checked_text(state, left + right, position)
    if isinstance(left, _TEMPORAL) and isinstance(right, Quantity):
        try:
            return add(left, right, sign)
        except DurationError as error:
            message = (
                f"The quantity cannot be added to or taken from a {type_words(left)}: its unit, or the year it leads to."
            )
            raise FhirPathError(EVALUATION, message, position) from error
    first, second = as_quantity(left), as_quantity(right)
    if first is None or second is None:
        raise _mismatch(left, right, operator, position)
    return add_quantities(first, second, sign)


def _product(state: Run, left: Any, right: Any, position: int, power: int) -> Any:
    operator = "*" if power > 0 else "/"
    if left is None or right is None:
        return None
    pair = _numbers(left, right)
    if pair is not None:
        if power < 0:
            return divide(Decimal(pair[0]), Decimal(pair[1]))
        return in_range(pair[0] * pair[1]) if type(pair[0]) is int else CONTEXT.multiply(pair[0], pair[1])
    first, second = as_quantity(left), as_quantity(right)
    if first is None or second is None:
        raise _mismatch(left, right, operator, position)
    return multiply_quantities(first, second, power)


def _whole_quotient(state: Run, left: Any, right: Any, position: int, operator: str) -> Any:
    if left is None or right is None:
        return None
    pair = _numbers(left, right)
    if pair is None:
        raise _mismatch(left, right, operator, position)
    first, second = pair
    if second == 0:
        return None
    if type(first) is int:
        quotient = abs(first) // abs(second) * (1 if (first < 0) == (second < 0) else -1)
        return quotient if operator == "div" else first - quotient * second
    if operator == "mod":
        return CONTEXT.remainder(first, second)
    return in_range(int(CONTEXT.divide_int(first, second)))


def _concatenation(state: Run, left: Any, right: Any, position: int) -> Any:
    first, second = "" if left is None else left, "" if right is None else right
    if type(first) is not str or type(second) is not str:
        raise _mismatch(left, right, "&", position)
    return checked_text(state, first + second, position)


def _guarded(operation: Operation) -> Operation:
    def guarded(state: Run, left: Any, right: Any, position: int) -> Any:
        try:
            return operation(state, left, right, position)
        except DecimalException:
            return None

    return guarded


OPERATIONS: Final[dict[str, Operation]] = {
    "+": _guarded(lambda state, left, right, position: _sum(state, left, right, position, 1)),
    "-": _guarded(lambda state, left, right, position: _sum(state, left, right, position, -1)),
    "*": _guarded(lambda state, left, right, position: _product(state, left, right, position, 1)),
    "/": _guarded(lambda state, left, right, position: _product(state, left, right, position, -1)),
    "div": _guarded(lambda state, left, right, position: _whole_quotient(state, left, right, position, "div")),
    "mod": _guarded(lambda state, left, right, position: _whole_quotient(state, left, right, position, "mod")),
    "&": _concatenation,
}


def negated(value: Any, position: int) -> Any:
    """`-value`; also for None."""
    if value is None:
        return None
    if type(value) is int:
        return in_range(-value)
    if isinstance(value, Decimal):
        return CONTEXT.minus(value) if value else value
    if isinstance(value, Quantity):
        return Quantity(-value.value, value.unit, value.kind)
    raise FhirPathError(EVALUATION, f"A sign cannot stand before a {type_words(value)}.", position)
