"""Functions of strings (FHIRPath 2.0 5.6 and the additional ones of 3.0). Positions count Unicode characters."""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
from typing import Any, Final

from profiles.fhirpath import regex
from profiles.fhirpath.arithmetic import checked_text
from profiles.fhirpath.compiled import BOOLEAN, INTEGER, STRING, Code, Static, scalar_code, values
from profiles.fhirpath.environment import Run
from profiles.fhirpath.errors import EVALUATION, LIMIT, FhirPathError
from profiles.fhirpath.functions.base import (
    Compiler,
    Function,
    scalar_argument,
    takes_text,
    text_argument,
    text_function,
    whole_argument,
)
from profiles.fhirpath.scope import Scope
from profiles.fhirpath.syntax import Call
from profiles.fhirpath.values import type_words

_SPACE: Final = " \t\r\n"
_STRINGS: Final = Static(frozenset({"System.String"}))


def _index_of(state: Run, position: int, text: str, part: Any) -> int:
    return text.find(text_argument(part, "indexOf", position))


def _last_index_of(state: Run, position: int, text: str, part: Any) -> int:
    return text.rfind(text_argument(part, "lastIndexOf", position))


def _substring(state: Run, position: int, text: str, start: Any, length: Any) -> str | None:
    first = whole_argument(start, "substring", position)
    if not 0 <= first < len(text):
        return None
    if length is None:
        return text[first:]
    return text[first : first + max(0, whole_argument(length, "substring", position))]


def _starts_with(state: Run, position: int, text: str, part: Any) -> bool:
    return text.startswith(text_argument(part, "startsWith", position))


def _ends_with(state: Run, position: int, text: str, part: Any) -> bool:
    return text.endswith(text_argument(part, "endsWith", position))


def _contains(state: Run, position: int, text: str, part: Any) -> bool:
    return text_argument(part, "contains", position) in text


def _replace(state: Run, position: int, text: str, old: Any, new: Any) -> str:
    pattern, substitution = text_argument(old, "replace", position), text_argument(new, "replace", position)
    longest = len(text) + (text.count(pattern) if pattern else len(text) + 1) * max(0, len(substitution) - len(pattern))
    if longest > state.limits.text:
        raise FhirPathError(LIMIT, f"The expression makes a string of more than {state.limits.text} characters.", position)
    return text.replace(pattern, substitution)


def _matches(state: Run, position: int, text: str, pattern: Any, flags: Any) -> bool:
    return regex.found(text_argument(pattern, "matches", position), text, _flags(flags, position), position)


def _matches_full(state: Run, position: int, text: str, pattern: Any, flags: Any) -> bool:
    return regex.matched_fully(text_argument(pattern, "matchesFull", position), text, _flags(flags, position), position)


def _replace_matches(state: Run, position: int, text: str, pattern: Any, new: Any, flags: Any) -> str:
    source, substitution = (
        text_argument(pattern, "replaceMatches", position),
        text_argument(new, "replaceMatches", position),
    )
    if (len(text) + 1) * (len(substitution) + 1) > 50 * state.limits.text:
        raise FhirPathError(LIMIT, "replaceMatches() could make too long a string.", position)
    return checked_text(state, regex.replaced(source, text, substitution, _flags(flags, position), position), position)


def _flags(flags: Any, position: int) -> str:
    return "" if flags is None else text_argument(flags, "matches", position)


def _to_chars(state: Run, position: int, text: str) -> list[str]:
    state.spend(len(text))
    return list(text)


def _split(state: Run, position: int, text: str, separator: Any) -> list[str]:
    by = text_argument(separator, "split", position)
    state.spend(text.count(by) + 1 if by else len(text))
    return text.split(by) if by else list(text)


