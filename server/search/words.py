"""`_text` and `_content` (R4 search 3.1.1.4.16, 3.1.1.4.17): words in the narrative, or anywhere in a resource.

`(bone OR liver) and metastases`: words side by side must all be there, `or` and `not` and brackets say otherwise, and words in
quotation marks stand next to each other. A word is met by any word that begins with it; case and accents do not count.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from profiles.json import Json, Resource
from profiles.outcome import refuse
from profiles.reading import child
from profiles.text import normalize

LONGEST: Final = 1000
DEEPEST: Final = 10
MOST_WORDS: Final = 50

_SIGN: Final = re.compile(r'"[^"]*"|[()]|[^\s()"]+')

Look = Callable[[str], bool]
"""Whether a text, one space before each of its words, meets an expression."""


def text_matcher(values: tuple[str, ...], code: str) -> Callable[[Resource], bool]:
    """The test behind `_text` or `_content`. Raises FhirError (400) for what is no expression."""
    looks = [_Expression(value, code).read() for value in values]
    of = narrative if code == "_text" else content

    def test(resource: Resource) -> bool:
        text = f" {normalize(re.sub(_NO_WORD, ' ', of(resource)))}"
        return any(look(text) for look in looks)

    return test


_NO_WORD: Final = r"[^\w'’-]+"
"""What stands between words."""


def narrative(resource: Resource) -> str:
    """What a person reads of the generated or written text, without its marks."""
    div = child(resource, "text").get("div")
    return plain(div) if isinstance(div, str) else ""


def plain(xhtml: str) -> str:
    """XHTML without its tags; time grows with its length alone."""
    first, *rest = xhtml.split("<")
    return html.unescape(" ".join([first, *(part.partition(">")[2] for part in rest)]))


def content(resource: Resource) -> str:
    """Every string in a resource, with the narrative as it is read."""
    return " ".join([narrative(resource), *_strings({name: part for name, part in resource.items() if name != "text"})])


def _strings(data: Json) -> Iterator[str]:
    waiting: list[Json] = [data]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


@dataclass(slots=True)
class _Expression:
    """Reads one expression from left to right; `and` binds closer than `or`."""

    text: str
    code: str

    def read(self) -> Look:
        if len(self.text) > LONGEST:
            raise self._bad(f"is at most {LONGEST} characters long")
        signs = _SIGN.findall(self.text)
        if len(signs) > 2 * MOST_WORDS:
            raise self._bad(f"has at most {MOST_WORDS} words")
        look, rest = self._or(signs, 0)
        if rest:
            raise self._bad("has a bracket too many")
        return look

    def _or(self, signs: list[str], depth: int) -> tuple[Look, list[str]]:
        if depth > DEEPEST:
            raise self._bad(f"has at most {DEEPEST} brackets inside each other")
        ways: list[Look] = []
        while True:
            look, signs = self._and(signs, depth)
            ways.append(look)
            if not signs or signs[0].lower() != "or":
                return _any(ways), signs
            signs = signs[1:]

    def _and(self, signs: list[str], depth: int) -> tuple[Look, list[str]]:
        parts: list[Look] = []
        while signs and signs[0] != ")" and signs[0].lower() != "or":
            if signs[0].lower() == "and" and parts:
                signs = signs[1:]
            look, signs = self._one(signs, depth)
            parts.append(look)
        if not parts:
            raise self._bad("needs a word on each side of and, or, and in each bracket")
        return _all(parts), signs

    def _one(self, signs: list[str], depth: int) -> tuple[Look, list[str]]:
        if not signs or signs[0] == ")" or signs[0].lower() in {"and", "or"}:
            raise self._bad("needs a word on each side of and, or, and in each bracket")
        first, rest = signs[0], signs[1:]
        if first.lower() == "not":
            if depth > DEEPEST:
                raise self._bad(f"has at most {DEEPEST} nots after each other")
            look, rest = self._one(rest, depth + 1)
            return _none(look), rest
        if first == "(":
            look, rest = self._or(rest, depth + 1)
            if not rest:
                raise self._bad("has a bracket that is not closed")
            return look, rest[1:]
        words = normalize(re.sub(_NO_WORD, " ", first))
        if not any(letter.isalnum() for letter in words):
            raise self._bad("needs words of letters or digits")
        return _begins(f" {words}"), rest

    def _bad(self, words: str) -> Exception:
        return refuse("parameter-value", f"{self.code} {words}.", f"http.{self.code}")


def _begins(words: str) -> Look:
    return lambda text: words in text


def _all(parts: list[Look]) -> Look:
    return parts[0] if len(parts) == 1 else lambda text: all(part(text) for part in parts)


def _any(parts: list[Look]) -> Look:
    return parts[0] if len(parts) == 1 else lambda text: any(part(text) for part in parts)


def _none(part: Look) -> Look:
    return lambda text: not part(text)
