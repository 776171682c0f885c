"""What string parameters look at, and the terms it is found by (FHIR R4 3.1.1.4.6; words inside a string count as well).

A word is found by its first letters: `p` and one or three of them, for parts of an address by one length alone. A query is
looked up by the longest length that it reaches and checked on the decrypted hit; one that reaches none is left to the check.
Each length is a key in the database for every word of every name, and addresses have many words.

A text of many words (the description of a definition) is under the one term `o`, which every search of such a parameter asks
for too, and is found by the check. So no text, however long, costs more than `MAX_TERMS` keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from profiles.search_parameters import Value
from profiles.text import normalize

LENGTHS: Final = (1, 3)
"""Of names, titles and descriptions."""

_OF_ADDRESSES: Final = {
    "address": (3,),
    "address-city": (3,),
    "address-country": (2,),
    "address-postalcode": (4,),
    "address-state": (2,),
}

MAX_TERMS: Final = 16
OVERFULL: Final = "o"
_SHORT: Final = frozenset({"name", "family", "given", *_OF_ADDRESSES})
"""Parameters of names and addresses, whose texts are never too long."""

_NAME_PARTS: Final = ("text", "family", "given", "prefix", "suffix")
_ADDRESS_PARTS: Final = ("text", "line", "city", "district", "state", "postalCode", "country")

Test = Callable[[Iterable[str]], bool]


def strings(value: Value, without: frozenset[str] = frozenset()) -> Iterator[str]:
    """The strings that a string parameter searches in a value; each part of a name or address counts by itself.

    `without`: parts that others look at.
    """
    data = value.value
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for part in _NAME_PARTS if value.kind == "HumanName" else _ADDRESS_PARTS:
            content = data.get(part) if part not in without else None
            for item in content if isinstance(content, list) else (content,):
                if isinstance(item, str):
                    yield item


def string_terms(code: str, text: str) -> frozenset[str]:
    """Words inside a string count too: "de la Cruz" is found by "cruz"."""
    normalized = normalize(text)
    lengths = _OF_ADDRESSES.get(code, LENGTHS)
    return frozenset(
        f"p{word[:length]}" for word in (normalized, *normalized.split()) for length in lengths if len(word) >= length
    )


def bounded(code: str, terms: set[str]) -> set[str]:
    """The terms of all texts of a parameter, or what stands for too many."""
    return {OVERFULL} if len(terms) > MAX_TERMS and code not in _SHORT else terms


def asked_terms(code: str, query: str) -> set[str]:
    """What a normalized query string is looked up by; empty when it is too short for that."""
    fitting = [size for size in _OF_ADDRESSES.get(code, LENGTHS) if size <= len(query)]
    if not fitting:
        return set()
    found = {f"p{query[: max(fitting)]}"}
    return found if code in _SHORT else found | {OVERFULL}


def is_certain(code: str, query: str) -> bool:
    """Whether all that is found by `asked_terms` matches."""
    return code in _SHORT and len(query) in _OF_ADDRESSES.get(code, LENGTHS)


def begins_with(queries: Iterable[str]) -> Test:
    """Whether some text, or a word in it, begins with one of the normalized queries."""
    starts = tuple(queries)

    def test(texts: Iterable[str]) -> bool:
        for text in texts:
            normalized = normalize(text)
            if normalized.startswith(starts) or any(word.startswith(starts) for word in normalized.split()):
                return True
        return False

    return test


def is_one_of(queries: Iterable[str]) -> Test:
    """Whether some text is exactly one of these."""
    wanted = frozenset(queries)
    return lambda texts: not wanted.isdisjoint(texts)