def _encode(state: Run, position: int, text: str, format_: Any) -> str:
    data = text.encode("utf-8", "replace")
    match format_:
        case "hex":
            return checked_text(state, data.hex(), position)
        case "base64":
            return checked_text(state, base64.b64encode(data).decode(), position)
        case "urlbase64":
            return checked_text(state, base64.urlsafe_b64encode(data).decode(), position)
        case "ascii":
            return text.encode("ascii", "replace").decode()
    raise FhirPathError(EVALUATION, "encode() knows hex, base64, urlbase64 and ascii.", position)


def _decode(state: Run, position: int, text: str, format_: Any) -> str | None:
    try:
        match format_:
            case "hex":
                return bytes.fromhex(text).decode()
            case "base64":
                return base64.b64decode(text, validate=True).decode()
            case "urlbase64":
                return base64.b64decode(text, altchars=b"-_", validate=True).decode()
    except (ValueError, binascii.Error):
        return None
    raise FhirPathError(EVALUATION, "decode() knows hex, base64 and urlbase64.", position)


def _escape(state: Run, position: int, text: str, target: Any) -> str:
    match target:
        case "html":
            return checked_text(state, html.escape(text), position)
        case "json":
            return checked_text(state, json.dumps(text, ensure_ascii=False)[1:-1], position)
    raise FhirPathError(EVALUATION, "escape() knows html and json.", position)


_JSON_ESCAPE: Final = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_JSON_ESCAPED: Final = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "b": "\b"}


def _unescape(state: Run, position: int, text: str, target: Any) -> str:
    match target:
        case "html":
            return html.unescape(text)
        case "json":
            plain = _JSON_ESCAPE.sub(lambda m: chr(int(m[1], 16)) if m[1] else _JSON_ESCAPED.get(m[2], m[2]), text)
            return regex.whole_text(plain)
    raise FhirPathError(EVALUATION, "unescape() knows html and json.", position)


def _join(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
    run_values, separator, position = values(source), scalar_argument(compiler, call, 0, scope), call.position

    def scalar(state: Run, focus: Any) -> str | None:
        items = run_values(state, focus)
        by = separator(state, focus)
        for item in items:
            if type(item) is not str:
                raise FhirPathError(EVALUATION, f"join() is not for {type_words(item)}.", position)
        between = "" if by is None else text_argument(by, "join", position)
        state.spend(len(items))
        if sum(map(len, items)) + len(between) * len(items) > state.limits.text:
            raise FhirPathError(
                LIMIT, f"The expression makes a string of more than {state.limits.text} characters.", position
            )
        return between.join(items) if items else None

    return scalar_code(scalar, STRING)


FUNCTIONS: Final = {
    "indexOf": text_function(_index_of, 1, 1, INTEGER),
    "lastIndexOf": text_function(_last_index_of, 1, 1, INTEGER),
    "substring": text_function(_substring, 1, 2, STRING),
    "startsWith": text_function(_starts_with, 1, 1, BOOLEAN),
    "endsWith": text_function(_ends_with, 1, 1, BOOLEAN),
    "contains": text_function(_contains, 1, 1, BOOLEAN),
    "upper": text_function(lambda state, position, text: text.upper(), 0, 0, STRING),
    "lower": text_function(lambda state, position, text: text.lower(), 0, 0, STRING),
    "replace": text_function(_replace, 2, 2, STRING),
    "matches": text_function(_matches, 1, 2, BOOLEAN),
    "matchesFull": text_function(_matches_full, 1, 2, BOOLEAN),
    "replaceMatches": text_function(_replace_matches, 2, 3, STRING),
    "length": text_function(lambda state, position, text: len(text), 0, 0, INTEGER),
    "toChars": text_function(_to_chars, 0, 0, _STRINGS),
    "trim": text_function(lambda state, position, text: text.strip(_SPACE), 0, 0, STRING),
    "split": text_function(_split, 1, 1, _STRINGS),
    "encode": text_function(_encode, 1, 1, STRING),
    "decode": text_function(_decode, 1, 1, STRING),
    "escape": text_function(_escape, 1, 1, STRING),
    "unescape": text_function(_unescape, 1, 1, STRING),
    "join": Function(_join, 0, 1, takes_text),
}
