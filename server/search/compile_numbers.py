"""Criteria on numbers and quantities (R4 search 3.1.1.4.5, 3.1.1.4.11) become intervals over columns of points.

`5.4` stands for what rounds to it, [5.35, 5.45); a prefix but `ne` and `ap` takes the number as it is. A quantity in UCUM is asked
for in base units (server/search/quantities.py), in other systems by its code; `5.4||mg` by a code or a name of any system.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from profiles.outcome import refuse
from profiles.search_parameters import Value
from server.seal.blind_index import BlindIndex
from server.search.compile_dates import before, compare, split_prefix, within
from server.search.leaf import Leaf
from server.search.overlap import asked_codes
from server.search.quantities import code_of, in_base_units, is_named, numbers, scaled
from server.search.tree import Criterion
from server.search.values import split_escaped, unescape
from server.store.algebra import AnyInterval, Interval
from terminology.systems import UCUM

_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,30}(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,3})?\Z")


@dataclass(frozen=True, slots=True)
class _Asked:
    """One value: under which name of a unit it lies between which bounds, and what else must be so of the unit."""

    name: str
    intervals: tuple[Interval, ...]
    system: str | None = None
    """The system that the unit's code must be of, where the name does not tell."""
    unit: str | None = None
    """The code or name that the unit must have, in any system."""

    def fits(self, value: Value) -> bool:
        if not any(
            name == self.name and any(within(interval, number, number) for interval in self.intervals)
            for name, number in numbers(value.value)
        ):
            return False
        if self.unit is not None:
            return is_named(value.value, self.unit)
        if self.system is None:
            return True
        data = value.value
        return isinstance(data, dict) and data.get("system") == self.system and code_of(data) == self.name


def number_leaf(type_: str, criterion: Criterion, index: BlindIndex) -> Leaf:
    """Raises FhirError (400) for what is no number, or no quantity."""
    asked = [found for value in criterion.values for found in _read(criterion, value)]
    intervals = [
        Interval(index.points(type_, f"{code}|{one.name}"), it.low_from, it.low_to, it.high_from, it.high_to)
        for code in asked_codes(type_, criterion.code)
        for one in asked
        for it in one.intervals
    ]

    def fits(values: Sequence[Value]) -> bool:
        return any(one.fits(value) for value in values for one in asked)

    exact = all(one.system is None and one.unit is None for one in asked)
    return Leaf((AnyInterval(tuple(intervals)),), exact, fits, frozenset({criterion.code}))


def _read(criterion: Criterion, value: str) -> list[_Asked]:
    prefix, text = split_prefix(value)
    number, *unit = (unescape(part) for part in split_escaped(text, "|"))
    forms = {0} if criterion.type == "number" else {0, 2}
    system, code = unit if len(unit) == 2 else ("", "")
    if not _NUMBER.match(number) or len(unit) not in forms or (system and not code):
        form = "a number" if criterion.type == "number" else "number, number|system|code or number||unit"
        raise refuse("parameter-value", f"{criterion.code} is {form}, with an optional prefix.", f"http.{criterion.code}")
    low, high = implied_range(number, prefix)
    plain = _intervals(prefix, float(low), float(high))
    base = in_base_units(code) if code and system in {"", UCUM} else None
    bounds = (scaled(low, base[1]), scaled(high, base[1])) if base is not None else (None, None)
    if base is None or bounds[0] is None or bounds[1] is None:
        return [_Asked(code, plain, system=system or None)]
    converted = _Asked(base[0], _intervals(prefix, bounds[0], bounds[1]), unit=None if system else code)
    return [converted] if system else [_Asked(code, plain), converted]


def _intervals(prefix: str, low: float, high: float) -> tuple[Interval, ...]:
    """The upper end of a range is not in it."""
    return tuple(compare(prefix, 0, low, before(high) if low < high else high))


def implied_range(text: str, prefix: str) -> tuple[Decimal, Decimal]:
    """What a number stands for (R4 search 3.1.1.4.3): 100 is [99.5, 100.5) for eq and ne, itself for the others.

    Raises FhirError (400) for what is too large.
    """
    try:
        number = Decimal(text)
        half = Decimal((0, (5,), int(number.as_tuple().exponent) - 1))
        if prefix == "ap":
            half = max(half, abs(number) / 10)
        elif prefix not in {"eq", "ne"}:
            return number, number
        return number - half, number + half
    except (InvalidOperation, OverflowError) as error:
        raise refuse("parameter-value", "The number is out of range.") from error
