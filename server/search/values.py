"""How the values of a search parameter are written: alternatives, parts and escapes (R4 search 3.1.1.4.0.1)."""

from __future__ import annotations

import re
from typing import Final

_ESCAPE: Final = re.compile(r"\\([,$|\\])")


def split_escaped(value: str, separator: str = ",") -> list[str]:
    """Split at unescaped separators; the parts keep their escapes, so that they can be split again (`unescape`)."""
    if "\\" not in value:
        return value.split(separator)
    parts, start, position = [], 0, 0
    while position < len(value):
        if value[position] == "\\":
            position += 2
            continue
        if value[position] == separator:
            parts.append(value[start:position])
            start = position + 1
        position += 1
    return [*parts, value[start:]]


def escape(text: str) -> str:
    """A text as one value, whatever is in it: undone by `unescape`."""
    for sign in "\\,$|":
        text = text.replace(sign, f"\\{sign}")
    return text


def unescape(text: str) -> str:
    """Undo `\\,`, `\\$`, `\\|` and `\\\\` (R4 search 3.1.1.4.0.1); any other backslash stays."""
    return _ESCAPE.sub(r"\1", text) if "\\" in text else text
