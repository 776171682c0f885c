"""Terminology by lists: R4's required value sets from our tables, and ValueSets and CodeSystems that can be enumerated.

The floor that a validation can stand on without a terminology server: what cannot be enumerated (filters, systems whose content
is not at hand) is answered with "not known", never with a guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from profiles.conformance.bindings import Membership
from profiles.conformance.definitions import Definitions
from profiles.json import Json, Resource
from profiles.structure import value_set as required_codes

_R4: Final = "http://hl7.org/fhir/ValueSet/"
_FORMS: Final = {f"{_R4}all-languages": re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")}
"""Value sets of more codes than anybody lists: by their form (language tags, BCP 47)."""
_DEEPEST: Final = 12
_LARGEST: Final = 200_000

Displays = str | tuple[str, ...]
"""The display of a code, empty where none is told; several where it has designations too, the display first."""
Codes = dict[str, dict[str, Displays]]
"""By system: the displays of each code."""


class CodeLists:
    """A Terminology over the definitions at hand. Lists are made when first asked for and kept."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._value_sets: dict[str, tuple[Codes, frozenset[str]] | None] = {}
        self._systems: dict[str, dict[str, Displays] | None] = {}

    def validate_code(self, value_set: str, system: str | None, code: str, display: str | None = None) -> Membership:
        """See Terminology."""
        form = _FORMS.get(value_set.partition("|")[0])
        if form is not None:
            return Membership(form.fullmatch(code) is not None)
        listed = self._listed(value_set, ())
        if listed is None:
            return Membership(None)
        codes, open_systems = listed
        systems = codes if system is None else [system]
        for each in systems:
            if code in codes.get(each, ()):
                return Membership(True, _wrong(display, codes[each][code]))
        unknown = bool(open_systems) if system is None else system in open_systems or "" in open_systems
        return Membership(None if unknown else False)

    def code_exists(self, system: str, code: str, display: str | None = None) -> Membership:
        """See Terminology."""
        codes = self._system(system)
        if codes is None:
            return Membership(None)
        return Membership(code in codes, _wrong(display, codes.get(code, "")))

    def _listed(self, canonical: str, above: tuple[str, ...]) -> tuple[Codes, frozenset[str]] | None:
        """The codes of a value set, and the systems of which it has more than is known (`""`: perhaps any).

        None for one that is not known, or comes back to itself. Only what is known is kept, so that nobody can fill the memory.
        """
        if canonical in self._value_sets:
            return self._value_sets[canonical]
        found = self._definitions.find("ValueSet", canonical)
        if found is None:
            url = canonical.partition("|")[0]
            codes = required_codes(url[len(_R4) :]) if url.startswith(_R4) else None
            return None if codes is None else ({s: dict.fromkeys(c, "") for s, c in codes.items()}, frozenset())
        if canonical in above or len(above) > _DEEPEST:
            return None
        listed = self._value_sets[canonical] = self._composed(found, (*above, canonical))
        return listed

    def _composed(self, value_set: Resource, above: tuple[str, ...]) -> tuple[Codes, frozenset[str]] | None:
        compose = value_set.get("compose")
        if not isinstance(compose, dict):
            return _expanded(value_set.get("expansion"))
        codes: Codes = {}
        unknown: set[str] = set()
        for part in _objects(compose.get("include")):
            included, missing = self._part(part, above)
            unknown |= missing
            for system, more in included.items():
                codes.setdefault(system, {}).update(more)
            if sum(map(len, codes.values())) > _LARGEST:
                return None
        for part in _objects(compose.get("exclude")):
            excluded, missing = self._part(part, above)
            if missing:
                return None
            for system, fewer in excluded.items():
                codes[system] = {code: text for code, text in codes.get(system, {}).items() if code not in fewer}
        return codes, frozenset(unknown)

    def _part(self, part: Resource, above: tuple[str, ...]) -> tuple[Codes, set[str]]:
        """The codes that one include names, and the systems of those that cannot be listed."""
        system = part.get("system")
        imported = [self._listed(str(each), above) for each in _list(part.get("valueSet"))]
        own: tuple[Codes, set[str]] | None = None
        if isinstance(system, str):
            own = self._of_system(system, part)
        if not imported:
            return own or ({}, {""})
        found = own
        for each in imported:
            listed: tuple[Codes, set[str]] = ({}, {""}) if each is None else (each[0], set(each[1]))
            found = listed if found is None else _both(found, listed)
        return found or ({}, {""})

    def _of_system(self, system: str, part: Resource) -> tuple[Codes, set[str]]:
        concepts = part.get("concept")
        if isinstance(concepts, list):
            known = self._system(system) or {}
            named = {str(c.get("code")): _displays(c) for c in _objects(concepts)}
            return {system: {code: _joined(text, known.get(code, "")) for code, text in named.items()}}, set()
        if part.get("filter"):
            return self._filtered(system, _objects(part["filter"]))
        all_codes = self._system(system)
        return ({}, {system}) if all_codes is None else ({system: all_codes}, set())

    def _filtered(self, system: str, filters: list[Resource]) -> tuple[Codes, set[str]]:
        """`concept is-a X` and `descendent-of X` by the hierarchy of the code system; nothing else can be listed."""
        definition = self._definitions.find("CodeSystem", system)
        if definition is None or self._system(system) is None:
            return {}, {system}
        codes = dict(self._system(system) or {})
        for each in filters:
            if each.get("property") != "concept" or each.get("op") not in ("is-a", "descendent-of"):
                return {}, {system}
            below = dict(_below(definition, str(each.get("value")), itself=each["op"] == "is-a"))
            codes = {code: text for code, text in codes.items() if code in below}
        return {system: codes}, set()

    def _system(self, system: str) -> dict[str, Displays] | None:
        if system in self._systems:
            return self._systems[system]
        found = self._definitions.find("CodeSystem", system)
        if found is None:
            return None
        whole = found.get("content") == "complete" and bool(found.get("concept"))
        codes = self._systems[system] = dict(_concepts(found)) if whole else None
        return codes


