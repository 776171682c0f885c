"""Copies of resources with other references in them."""

from __future__ import annotations

from collections.abc import Callable
from operator import is_not

from profiles.json import Json, Resource


def rewritten(resource: Resource, name: Callable[[str], str], *, in_bundles: bool = False) -> Resource:
    """A copy in which every literal reference is what `name` makes of it. It shares with `resource` what does not change.

    Bundles inside stay as they are, unless `in_bundles`.
    """
    return {key: _rewritten(value, name, in_bundles) for key, value in resource.items()}


def _rewritten(value: Json, name: Callable[[str], str], in_bundles: bool) -> Json:
    """`value` itself where it holds no reference."""
    if isinstance(value, dict):
        if not in_bundles and value.get("resourceType") == "Bundle":
            return value
        changed = {
            key: new
            for key, each in value.items()
            if isinstance(each, (dict, list)) and (new := _rewritten(each, name, in_bundles)) is not each
        }
        literal = value.get("reference")
        if isinstance(literal, str):
            changed["reference"] = name(literal)
        return {**value, **changed} if changed else value
    if isinstance(value, list):
        items = [_rewritten(each, name, in_bundles) if isinstance(each, (dict, list)) else each for each in value]
        return items if any(map(is_not, items, value)) else value
    return value
