"""Resources with other references in them."""

from __future__ import annotations

from collections.abc import Callable

from profiles.json import Json, Resource


def rewritten(resource: Resource, name: Callable[[str], str], *, in_bundles: bool = False) -> Resource:
    """A resource in which every literal reference is what `name` makes of it.

    A dict of its own; below it, what did not change is shared with `resource`: put new values in, never change those inside.
    Bundles inside stay as they are, unless `in_bundles`.
    """
    return {key: _renamed(value, name, in_bundles) if _has_parts(value) else value for key, value in resource.items()}


def _has_parts(value: Json) -> bool:
    return type(value) is dict or type(value) is list


def _renamed(value: Json, name: Callable[[str], str], in_bundles: bool) -> Json:
    """The same object where nothing in it changed."""
    if type(value) is list:
        return _list(value, name, in_bundles)
    copy: Resource | None = None
    if not in_bundles and value.get("resourceType") == "Bundle":
        return value
    for key, each in value.items():
        kind = type(each)
        if kind is dict or kind is list:
            new = _renamed(each, name, in_bundles)
        elif key == "reference" and kind is str:
            new = name(each)
        else:
            continue
        if new is not each:
            copy = dict(value) if copy is None else copy
            copy[key] = new
    return value if copy is None else copy


def _list(values: list[Json], name: Callable[[str], str], in_bundles: bool) -> list[Json]:
    copy: list[Json] | None = None
    for index, each in enumerate(values):
        if type(each) is dict or type(each) is list:
            new = _renamed(each, name, in_bundles)
            if new is not each:
                copy = list(values) if copy is None else copy
                copy[index] = new
    return values if copy is None else copy
