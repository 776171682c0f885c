"""`_filter` as text (R4 search_filter.html): comparisons of paths with values, joined by and, or, not and brackets.

`name co "pet" and (birthdate ge 2014 or not (gender eq female))`; `subject[gender eq male].name sw "pet"`. `and` and `or` are read
from left to right and neither goes before the other. What the names mean depends on the type (filter_tree.py).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final, Literal

from profiles.outcome import FhirError, refuse

LONGEST: Final = 4000
DEEPEST: Final = 10
MOST: Final = 50
"""Comparisons in one filter."""

_SPACE: Final = re.compile(r"\s*")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_TOKEN: Final = re.compile(r"[^\s)\]]+")

OPERATORS: Final = frozenset(
    {"ap", "co", "eb", "eq", "ew", "ge", "gt", "in", "le", "lt", "ne", "ni", "po", "pr", "re", "sa", "sb", "ss", "sw"}
)


@dataclass(frozen=True, slots=True)
class Step:
    """A parameter by name, and what is asked of the resource that it leads to."""

    name: str
    condition: Filter | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """`path operator value`; `value` without its quotation marks."""

    path: tuple[Step, ...]
    operator: str
    value: str


@dataclass(frozen=True, slots=True)
class Joined:
    join: Literal["and", "or", "not"]
    parts: tuple[Filter, ...]


Filter = Comparison | Joined


def read_filter(text: str) -> Filter:
    """Raises FhirError (400) that says where the text leaves the grammar."""
    if len(text) > LONGEST:
        raise refuse("search-too-costly", f"_filter is at most {LONGEST} characters long.", "http._filter")
    return _Reader(text).whole()


@dataclass(slots=True)
class _Reader:
    text: str
    place: int = 0
    comparisons: int = 0

    def whole(self) -> Filter:
        found = self._joined(0)
        if self.place < len(self.text):
            raise self._bad("and, or, or the end")
        return found

    def _joined(self, depth: int) -> Filter:
        if depth > DEEPEST:
            raise refuse("search-too-costly", f"_filter has at most {DEEPEST} brackets inside each other.", "http._filter")
        found = self._one(depth)
        while (join := self._word("and", "or")) is not None:
            found = Joined("and" if join == "and" else "or", (found, self._one(depth)))
        return found

    def _one(self, depth: int) -> Filter:
        start = self.place
        negated = self._word("not") is not None
        if self._sign("("):
            found = self._joined(depth + 1)
            self._need(")")
            return Joined("not", (found,)) if negated else found
        self.place = start
        return self._comparison(depth)

    def _comparison(self, depth: int) -> Filter:
        self.comparisons += 1
        if self.comparisons > MOST:
            raise refuse("search-too-costly", f"_filter has at most {MOST} comparisons.", "http._filter")
        path = self._path(depth)
        operator = self._match(_NAME)
        if operator not in OPERATORS:
            raise self._bad(f"an operator ({', '.join(sorted(OPERATORS))})")
        return Comparison(path, operator, self._value())

    def _path(self, depth: int) -> tuple[Step, ...]:
        steps: list[Step] = []
        while True:
            name = self._match(_NAME)
            if name is None:
                raise self._bad("the name of a search parameter")
            if self._sign("["):
                steps.append(Step(name, self._joined(depth + 1)))
                self._need("]")
                self._need(".")
            else:
                steps.append(Step(name))
                if not self.text.startswith(".", self.place):
                    return tuple(steps)
                self.place += 1

    def _value(self) -> str:
        quoted = self._match(_STRING)
        if quoted is None:
            token = self._match(_TOKEN)
            if token is None or token.startswith('"'):
                raise self._bad("a value")
            return token
        try:
            value: str = json.loads(quoted)
        except ValueError as error:
            raise self._bad("a JSON string") from error
        if not value:
            raise self._bad("a value")
        return value

    def _match(self, pattern: re.Pattern[str]) -> str | None:
        self._skip()
        found = pattern.match(self.text, self.place)
        if found is None:
            return None
        self.place = found.end()
        return found[0]

    def _word(self, *words: str) -> str | None:
        """One of these words, if it stands here and is not the beginning of another."""
        start = self.place
        found = self._match(_NAME)
        if found in words:
            return found
        self.place = start
        self._skip()
        return None

    def _sign(self, sign: str) -> bool:
        self._skip()
        if not self.text.startswith(sign, self.place):
            return False
        self.place += 1
        return True

    def _need(self, sign: str) -> None:
        if not self._sign(sign):
            raise self._bad(sign)

    def _skip(self) -> None:
        found = _SPACE.match(self.text, self.place)
        self.place = found.end() if found is not None else self.place

    def _bad(self, wanted: str) -> FhirError:
        return refuse("parameter-value", f"_filter needs {wanted} at character {self.place + 1}.", "http._filter")
