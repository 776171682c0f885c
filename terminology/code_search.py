"""Finding codes by what a person types: the start of a code, words in any order, words begun and words misspelt.

Ours; no specification covers it. An index is made once per code system (`CodeIndex`); a query reads the posting lists of
its words. One wrong, missing, extra or swapped letter is forgiven in a word of four letters or more, two from eight on.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from heapq import nsmallest
from typing import Final, NamedTuple, TypeAlias

from terminology.code_system import CodeSystem

_WORD: Final = re.compile(r"[^\W_]+")
_LONGEST: Final = 200
_MOST_WORDS: Final = 12
_FORGIVING: Final = 4
_MORE_FORGIVING: Final = 8
_FREQUENT: Final = 1000
Rows: TypeAlias = "array[int] | frozenset[int]"


def words_of(name: str) -> list[str]:
    """The words of a name, without case and accents."""
    plain = (
        name if name.isascii() else "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    )
    return _WORD.findall(plain.casefold())


def matches_words(wanted: str, names: Iterable[str]) -> bool:
    """Whether every word of `wanted` starts a word of one of the names, or the code (the first name) starts with all of it."""
    names = list(names)
    query = wanted[:_LONGEST]
    if names and names[0].casefold().startswith(query.casefold()):
        return True
    asked = words_of(query)
    have = [word for name in names for word in words_of(name)]
    return bool(asked) and all(any(word.startswith(one) for word in have) for one in asked)


@dataclass(frozen=True, slots=True)
class Hit:
    """A code that was found. Lower `cost` is better: 0 for the code itself or for words as they were typed."""

    code: str
    display: str | None
    cost: int


class CodeIndex:
    """Words to rows of one code system. Takes some seconds for a hundred thousand codes, and then answers in milliseconds."""

    def __init__(self, system: CodeSystem) -> None:
        self._system = system
        found: dict[str, list[int]] = {}
        for row, display in enumerate(system.displays):
            names = [display or "", *(one.value for one in system.designations.get(row, ()))]
            for word in dict.fromkeys(word for name in names for word in words_of(name)):
                found.setdefault(word, []).append(row)
        self._words = sorted(found)
        self._rows = [_container(found[word]) for word in self._words]
        self._rank = array("I", bytes(4 * len(system.codes)))
        for rank, row in enumerate(sorted(range(len(system.codes)), key=lambda row: len(system.displays[row] or ""))):
            self._rank[row] = rank
        self._codes = sorted((code.casefold(), row) for row, code in enumerate(system.codes))
        self._near: dict[str, list[int]] = {}
        for place, word in enumerate(self._words):
            for key in _keys(word):
                self._near.setdefault(key, []).append(place)

    def search(self, wanted: str, most: int = 20) -> list[Hit]:
        """The best codes: those that start so, then those with all the words, shorter names first."""
        system = self._system
        return [Hit(system.codes[row], system.displays[row], cost) for row, cost in self.rows(wanted, most)]

    def rows(self, wanted: str, most: int) -> list[tuple[int, int]]:
        """The same as positions, each with its cost."""
        query = wanted[:_LONGEST].strip()
        costs: dict[int, int] = {}
        for row in self._starting(query.casefold(), most):
            costs[row] = 0
        asked = words_of(query)[:_MOST_WORDS]
        if asked and len(costs) < most:
            for row, cost in self._with_words(asked).items():
                costs.setdefault(row, cost + 1)
        rank, step = self._rank, len(self._rank)
        best = nsmallest(most, costs, key=lambda row: costs[row] * step + rank[row])
        return [(row, costs[row]) for row in best]

    def _starting(self, start: str, most: int) -> list[int]:
        if not start:
            return []
        first = bisect_left(self._codes, (start, -1))
        return [row for code, row in self._codes[first : first + most] if code.startswith(start)]

    def _with_words(self, asked: Sequence[str]) -> dict[int, int]:
        """Rows that have every word, with the sum of what each cost."""
        found = sorted((self._of_word(word) for word in asked), key=lambda parts: sum(len(part.rows) for part in parts))
        common: dict[int, int] = {}
        for cost, rows in reversed(found[0]):
            common.update(dict.fromkeys(rows, cost))
        for parts in found[1:]:
            costs = [(part.cost, part.rows if isinstance(part.rows, frozenset) else frozenset(part.rows)) for part in parts]
            common = {
                row: cost + more
                for row, cost in common.items()
                if (more := next((extra for extra, rows in costs if row in rows), None)) is not None
            }
        return common

    def _of_word(self, word: str) -> list[_Part]:
        """Rows with the word (cost 0), with one that it begins (1), or that is like it where there is none (2 and 3)."""
        first = bisect_left(self._words, word)
        exact: list[_Part] = []
        begun: set[int] = set()
        for place in range(first, len(self._words)):
            if not self._words[place].startswith(word):
                break
            if self._words[place] == word:
                exact.append(_Part(0, self._rows[place]))
            else:
                begun.update(self._rows[place])
        if exact or begun:
            return [*exact, _Part(1, frozenset(begun))]
        return self._like(word)

    def _like(self, word: str) -> list[_Part]:
        if len(word) < _FORGIVING:
            return []
        allowed = 1 if len(word) < _MORE_FORGIVING else 2
        found: dict[int, set[int]] = {}
        for place in {place for key in _keys(word) for place in self._near.get(key, ())}:
            far = distance(word, self._words[place], allowed)
            if far <= allowed:
                found.setdefault(far, set()).update(self._rows[place])
        return [_Part(far + 1, frozenset(found[far])) for far in sorted(found)]


@lru_cache(maxsize=4)
def index_of(system: CodeSystem) -> CodeIndex:
    """The index of a code system, kept for the next query."""
    return CodeIndex(system)


class _Part(NamedTuple):
    cost: int
    rows: Rows


def _container(rows: list[int]) -> Rows:
    """Rows that many names share are kept ready for intersecting; the rest are kept small."""
    return frozenset(rows) if len(rows) > _FREQUENT else array("I", rows)


def _keys(word: str) -> set[str]:
    """The ends of a word: one that is misspelt has one of its ends right, as a rule."""
    return {f"<{word[:2]}", f">{word[-3:]}"} if len(word) >= _FORGIVING else set()


def distance(one: str, other: str, most: int) -> int:
    """Letters to change, add, leave out or swap with the next; anything above `most` may come back as `most + 1`."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
        before, last = last, row
    return last[-1]
