"""Filters (RFC 7644 section 3.4.2.2): read once into a small tree, within bounds of length, depth and size, and asked of resources.

Names of attributes and operators are read in any case. A filter that names what there is not, or that nobody may see, is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from profiles import json
from server.scim.errors import ScimError
from server.scim.schema import Attribute, Content, Target, find_attribute, home, values

LONGEST: Final = 2000
MOST_DEPTH: Final = 10
MOST_TERMS: Final = 40
_TOKEN: Final = re.compile(
    r'\s*(?:(?P<mark>[()\[\]])|(?P<text>"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9A-Fa-f]{4})*")|(?P<word>[A-Za-z0-9$_:.+-]+))'
)
_COMPARISONS: Final = frozenset({"eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"})
_OF_TEXT: Final = frozenset({"co", "sw", "ew"})


@dataclass(frozen=True, slots=True)
class Compare:
    """`value` is a text, a truth value, a moment, or None (no value)."""

    target: Target
    operator: str
    value: Any


@dataclass(frozen=True, slots=True)
class Present:
    target: Target


@dataclass(frozen=True, slots=True)
class Within:
    """Whether one and the same value of an attribute with several meets all of a filter on its parts."""

    attribute: Attribute
    inner: Filter


@dataclass(frozen=True, slots=True)
class Not:
    inner: Filter


@dataclass(frozen=True, slots=True)
class Joined:
    """`all` of them (and), or any (or)."""

    all: bool
    terms: tuple[Filter, ...]


Filter = Compare | Present | Within | Not | Joined


def parse_filter(text: str, of: Attribute | None = None) -> Filter:
    """`of`: the attribute whose parts are meant, where the filter stands in brackets behind it. Raises ScimError (invalidFilter)."""
    if len(text) > LONGEST:
        raise _bad(f"A filter has at most {LONGEST} characters.")
    parser = _Parser(list(_tokens(text)))
    found = parser.either(of, 0)
    if parser.next() != ("end", ""):
        raise _bad("The filter goes on behind its end.")
    return found


def matches(condition: Filter, content: Content) -> bool:
    """Whether a resource, as it is told, meets the filter."""
    if isinstance(condition, Joined):
        meets = (matches(term, content) for term in condition.terms)
        return all(meets) if condition.all else any(meets)
    if isinstance(condition, Not):
        return not matches(condition.inner, content)
    if isinstance(condition, Within):
        found = home(content, condition.attribute).get(condition.attribute.name)
        items = found if isinstance(found, list) else [found]
        return any(isinstance(item, dict) and matches(condition.inner, item) for item in items)
    found = list(values(content, condition.target))
    if isinstance(condition, Present):
        return any(value not in ("", [], {}) for value in found)
    return _compare(condition, found)


def _compare(condition: Compare, found: list[Any]) -> bool:
    leaf, operator, wanted = condition.target.leaf, condition.operator, condition.value
    if wanted is None or not found:
        return (operator == "eq") == (wanted is None and not found) if operator in {"eq", "ne"} else False
    test = _TESTS[operator]
    return any(test(comparable(leaf, value), comparable(leaf, wanted)) for value in found)


def comparable(leaf: Attribute, value: Any) -> Any:
    """A value as it is compared and sorted: texts without case where theirs means nothing, moments as moments."""
    if leaf.type == "dateTime":
        return value if isinstance(value, datetime) else _moment(str(value))
    return value.casefold() if isinstance(value, str) and not leaf.case_exact else value


_TESTS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "eq": lambda have, want: have == want,
    "ne": lambda have, want: have != want,
    "co": lambda have, want: want in have,
    "sw": lambda have, want: have.startswith(want),
    "ew": lambda have, want: have.endswith(want),
    "gt": lambda have, want: have > want,
    "ge": lambda have, want: have >= want,
    "lt": lambda have, want: have < want,
    "le": lambda have, want: have <= want,
}

_Token = tuple[Literal["mark", "text", "word", "end"], str]


def _tokens(text: str) -> Iterator[_Token]:
    place = 0
    text = text.rstrip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise _bad("The filter has a character, or a text without its end, that no filter has.")
        kind = match.lastgroup
        yield ("mark" if kind == "mark" else "text" if kind == "text" else "word"), match[kind or 0]
        place = match.end()


class _Parser:
    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._place = 0
        self._terms = 0

    def next(self) -> _Token:
        self._place += 1
        return self._tokens[self._place - 1] if self._place <= len(self._tokens) else ("end", "")

    def _is_next(self, kind: str, value: str) -> bool:
        """Takes it when it is."""
        if self._place < len(self._tokens):
            found = self._tokens[self._place]
            if found[0] == kind and found[1].lower() == value:
                self._place += 1
                return True
        return False

    def either(self, of: Attribute | None, depth: int) -> Filter:
        terms = [self._both(of, depth)]
        while self._is_next("word", "or"):
            terms.append(self._both(of, depth))
        return terms[0] if len(terms) == 1 else Joined(False, tuple(terms))

    def _both(self, of: Attribute | None, depth: int) -> Filter:
        terms = [self._term(of, depth)]
        while self._is_next("word", "and"):
            terms.append(self._term(of, depth))
        return terms[0] if len(terms) == 1 else Joined(True, tuple(terms))

    def _term(self, of: Attribute | None, depth: int) -> Filter:
        self._terms += 1
        if depth >= MOST_DEPTH or self._terms > MOST_TERMS:
            raise _bad(f"A filter has at most {MOST_TERMS} terms, {MOST_DEPTH} deep.")
        if self._is_next("mark", "("):
            return self._closed(of, depth, ")")
        kind, word = self.next()
        if kind != "word":
            raise _bad("The filter lacks an attribute where one belongs.")
        if word.lower() == "not" and self._is_next("mark", "("):
            return Not(self._closed(of, depth, ")"))
        target = _target(word, of)
        if self._is_next("mark", "["):
            if not target.attribute.parts or target.part is not None or of is not None:
                raise _bad("Brackets stand behind an attribute that has parts.")
            return Within(target.attribute, self._closed(target.attribute, depth, "]"))
        return self._comparison(target)

    def _closed(self, of: Attribute | None, depth: int, end: str) -> Filter:
        inner = self.either(of, depth + 1)
        if not self._is_next("mark", end):
            raise _bad("The filter lacks a closing bracket.")
        return inner

    def _comparison(self, target: Target) -> Filter:
        kind, word = self.next()
        operator = word.lower()
        if kind == "word" and operator == "pr":
            return Present(target)
        if kind != "word" or operator not in _COMPARISONS:
            raise _bad("The filter lacks an operator: eq, ne, co, sw, ew, gt, ge, lt, le or pr.")
        return Compare(target, operator, _value(target.leaf, operator, *self.next()))


def _target(word: str, of: Attribute | None) -> Target:
    if of is not None:
        part = of.part(word)
        target = None if part is None else Target(part)
    else:
        target = find_attribute(word)
    if target is None or target.leaf.returned == "never":
        raise _bad("The filter names an attribute that there is not.")
    return target


def _value(leaf: Attribute, operator: str, kind: str, text: str) -> Any:
    """What is compared with, of the kind that the attribute has."""
    if kind == "word" and text.lower() == "null" and operator in {"eq", "ne"}:
        return None
    if leaf.type == "complex":
        raise _bad(f"{leaf.name} has parts: name one of them.")
    if leaf.type == "boolean":
        if kind != "word" or text.lower() not in {"true", "false"} or operator not in {"eq", "ne"}:
            raise _bad(f"{leaf.name} is compared by eq or ne with true or false.")
        return text.lower() == "true"
    if kind != "text":
        raise _bad(f"{leaf.name} is compared with a text in quotation marks.")
    try:
        value = json.loads(text.encode())
    except (json.JsonError, UnicodeEncodeError) as error:
        raise _bad("A text of the filter is none of JSON.") from error
    if leaf.type != "dateTime":
        return value
    if operator in _OF_TEXT:
        raise _bad(f"{leaf.name} is a moment: it has no parts of a text.")
    try:
        return _moment(value)
    except ValueError as error:
        raise _bad(f"{leaf.name} is compared with a moment, such as 2026-01-31T12:00:00Z.") from error


def _moment(text: str) -> datetime:
    """Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment


def _bad(detail: str) -> ScimError:
    return ScimError(detail, "invalidFilter")
