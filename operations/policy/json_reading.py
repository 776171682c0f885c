"""Looking into resources whose shape nobody has vouched for: what is not there, or of another type, reads as absent."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date
from typing import Final

from profiles.json import Json, Resource

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def objects(value: Json) -> list[Resource]:
    """The objects in a list; anything else reads as none."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def part(value: Json, *path: str) -> Json:
    """The value at a path of keys, or None as soon as something on the way is no object."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def day_of(value: Json) -> date | None:
    """The day of a FHIR date or dateTime that has one."""
    if isinstance(value, str) and (match := _DAY.match(value)):
        with suppress(ValueError):
            return date.fromisoformat(match.group())
    return None
