"""The words of an expression (FHIRPath 2.0 chapter 8, "Lexical Elements")."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from profiles.fhirpath.errors import SYNTAX, FhirPathError

_DATE: Final = r"[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?"
_CLOCK: Final = r"[0-9]{2}(?::[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)?"
_ZONE: Final = r"(?:Z|[+-][0-9]{2}:[0-9]{2})"

_TOKEN: Final = re.compile(
    rf"""
      (?P<space>[ \t\r\n]+|//[^\r\n]*|/\*(?:[^*]|\*(?!/))*\*/)
    | (?P<time>@T{_CLOCK})
    | (?P<datetime>@{_DATE}T(?:{_CLOCK}{_ZONE}?)?)
    | (?P<date>@{_DATE})
    | (?P<number>[0-9]+\.[0-9]+|[0-9]+L?)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<quoted>`(?:[^`\\]|\\.)*`)
    | (?P<string>'(?:[^'\\]|\\.)*')
    | (?P<variable>\$(?:this|index|total)\b)
    | (?P<constant>%(?:[A-Za-z_][A-Za-z0-9_]*|`(?:[^`\\]|\\.)*`|'(?:[^'\\]|\\.)*'))
    | (?P<symbol><=|>=|!=|!~|[-+*/&|<>=~.,()\[\]{{}}])
    """,
    re.VERBOSE | re.DOTALL,
)

_ESCAPE: Final = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "r": "\r", "t": "\t", "f": "\f"}
_SURROGATES: Final = re.compile("([\ud800-\udbff])([\udc00-\udfff])")


class Token(NamedTuple):
    """`kind`: date, datetime, time, number, name, quoted, string, variable, constant, symbol or end.

    `text` of a quoted name or string has no quotes and no escapes; that of a constant keeps its `%`.
    """

    kind: str
    text: str
    position: int


def tokenize(text: str) -> list[Token]:
    """The tokens of an expression, the last of kind "end". Raises FhirPathError (fhirpath-syntax)."""
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise FhirPathError(SYNTAX, _what_is_wrong(text, position), position)
        kind = match.lastgroup
        if kind != "space":
            tokens.append(Token(kind, _content(kind, match.group(), position), position))
        position = match.end()
    tokens.append(Token("end", "", len(text)))
    return tokens


def _what_is_wrong(text: str, position: int) -> str:
    if text.startswith("/*", position):
        return "A comment is not closed."
    if text[position] in "'`" or text[position : position + 2] in {"%'", "%`"}:
        return "A quoted text is not closed."
    return "A character does not belong to FHIRPath."


def _content(kind: str, raw: str, position: int) -> str:
    if kind in {"quoted", "string"}:
        return _unescape(raw[1:-1], position)
    if kind == "constant" and raw[1] in "`'":
        return "%" + _unescape(raw[2:-1], position)
    return raw


def _unescape(text: str, position: int) -> str:
    """Undo escapes; a backslash before anything else is dropped, and a surrogate pair becomes the one character it means."""
    if "\\" not in text:
        return text
    plain = _ESCAPE.sub(lambda m: chr(int(m[1], 16)) if m[1] else _ESCAPED.get(m[2], m[2]), text)
    whole = _SURROGATES.sub(lambda m: chr(0x10000 + (ord(m[1]) - 0xD800) * 0x400 + ord(m[2]) - 0xDC00), plain)
    if any("\ud800" <= character <= "\udfff" for character in whole):
        raise FhirPathError(SYNTAX, "A \\u escape is one half of a surrogate pair without the other.", position)
    return whole
