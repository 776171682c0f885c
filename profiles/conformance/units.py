"""UCUM codes of quantities, and quantities in different units against each other (terminology/ucum)."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Final

from profiles.conformance.context import Context, Item
from profiles.json import Json
from terminology.ucum import conversion_factor, parse_unit

UCUM: Final = "http://unitsofmeasure.org"


def check_unit(item: Item, context: Context) -> None:
    """A quantity's UCUM code must be one."""
    code = item.value.get("code")
    if item.value.get("system") == UCUM and isinstance(code, str) and parse_unit(code) is None:
        context.add("code-invalid", "The code is no unit of UCUM.", (item.path, "code", -1), rule=UCUM)


def in_unit(quantity: Json, code: str) -> Fraction | None:
    """A UCUM quantity's value in another unit; None where it cannot be told."""
    if not isinstance(quantity, dict) or quantity.get("system") != UCUM:
        return None
    value, own = quantity.get("value"), quantity.get("code")
    if not isinstance(value, int | Decimal) or isinstance(value, bool) or not isinstance(own, str):
        return None
    factor = conversion_factor(own, code)
    return None if factor is None else Fraction(value) * factor
