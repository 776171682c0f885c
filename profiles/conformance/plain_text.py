"""Texts that look like HTML, for callers who show them to people without escaping (FHIR R4 security.html#narrative).

Off unless the caller asks for it: `<` is a character like others in a string. Narratives are held by the structural check.
"""

from __future__ import annotations

import re
from typing import Final

from profiles.conformance.context import Context, Item
from profiles.json import Json
from profiles.validation.run import Path

_TAG: Final = re.compile(r"</?[A-Za-z][^<>]*>|<(?:script|iframe|object|img)\b", re.IGNORECASE)


def check_plain_text(item: Item, context: Context) -> None:
    """Find the texts of a resource, outside of its narratives, that hold what looks like a tag."""
    waiting: list[tuple[Json, Path]] = [(item.value, item.path)]
    while waiting:
        value, path = waiting.pop()
        if isinstance(value, dict):
            waiting += [(each, (path, name, -1)) for name, each in value.items() if name != "div"]
        elif isinstance(value, list):
            above, name, _ = path
            waiting += [(each, (above, name, index)) for index, each in enumerate(value)]
        elif isinstance(value, str) and "<" in value and _TAG.search(value):
            context.add("primitive-format", "The text holds what looks like an HTML tag.", path)
