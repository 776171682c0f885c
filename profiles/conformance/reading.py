"""Small readers of JSON whose shape is not to be trusted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from profiles.json import Json, Resource
from profiles.validation.run import Path


def items_in(holder: Mapping[str, Any], name: str) -> list[Resource]:
    """The objects of a list member; empty where there is no list."""
    found = holder.get(name)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def places_of(holder: Mapping[str, Any], name: str, path: Path) -> Iterator[tuple[Resource, Path]]:
    """The objects of a list member with their places."""
    found = holder.get(name)
    for index, each in enumerate(found if isinstance(found, list) else []):
        if isinstance(each, dict):
            yield each, (path, name, index)


def extension_values(holder: Mapping[str, Any], url: str) -> list[Json]:
    """The values of the extensions with a URL."""
    found = [each for each in items_in(holder, "extension") if each.get("url") == url]
    return [value for each in found for key, value in each.items() if key.startswith("value")]


def extension_value(holder: Mapping[str, Any], url: str) -> Json:
    return next(iter(extension_values(holder, url)), None)
