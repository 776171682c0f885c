"""Contained resources: each must be referred to from the resource around it, or refer to it (FHIR R4 dom-3).

Done here and not by R4's FHIRPath, which knows no narratives: there too `#id` may stand, as the source of an image or a link.
"""

from __future__ import annotations

from profiles.conformance.context import Context, Item
from profiles.conformance.reading import places_of
from profiles.json import Json


def check_contained(item: Item, context: Context) -> None:
    """Check the contained resources of a resource, where it has some."""
    if "contained" not in item.value:
        return
    texts: set[str] = set()
    narratives: list[str] = []
    _collect(item.value, texts, narratives)
    for each, where in places_of(item.value, "contained", item.path):
        name = each.get("id")
        if not isinstance(name, str) or f"#{name}" in texts or any(f'"#{name}"' in text for text in narratives):
            continue
        own: set[str] = set()
        _collect(each, own, [])
        if "#" not in own:
            text = "A contained resource must be referred to from the resource that contains it."
            context.add("invariant", text, where, rule="dom-3")


def _collect(value: Json, texts: set[str], narratives: list[str]) -> None:
    """All texts that begin with `#`, and all narratives, of a resource and those it contains."""
    waiting: list[Json] = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
        elif isinstance(each, str):
            if each[:1] == "#":
                texts.add(each)
            elif each[:1] == "<":
                narratives.append(each)
