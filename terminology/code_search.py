"""Finding codes by what a person types: the start of a code, words in any order, words begun and words misspelt.

Ours; no specification covers it. An index is made once per code system (`CodeIndex`); a query reads the posting lists of
its words. One wrong, missing, extra or swapped letter is forgiven in a word of four letters or more, two from eight on.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

_WORD: Final = re.compile(r"[^\W_]+")
_LONGEST: Final = 200


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