def _both(one: tuple[Codes, set[str]], other: tuple[Codes, set[str]]) -> tuple[Codes, set[str]]:
    """What two lists have in common; what only one of them can tell stays unknown."""
    codes = {s: {c: t for c, t in found.items() if c in other[0].get(s, ())} for s, found in one[0].items()}
    return codes, one[1] | other[1]


def _expanded(expansion: Json) -> tuple[Codes, frozenset[str]] | None:
    if not isinstance(expansion, dict):
        return None
    codes: Codes = {}
    waiting = _objects(expansion.get("contains"))
    while waiting:
        each = waiting.pop()
        waiting += _objects(each.get("contains"))
        codes.setdefault(str(each.get("system")), {})[str(each.get("code"))] = _displays(each)
    return codes, frozenset()


def _displays(concept: Resource) -> Displays:
    """The display of a concept and its designations (in other languages, or for other uses)."""
    display = str(concept.get("display") or "")
    others = [str(each["value"]) for each in _objects(concept.get("designation")) if isinstance(each.get("value"), str)]
    return (display, *others) if others else display


def _joined(one: Displays, other: Displays) -> Displays:
    """What two places say of the same code; the first is preferred."""
    both = [each for each in (*_each(one), *_each(other)) if each]
    return tuple(dict.fromkeys(both)) if len(set(both)) > 1 else both[0] if both else ""


def _each(displays: Displays) -> tuple[str, ...]:
    return (displays,) if isinstance(displays, str) else displays


def _concepts(holder: Mapping[str, Json]) -> Iterator[tuple[str, Displays]]:
    waiting = _objects(holder.get("concept"))
    while waiting:
        each = waiting.pop()
        waiting += _objects(each.get("concept"))
        yield str(each.get("code")), _displays(each)


def _below(holder: Mapping[str, Json], code: str, *, itself: bool) -> Iterator[tuple[str, Displays]]:
    waiting = _objects(holder.get("concept"))
    while waiting:
        each = waiting.pop()
        if each.get("code") == code:
            yield from _concepts(each)
            if itself:
                yield code, ""
        waiting += _objects(each.get("concept"))


def _wrong(display: str | None, right: Displays) -> str | None:
    """A right display, where the one that is given is none; without one that is known, nothing is wrong."""
    known = [each for each in _each(right) if each]
    if not display or not known or any(_plain(display) == _plain(each) for each in known):
        return None
    return known[0]


def _plain(text: str) -> str:
    return " ".join(text.lower().split())


def _objects(value: Json) -> list[Resource]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
