"""Finding codes by what a person types: the start of a code, words in any order, words begun and words misspelt.

Ours; no specification covers it. An index is made once per code system (`CodeIndex`); a query reads the posting lists of
its words. One wrong, missing, extra or swapped letter is forgiven in a word of four letters or more, two from eight on.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, islice
from typing import Final

from terminology.code_system import CodeSystem

_WORD: Final = re.compile(r"[^\W_]+")
_LONGEST: Final = 200
_MOST_WORDS: Final = 12
_FORGIVING: Final = 4
_MORE_FORGIVING: Final = 8
_FREQUENT: Final = 1000
"""Codes: sets of so many are made beforehand."""
_LONGEST_START: Final = 32
_AFTER_ALL: Final = "\U0010ffff"
_BITS: Final = tuple(tuple(bit for bit in range(8) if byte >> bit & 1) for byte in range(256))
_SOME_BIT: Final = re.compile(rb"[^\x00]")


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
    """Words to codes of one system. Takes a second for a hundred thousand codes, and then answers in milliseconds.

    Codes are numbered by the length of their names, shorter ones first, and sets of codes are integers with a bit for each:
    to have all words of a query is an `&`, and the lowest bits are the best hits.
    """

    def __init__(self, system: CodeSystem) -> None:
        self._system = system
        displays = system.displays
        self._rows = array("I", sorted(range(len(displays)), key=lambda row: len(displays[row] or "")))
        found: dict[str, array[int]] = {}
        for rank, row in enumerate(self._rows):
            names = [displays[row] or "", *(one.value for one in system.designations.get(row, ()))]
            for word in dict.fromkeys(word for name in names for word in words_of(name)):
                found.setdefault(word, array("I")).append(rank)
        self._words = sorted(found)
        self._ranks = [found[word] for word in self._words]
        self._sums = array("Q", accumulate(map(len, self._ranks), initial=0))
        self._whole = {word: self._set([ranks]) for word, ranks in found.items() if len(ranks) > _FREQUENT}
        """Sets of the codes that have a common word itself."""
        self._common: dict[str, int] = {}
        """Sets of the codes with a word that starts so, for starts that many codes have."""
        self._collect(0, len(self._words), "")
        self._codes = sorted((system.codes[row].casefold(), rank) for rank, row in enumerate(self._rows))
        self._letters = array("Q", map(_letters, self._words))
        self._near: dict[str, list[int]] = {}
        for place, word in enumerate(self._words):
            for key in _keys(word):
                self._near.setdefault(key, []).append(place)

    def search(self, wanted: str, most: int = 20) -> list[Hit]:
        """The best codes: those that start so, in their order, then those with all the words, shorter names first."""
        system = self._system
        return [Hit(system.codes[row], system.displays[row], cost) for row, cost in self.rows(wanted, most)]

    def rows(self, wanted: str, most: int) -> list[tuple[int, int]]:
        """The same as positions, each with its cost."""
        return list(islice(self.hits(wanted), most))

    def hits(self, wanted: str) -> Iterator[tuple[int, int]]:
        """All of them, the best first: codes that start so in their order."""
        query = wanted[:_LONGEST].strip()
        start = query.casefold()
        seen: set[int] = set()
        for place in range(bisect_left(self._codes, (start, -1)), len(self._codes) if start else 0):
            code, rank = self._codes[place]
            if not code.startswith(start):
                break
            seen.add(rank)
            yield self._rows[rank], 0
        asked = words_of(query)[:_MOST_WORDS]
        cheaper = 0
        for cost, members in enumerate(self._with_words(asked) if asked else (), 1):
            for rank in _lowest(members & ~cheaper, len(self._rows)):
                if rank not in seen:
                    yield self._rows[rank], cost
            cheaper |= members

    def _with_words(self, asked: Sequence[str]) -> list[int]:
        """The codes that have every word, by the sum of what each cost; the dearer sets may hold cheaper codes as well."""
        sums = [-1]
        for word in asked:
            parts = self._of_word(word)
            if not parts:
                return []
            grown = [0] * (len(sums) + max(parts))
            for before, members in enumerate(sums):
                for cost, having in parts.items():
                    grown[before + cost] |= members & having
            sums = grown
        return sums

    def _of_word(self, word: str) -> dict[int, int]:
        """By cost: codes with the word (0), with one that it begins (1), or that is like it where there is none (2 and 3)."""
        first = bisect_left(self._words, word)
        last = bisect_left(self._words, word + _AFTER_ALL, first)
        if first == last:
            return self._like(word)
        exact = self._having(first) if self._words[first] == word else 0
        begun = self._common.get(word)
        return {0: exact, 1: self._set(self._ranks[first:last]) if begun is None else begun}

    def _having(self, place: int) -> int:
        whole = self._whole.get(self._words[place])
        return self._set([self._ranks[place]]) if whole is None else whole

    def _set(self, parts: Iterable[array[int]]) -> int:
        bits = bytearray(len(self._rows) // 8 + 1)
        for ranks in parts:
            for rank in ranks:
                bits[rank >> 3] |= 1 << (rank & 7)
        return int.from_bytes(bits, "little")

    def _collect(self, first: int, last: int, start: str) -> int:
        """The set of all words from `first` to `last`, which start so; kept where there are many, and those of longer starts."""
        if self._sums[last] - self._sums[first] <= _FREQUENT or len(start) >= _LONGEST_START:
            return self._set(self._ranks[first:last])
        members, place = 0, first
        if self._words[place] == start:
            members, place = self._having(place), place + 1
        while place < last:
            longer = self._words[place][: len(start) + 1]
            end = bisect_left(self._words, longer + _AFTER_ALL, place)
            members |= self._collect(place, end, longer)
            place = end
        if start:
            self._common[start] = members
        return members

    def _like(self, word: str) -> dict[int, int]:
        if len(word) < _FORGIVING:
            return {}
        allowed = 1 if len(word) < _MORE_FORGIVING else 2
        letters = _letters(word)
        found: dict[int, list[array[int]]] = {}
        for place in {place for key in _keys(word) for place in self._near.get(key, ())}:
            if (letters ^ self._letters[place]).bit_count() <= 2 * allowed:
                far = distance(word, self._words[place], allowed)
                if far <= allowed:
                    found.setdefault(far, []).append(self._ranks[place])
        return {far + 1: self._set(parts) for far, parts in found.items()}


@lru_cache(maxsize=4)
def index_of(system: CodeSystem) -> CodeIndex:
    """The index of a code system, kept for the next query."""
    return CodeIndex(system)


def _lowest(members: int, count: int) -> Iterator[int]:
    """The bits of a set, lowest first."""
    for found in _SOME_BIT.finditer(members.to_bytes(count // 8 + 1, "little")):
        place, byte = found.start() * 8, found.group()[0]
        for bit in _BITS[byte]:
            yield place + bit


def _letters(word: str) -> int:
    """Which letters a word has, a bit for each: one wrong letter changes two bits at most."""
    bits = 0
    for letter in word:
        bits |= 1 << (ord(letter) & 63)
    return bits


def _keys(word: str) -> set[str]:
    """The ends of a word: one that is misspelt has one of its ends right, as a rule."""
    if len(word) < _FORGIVING:
        return set()
    return {f"<{word[:2]}", f">{word[-3:]}", f"{word[0]}|{word[-1]}"}


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
