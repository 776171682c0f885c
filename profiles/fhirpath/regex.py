"""Regular expressions that anybody may send: matched by RE2, in time linear in the text (FHIRPath 2.0 5.6, matches()).

RE2 has no backreferences and no look-around: a pattern with either is refused, as is one whose automaton would be too large.
Patterns are in single-line mode (a dot matches a line end), case-sensitive and of Unicode characters.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import import_module
from typing import Any, Final

from profiles.fhirpath.errors import EVALUATION, FhirPathError

_MEMORY: Final = 4 << 20
_LONGEST: Final = 2000
_GROUP: Final = re.compile(r"\$(?:\$|\{(?P<name>\w+)\}|(?P<number>[0-9]))")
_UNICODE_ESCAPE: Final = re.compile(r"\\u([0-9A-Fa-f]{4})")
_UNKNOWN: Final = re.compile(r"\\([/\"'`\-@#%&~=:;,<>! ])")
"""Escapes of plain characters, which other dialects allow and RE2 may not."""


@lru_cache(maxsize=512)
def _compiled(pattern: str, flags: str) -> Any:
    re2 = import_module("re2")
    options = re2.Options()
    options.log_errors = False
    options.dot_nl = True
    options.max_mem = _MEMORY
    options.case_sensitive = "i" not in flags
    source = _UNICODE_ESCAPE.sub(r"\\x{\1}", _UNKNOWN.sub(lambda m: re.escape(m[1]), pattern))
    try:
        return re2.compile(f"(?m){source}" if "m" in flags else source, options)
    except re2.error:
        return None


def _pattern(pattern: str, flags: str, position: int) -> Any:
    if len(pattern) > _LONGEST:
        raise FhirPathError(EVALUATION, f"The regular expression is longer than {_LONGEST} characters.", position)
    if not set(flags) <= set("im"):
        raise FhirPathError(EVALUATION, "The flags of a regular expression are `i` and `m`.", position)
    compiled = _compiled(whole_text(pattern), flags)
    if compiled is None:
        message = (
            "The regular expression is malformed or too large, or uses what cannot be matched in linear time "
            "(backreferences, look-ahead, look-behind)."
        )
        raise FhirPathError(EVALUATION, message, position)
    return compiled


def whole_text(text: str) -> str:
    """The text with pairs of surrogates joined, and lone halves, which have no UTF-8, replaced."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def found(pattern: str, text: str, flags: str, position: int) -> bool:
    """Whether the pattern matches some part of the text. Raises FhirPathError (fhirpath-evaluation)."""
    return _pattern(pattern, flags, position).search(whole_text(text)) is not None


def matched_fully(pattern: str, text: str, flags: str, position: int) -> bool:
    """Whether the pattern matches the whole text."""
    return _pattern(pattern, flags, position).fullmatch(whole_text(text)) is not None


def replaced(pattern: str, text: str, substitution: str, flags: str, position: int) -> str:
    """All matches replaced; `$1` and `${name}` in the substitution stand for what a group matched. An empty pattern does nothing."""
    if not pattern:
        return text
    compiled, text, substitution = _pattern(pattern, flags, position), whole_text(text), whole_text(substitution)
    names = dict(compiled.groupindex)

    def group(match: Any, reference: re.Match[str]) -> str:
        key: str | int | None = reference["name"] if reference["name"] is not None else reference["number"]
        if key is None:
            return "$"
        number = int(key) if str(key).isdigit() else names.get(str(key), -1)
        return (match.group(number) or "") if 0 <= number <= compiled.groups else reference[0]

    if "$" not in substitution:
        return str(compiled.sub(lambda match: substitution, text))
    return str(compiled.sub(lambda match: _GROUP.sub(lambda reference: group(match, reference), substitution), text))
