"""Comparing values with what a profile fixes: exactly, by pattern, or by bounds (FHIR R4 elementdefinition.html)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from profiles.conformance.units import in_unit
from profiles.json import Json, Resource


def equals(value: Json, fixed: Json) -> bool:
    """The same content, nothing more and nothing less. Numbers by value and by the digits that are written."""
    if isinstance(fixed, dict):
        if not isinstance(value, dict) or value.keys() - {"id"} != fixed.keys() - {"id"}:
            return False
        return all(equals(value[name], each) for name, each in fixed.items() if name != "id")
    if isinstance(fixed, list):
        return (
            isinstance(value, list)
            and len(value) == len(fixed)
            and all(equals(a, b) for a, b in zip(value, fixed, strict=True))
        )
    return _same(value, fixed)


def matches(value: Json, pattern: Json) -> bool:
    """At least what the pattern holds: each of its members, and for each item of its lists one that matches it."""
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(
            name in value and matches(value[name], each) for name, each in pattern.items() if name != "id"
        )
    if isinstance(pattern, list):
        return isinstance(value, list) and all(any(matches(each, wanted) for each in value) for wanted in pattern)
    return _same(value, pattern)


def matcher(pattern: Json) -> Callable[[Json], bool]:
    """`matches` for one pattern, taken apart once: profiles ask for the same few again and again."""
    if isinstance(pattern, str):
        return lambda value: type(value) is str and value == pattern
    if isinstance(pattern, dict):
        members = [(name, matcher(each)) for name, each in pattern.items() if name != "id"]
        return lambda value: type(value) is dict and all(name in value and test(value[name]) for name, test in members)
    if isinstance(pattern, list) and len(pattern) == 1:
        one = matcher(pattern[0])
        return lambda value: type(value) is list and any(map(one, value))
    return lambda value: matches(value, pattern)


def _same(value: Json, wanted: Json) -> bool:
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    if isinstance(value, int | Decimal) and isinstance(wanted, int | Decimal):
        return Decimal(value) == Decimal(wanted)
    return bool(value == wanted)


def below(value: Json, bound: Json) -> bool | None:
    """Whether a value is less than a bound; None where the two cannot be compared."""
    if isinstance(bound, dict):
        return _less(value, bound) if "value" in bound and isinstance(value, dict) else None
    if isinstance(value, bool) or isinstance(bound, bool):
        return None
    if isinstance(value, int | Decimal) and isinstance(bound, int | Decimal):
        return Decimal(value) < Decimal(bound)
    if isinstance(value, str) and isinstance(bound, str):
        size = min(len(value), len(bound))
        return None if value[:size] == bound[:size] and len(value) != len(bound) else value < bound
    return None


def _less(value: Resource, bound: Resource) -> bool | None:
    """Quantities: in the same unit, or by UCUM."""
    if value.get("code") == bound.get("code"):
        return below(value.get("value"), bound["value"])
    code, limit = bound.get("code"), bound["value"]
    converted = in_unit(value, code) if isinstance(code, str) else None
    if converted is None or not isinstance(limit, int | Decimal) or isinstance(limit, bool):
        return None
    return converted < Fraction(limit)


def moved_today(duration: Json, today: date, direction: int) -> str | None:
    """The date that lies a duration (a UCUM Quantity of years, months, weeks or days) before (-1) or after (1) today."""
    number, unit = (duration.get("value"), duration.get("code")) if isinstance(duration, dict) else (None, None)
    if not isinstance(number, int | Decimal) or isinstance(number, bool):
        return None
    count = int(number) * direction
    if unit in ("a", "mo"):
        months = today.year * 12 + today.month - 1 + count * (12 if unit == "a" else 1)
        year, month = divmod(months, 12)
        return f"{year:04d}-{month + 1:02d}-{today.day:02d}" if 0 < year < 10_000 else None
    days = {"wk": 7, "d": 1}.get(str(unit))
    return None if days is None or abs(count) > 1_000_000 else (today + timedelta(days=days * count)).isoformat()
