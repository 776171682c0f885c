"""Criteria on strings (R4 search 3.1.1.4.6): the beginning of a text or of a word in it, `:exact`, `:contains`, `:text`.

Case, accents and white space do not count, but for `:exact`. The index has the beginnings of words; what it cannot tell is
left to a look at each hit. `phonetic` parameters go by American Soundex (the National Archives' rules), word by word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from profiles.outcome import refuse
from profiles.search_parameters import Value
from profiles.text import normalize
from server.seal.blind_index import BlindIndex
from server.search.leaf import Leaf, terms_of
from server.search.overlap import asked_codes
from server.search.registry import PHONETIC
from server.search.soundex import soundex
from server.search.strings import asked_terms, begins_with, is_certain, is_one_of, strings
from server.search.tree import Criterion
from server.search.values import unescape
from server.store.algebra import AnyOf

_NAMES: Final = "name"
"""The parameter whose entries a phonetic one goes by."""

Holds = Callable[[str, str], bool]
_LOOKS: Final[Mapping[str, Holds]] = {
    "contains": lambda text, query: query in text,
    "text": lambda text, query: all(any(word.startswith(part) for word in text.split()) for part in query.split()),
    "eq": lambda text, query: text == query,
    "ne": lambda text, query: text != query,
    "sw": lambda text, query: text.startswith(query),
    "ew": lambda text, query: text.endswith(query),
}
"""Whether a normalized text meets a normalized query, by modifier; those of two letters are operators of `_filter`."""

_FROM_THE_START: Final = frozenset({"eq", "sw"})


def string_leaf(type_: str, criterion: Criterion, index: BlindIndex) -> Leaf:
    """Raises FhirError (400) for values without anything to look for."""
    code = criterion.code
    values = [unescape(value) for value in criterion.values]
    queries = [normalize(value) for value in values]
    if criterion.modifier != "exact" and not all(queries):
        raise refuse("parameter-value", f"{code} needs at least one letter or digit.", f"http.{code}")
    if code == PHONETIC:
        return _phonetic(type_, queries, index)
    fits = _fits(criterion.modifier, values, queries)
    if criterion.modifier in _LOOKS and criterion.modifier not in _FROM_THE_START:
        return Leaf((), False, fits)
    codes = asked_codes(type_, code)
    found = {(name, query): asked_terms(name, query) for name in codes for query in queries}
    if not all(found.values()):
        return Leaf((), False, fits)
    terms = {index.term(type_, name, text) for (name, _), texts in found.items() for text in texts}
    certain = criterion.modifier is None and all(is_certain(name, query) for name, query in found)
    return Leaf((AnyOf(tuple(sorted(terms))),), certain, fits, frozenset({code}))


def _fits(modifier: str | None, values: Sequence[str], queries: Sequence[str]) -> Callable[[Sequence[Value]], bool]:
    look = _LOOKS.get(modifier or "")
    if look is None:
        test = is_one_of(values) if modifier == "exact" else begins_with(queries)
        return lambda found: any(test(strings(value)) for value in found)

    def fits(found: Sequence[Value]) -> bool:
        texts = [normalize(text) for value in found for text in strings(value)]
        return any(look(text, query) for text in texts for query in queries)

    return fits


def _phonetic(type_: str, queries: Sequence[str], index: BlindIndex) -> Leaf:
    """Every word of a query sounds like some word of one name."""
    wanted = [{soundex(word) for word in query.split()} for query in queries]
    if not all(all(sounds) for sounds in wanted):
        raise refuse("parameter-value", "phonetic takes words of the letters A to Z.", "http.phonetic")
    letters = {f"p{min(filter(None, sounds))[0].lower()}" for sounds in wanted}

    def fits(found: Sequence[Value]) -> bool:
        for value in found:
            sounds = {soundex(word) for text in strings(value) for word in normalize(text).split()}
            if any(query <= sounds for query in wanted):
                return True
        return False

    return Leaf((terms_of(index, type_, asked_codes(type_, _NAMES), letters),), False, fits, frozenset({_NAMES}))
