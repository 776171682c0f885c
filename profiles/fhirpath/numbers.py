"""Exact numbers: the decimal context of all arithmetic, rounding, precision, and the integer range (FHIRPath 2.0 4.1.3, 4.1.4).

Decimals keep at least 28 digits before and 8 after the point, as FHIRPath asks; more digits than the context holds are
rounded half up. What overflows becomes an empty result, never an infinity.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal, DecimalException, DivisionByZero, InvalidOperation, Overflow
from fractions import Fraction
from typing import Final

MAX_PLACES: Final = 31
"""Digits after the point that a boundary may be asked for."""
CONTEXT: Final = Context(
    prec=60, rounding=ROUND_HALF_UP, Emin=-500, Emax=500, traps=[DivisionByZero, InvalidOperation, Overflow]
)
_QUOTIENT: Final = Context(
    prec=34, rounding=ROUND_HALF_UP, Emin=-500, Emax=500, traps=[DivisionByZero, InvalidOperation, Overflow]
)
INTEGER_RANGE: Final = range(-(2**63), 2**63)

__all__ = ["CONTEXT", "DecimalException", "decimal_of", "divide", "in_range", "places_of", "plain", "rounded"]


def in_range(value: int) -> int | None:
    """The integer, or None if it does not fit into 64 bits."""
    return value if value in INTEGER_RANGE else None


def divide(left: Decimal, right: Decimal) -> Decimal | None:
    """left / right to 34 digits; None for a division by zero or a result out of range."""
    try:
        return _QUOTIENT.divide(left, right)
    except DecimalException:
        return None


def decimal_of(value: Fraction) -> Decimal:
    """A fraction as a decimal: exactly where it has few digits, else to 34 digits."""
    return _QUOTIENT.divide(Decimal(value.numerator), Decimal(value.denominator))


def places_of(value: Decimal) -> int:
    """Digits after the point, trailing zeros not counted."""
    exponent = plain(value).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def plain(value: Decimal) -> Decimal:
    """Without trailing zeros after the point."""
    return value.normalize(CONTEXT) if value else Decimal(0)


def rounded(value: Decimal, places: int, rounding: str = ROUND_HALF_UP) -> Decimal:
    """To so many digits after the point, half away from zero unless told otherwise."""
    return value.quantize(Decimal(1).scaleb(-places), rounding, Context(prec=600))
