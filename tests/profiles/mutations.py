"""Ways to break a resource: every place in it, and values that cannot stand there."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from profiles.json import ExactDecimal

Place = tuple[str | int, ...]


def places(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every value in a resource, and where."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*place, key), item
        if isinstance(item, dict | list):
            yield from places(item, (*place, key))


def changed(resource: Any, place: Place, value: Any) -> Any:
    copied = copy.deepcopy(resource)
    holder = copied
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = value
    return copied


def wrong_values(value: Any) -> list[Any]:
    """Values that cannot stand where `value` does."""
    if isinstance(value, bool):
        return ["true", 1, None, {}, [value]]
    if isinstance(value, int | ExactDecimal):
        return [str(value), True, None, {}, [value]]
    if isinstance(value, str):
        return [1, True, None, "", "\x00", {}, [value]]
    if isinstance(value, list):
        return [value[0], [], None, "x", {}]
    return ["x", 1, None, [], {}, [value]]


def dropped(resource: Any, place: Place) -> tuple[Any, Any]:
    """A copy without the property at `place`, and the object in it that held the property."""
    copied = copy.deepcopy(resource)
    holder = copied
    for step in place[:-1]:
        holder = holder[step]
    del holder[place[-1]]
    return copied, holder
