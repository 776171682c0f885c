"""Search parameters that look at the same values: each value is indexed once, under the narrowest of them.

`name` looks at what `family` and `given` look at too, `subject` at what `patient` does, `combo-code` at all of `code` and
`component-code` (FHIR R4, SearchParameter). Whatever the narrower ones, its parts, are found by is left out of the wider one's
entries, and a search by the wider one asks for its parts as well. Which are parts follows from the paths alone. Dates are not
shared, for each is a column of its own that can be sorted by.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from profiles.search_parameters import SearchParameter
from server.search.registry import indexed_parameters


@dataclass(frozen=True, slots=True)
class Part:
    """A narrower parameter. `target`: the only type of reference that it takes of the wider one's."""

    code: str
    target: str | None = None


@dataclass(frozen=True, slots=True)
class Shared:
    """What a parameter shares: its parts, the elements of names and addresses that are theirs, whether anything is left."""

    parts: tuple[Part, ...] = ()
    elements: frozenset[str] = frozenset()
    is_covered: bool = False

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(part.code for part in self.parts)


NOTHING: Final = Shared()

_OF_TARGET: Final = re.compile(r"\.where\(resolve\(\) is (\w+)\)")
_CONDITIONS: Final = re.compile(r"(?:\[\d+\]|\.where\((?:resolve\(\) is \w+|\w+='[^']*')\))+")
_ELEMENT: Final = re.compile(r"(?:\.\w+)+")
"""Forms of paths as profiles/search_steps.py writes them."""


@cache
def shared(type_: str) -> Mapping[str, Shared]:
    """By code, for the parameters that have parts."""
    parameters = indexed_parameters(type_)
    found = {code: _shared(wide, parameters.values()) for code, wide in parameters.items() if wide.type != "date"}
    return {code: entry for code, entry in found.items() if entry.parts}


def asked_codes(type_: str, code: str, target: str | None = None) -> tuple[str, ...]:
    """The parameters under which a value that `code` looks at may be indexed: itself and its parts.

    `target`: the type of a reference whose address tells it; such a reference is under the part for that type.
    """
    entry = shared(type_).get(code, NOTHING)
    if target is not None and (meant := tuple(part.code for part in entry.parts if part.target == target)):
        return meant
    parts = tuple(part.code for part in entry.parts if part.target is None or target is None)
    return parts if entry.is_covered else (code, *parts)


@cache
def narrow_first(type_: str) -> tuple[tuple[str, SearchParameter], ...]:
    """The parameters of a type, each after its parts; without those whose parts hold everything."""
    kept = [item for item in indexed_parameters(type_).items() if not shared(type_).get(item[0], NOTHING).is_covered]
    return tuple(sorted(kept, key=lambda item: len(shared(type_).get(item[0], NOTHING).parts)))


def _shared(wide: SearchParameter, all_: Iterable[SearchParameter]) -> Shared:
    parts: list[Part] = []
    elements: set[str] = set()
    covered: set[str] = set()
    for narrow in all_:
        rests = _rests(wide, narrow)
        if rests is None:
            continue
        targets = [found[1] for found in map(_OF_TARGET.fullmatch, rests) if found is not None]
        parts.append(Part(narrow.code, targets[0] if targets else None))
        elements |= {rest[1:] for rest in rests if _ELEMENT.fullmatch(rest)}
        covered |= set(narrow.paths)
    return Shared(tuple(parts), frozenset(elements), covered >= set(wide.paths))


def _rests(wide: SearchParameter, narrow: SearchParameter) -> set[str] | None:
    """What the narrow one's paths add to the wide one's: nothing, or a step or condition; None when it is no part.

    Of two that look at the very same, the first by name is the wide one.
    """
    if wide.code == narrow.code or wide.type != narrow.type:
        return None
    if set(wide.paths) == set(narrow.paths) and wide.code > narrow.code:
        return None
    rests: set[str] = set()
    for path in narrow.paths:
        added = [rest for start in wide.paths if (rest := _rest(start, path, wide.type)) is not None]
        if not added:
            return None
        rests.add(min(added, key=len))
    return rests


def _rest(start: str, path: str, type_: str) -> str | None:
    """What a path adds to another: nothing, conditions, or for strings an element of a name or address; None if it is anywhere else."""
    rest = path.removeprefix(start) if path.startswith(start) else None
    if not rest or _CONDITIONS.fullmatch(rest) or (type_ == "string" and _ELEMENT.fullmatch(rest)):
        return rest
    return None
