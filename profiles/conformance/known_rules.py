"""Two invariants that FHIRPath computes the long way and everybody meets: told by their text, held by a few lines of Python.

Only "surely holds" is said here, as in plain_rules.py; anything else is left to the engine. A test holds them to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from profiles.json import Json, Resource

Holds = Callable[[Json, Resource], bool]

_ODD: Final = "0246813579"
"""By a digit of an odd place: the cross sum of its double, for the formula of Luhn."""
_PREFIX_SUM: Final = 24
"""What the prefix 80840 of an NPI adds to the sum of its digits."""


def _npi(value: Json, resource: Resource) -> bool:
    """US Core us-core-17: the last of the ten digits of an NPI is its check digit."""
    text = value.get("value") if type(value) is dict and "_value" not in value else None
    if type(text) is not str or len(text) != 10 or not text.isascii() or not text.isdigit():
        return False
    total = sum(int(_ODD[int(digit)]) for digit in text[::2]) + sum(map(int, text[1::2]))
    return (total + _PREFIX_SUM) % 10 == 0


def _one_of_each(value: Json, resource: Resource) -> bool:
    """R4 bdl-7: no fullUrl twice, but for other versions. Sure where all are told, and no resource tells a version."""
    entries = value.get("entry") if type(value) is dict else None
    if type(entries) is not list:
        return False
    urls: set[str] = set()
    for entry in entries:
        url = entry.get("fullUrl") if type(entry) is dict and "_fullUrl" not in entry else None
        if type(url) is not str or _tells_version(entry.get("resource", _NOTHING)):
            return False
        urls.add(url)
    return len(urls) == len(entries)


_NOTHING: Final[Resource] = {}


def _tells_version(resource: Json) -> bool:
    meta = resource.get("meta", _NOTHING) if type(resource) is dict else None
    return type(meta) is not dict or "versionId" in meta or "_versionId" in meta


KNOWN: Final[Mapping[str, Holds]] = {"3bf26c9a6bca50b5": _one_of_each, "6a740f88df7e0292": _npi}
"""By the BLAKE2b digest (8 bytes) of the expression's text, so that another wording is another rule."""
