"""`near` on Location (R4 location.html#positional): latitude|longitude|distance|unit, by the distance along the earth's surface.

Distances are in kilometres where no unit is given, any UCUM unit of length is taken, and without a distance 50 km are meant.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final

from profiles.json import Json
from profiles.outcome import refuse
from profiles.search_parameters import Value
from server.search.leaf import Leaf
from server.search.quantities import plain_number
from server.search.tree import Criterion
from server.search.values import split_escaped, unescape
from terminology.ucum import conversion_factor

USUAL_METRES: Final = 50_000.0
_EARTH_METRES: Final = 6_371_008.8
"""The mean radius (IUGG)."""

_DECIMAL: Final = re.compile(r"[+-]?[0-9]{1,10}(?:\.[0-9]{1,20})?\Z")

Place = tuple[float, float]
"""Latitude and longitude in degrees."""


def near_leaf(criterion: Criterion) -> Leaf:
    """Raises FhirError (400) for values of the wrong form."""
    asked = [_read(criterion.code, value) for value in criterion.values]

    def fits(values: Sequence[Value]) -> bool:
        places = [place for value in values if (place := _place(value.value)) is not None]
        return any(metres_between(place, centre) <= metres for place in places for centre, metres in asked)

    return Leaf((), False, fits)


def _read(code: str, value: str) -> tuple[Place, float]:
    parts = [unescape(part) for part in split_escaped(value, "|")]
    numbers = [float(part) if _DECIMAL.match(part) else None for part in parts[:2]]
    if len(parts) > 4 or len(numbers) < 2 or numbers[0] is None or numbers[1] is None:
        raise _bad(code)
    if abs(numbers[0]) > 90 or abs(numbers[1]) > 180:
        raise _bad(code)
    return (numbers[0], numbers[1]), _metres(code, *parts[2:])


def _metres(code: str, distance: str = "", unit: str = "") -> float:
    if not distance:
        return USUAL_METRES
    factor = conversion_factor(unit or "km", "m")
    if factor is None or not _DECIMAL.match(distance) or distance.startswith("-"):
        raise _bad(code)
    return float(distance) * float(factor)


def _bad(code: str) -> Exception:
    form = "latitude|longitude|distance|unit in degrees and a UCUM unit of length, such as 42.25|-83.69|11.2|km"
    return refuse("parameter-value", f"{code} has the form {form}.", f"http.{code}")


def _place(position: Json) -> Place | None:
    if not isinstance(position, dict):
        return None
    latitude, longitude = plain_number(position.get("latitude")), plain_number(position.get("longitude"))
    return None if latitude is None or longitude is None else (latitude, longitude)


def metres_between(one: Place, other: Place) -> float:
    """The great-circle distance."""
    (low, west), (high, east) = [(math.radians(place[0]), math.radians(place[1])) for place in (one, other)]
    half = math.sin((high - low) / 2) ** 2 + math.cos(low) * math.cos(high) * math.sin((east - west) / 2) ** 2
    return 2 * _EARTH_METRES * math.asin(min(1.0, math.sqrt(half)))
