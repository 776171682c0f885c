"""Patterns written for reading: a space stands for one to four blanks, so that wrapped and padded text is found as well."""

from __future__ import annotations

import re
from typing import Final

_LOOK_BEHIND: Final = re.compile(r"(\(\?<[!=][^()]*\))")


def either(*alternatives: str) -> str:
    """A group of alternatives, one a line where a pattern is long."""
    return f"(?:{'|'.join(alternatives)})"


def rx(pattern: str) -> re.Pattern[str]:
    """Compile a pattern for lower-case text. A literal space matches one to four blanks, ` ?` none to four.

    Spaces in look-behinds stay single; a class must not hold a literal space.
    """
    parts = _LOOK_BEHIND.split(pattern)
    widened = [
        part if index % 2 else part.replace(" ?", "\0").replace(" ", " {1,4}").replace("\0", " {0,4}")
        for index, part in enumerate(parts)
    ]
    return re.compile("".join(widened))
