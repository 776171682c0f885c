"""The numbers that a quantity is found by, each under a name of its unit: on both sides, as it is indexed and as it is asked for.

A quantity in UCUM is entered in base units of what it measures, so that 5.4 mg and 0.0054 g are the same (R4 search 3.1.1.4.11);
where UCUM has no factor (`Cel`), and in other systems, under its code. The name of the unit that people read is entered where it
is another than the code. Numbers are exact until they are entered as floats.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import lru_cache

from profiles.json import Json, Resource
from terminology.systems import UCUM
from terminology.ucum import parse_unit


def numbers(data: Json) -> Iterator[tuple[str, float]]:
    """(name of the unit, number) of a quantity or a number; the empty name stands for any unit."""
    if not isinstance(data, dict):
        number = plain_number(data)
        if number is not None:
            yield "", number
        return
    value = data.get("value")
    number = plain_number(value)
    if number is None or not isinstance(value, int | Decimal):
        return
    yield "", number
    code, unit = code_of(data), data.get("unit")
    if code is not None:
        base = in_base_units(code) if data.get("system") == UCUM else None
        converted = scaled(value, base[1]) if base is not None else None
        yield (base[0], converted) if base is not None and converted is not None else (code, number)
    if isinstance(unit, str) and unit != code:
        yield unit, number


def code_of(quantity: Resource) -> str | None:
    """The code of the unit, or the currency of an amount of money."""
    code = quantity.get("code") or quantity.get("currency")
    return code if isinstance(code, str) else None


def is_named(quantity: Json, name: str) -> bool:
    """Whether the unit has this code, or is read so by people."""
    return isinstance(quantity, dict) and name in {code_of(quantity), quantity.get("unit")}


@lru_cache(maxsize=2048)
def in_base_units(code: str) -> tuple[str, Fraction] | None:
    """(a name for what the UCUM unit measures, how many base units it is); None for what is no unit, or has no factor."""
    unit = parse_unit(code)
    if unit is None or unit.special:
        return None
    return "=" + ".".join(f"{measure}{power}" for measure, power in unit.dimension), unit.factor


def scaled(number: int | Decimal, factor: Fraction) -> float | None:
    """None for what is too large for a float."""
    if isinstance(number, Decimal) and not -400 < number.adjusted() < 400:
        return None
    try:
        return float(Fraction(number) * factor)
    except (OverflowError, ValueError):
        return None


def plain_number(data: Json) -> float | None:
    """A JSON number as a float; None for anything else, and for what is too large."""
    if isinstance(data, bool) or not isinstance(data, int | Decimal):
        return None
    try:
        return float(data)
    except (OverflowError, InvalidOperation, ValueError):
        return None
