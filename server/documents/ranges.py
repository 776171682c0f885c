"""The Range header for bytes (RFC 9110 section 14): one range is answered in part, anything else as if it had not been asked."""

from __future__ import annotations

import re
from typing import Final

_ONE: Final = re.compile(r"\s*bytes\s*=\s*(\d{0,999})\s*-\s*(\d{0,999})\s*\Z", re.IGNORECASE)


class UnsatisfiableError(Exception):
    """The range lies outside of the content."""


def asked_range(value: str | None, size: int) -> tuple[int, int] | None:
    """(start, end), end excluded; None for no range, several, or what is none. Raises UnsatisfiableError."""
    match = _ONE.match(value) if value is not None and value.isascii() else None
    if match is None or match[1] == match[2] == "":
        return None
    if not match[1]:
        length = min(int(match[2]), size)
        if not length:
            raise UnsatisfiableError
        return size - length, size
    start = int(match[1])
    if match[2] and int(match[2]) < start:
        return None
    if start >= size:
        raise UnsatisfiableError
    return start, min(int(match[2]) + 1, size) if match[2] else size
