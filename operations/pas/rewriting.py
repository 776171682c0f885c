"""Copies of resources with other references in them."""

from __future__ import annotations

from collections.abc import Callable

from profiles.json import Json, Resource


def rewritten(resource: Resource, name: Callable[[str], str], *, in_bundles: bool = False) -> Resource:
    """A deep copy in which every literal reference is what `name` makes of it.

    Bundles inside stay as they are, unless `in_bundles`.
    """
    return {key: _copied(value, name, in_bundles) for key, value in resource.items()}


def _copied(value: Json, name: Callable[[str], str], in_bundles: bool) -> Json:
    if isinstance(value, dict):
        if not in_bundles and value.get("resourceType") == "Bundle":
            return value
        copied = {key: _copied(each, name, in_bundles) for key, each in value.items()}
        literal = value.get("reference")
        if isinstance(literal, str):
            copied["reference"] = name(literal)
        return copied
    if isinstance(value, list):
        return [_copied(each, name, in_bundles) for each in value]
    return value
