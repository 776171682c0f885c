"""Regular expressions of value set filters: matched by RE2, in time linear in the text (FHIR R4 filter-operator `regex`).

RE2 has no backreferences and no look-around; a pattern that needs them is refused, as one whose automaton grows too large.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import Any, Final

_MEMORY: Final = 4 << 20
_LONGEST: Final = 2000


class PatternError(ValueError):
    """The pattern cannot be matched in linear time, is malformed, or is too long."""


@lru_cache(maxsize=256)
def compiled(pattern: str) -> Any:
    """An RE2 pattern; use its `fullmatch`. Raises PatternError."""
    if len(pattern) > _LONGEST:
        raise PatternError(f"The regular expression is longer than {_LONGEST} characters.")
    re2 = import_module("re2")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        words = "The regular expression is malformed or too large, or needs look-around or backreferences."
        raise PatternError(words) from error
