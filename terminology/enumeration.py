"""The codes of a value set, in order, each once: the part of an expansion before anybody says how it is to be shown.

FHIR R4 ValueSet.compose and `$expand`. Filters that the hierarchy answers are listed from there; the number of rows looked
at is bounded, so that no definition can hold a server.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, overload

from terminology import messages
from terminology.code_search import index_of
from terminology.code_system import CodeSystem
from terminology.elements import Resource
from terminology.filters import Filter
from terminology.issues import TerminologyError
from terminology.membership import in_exclude, member
from terminology.session import Session
from terminology.value_set import Rule, ValueSet, is_all

MOST_ROWS: Final = 1_000_000
"""Rows that one expansion may look at."""
_LARGE: Final = 2000
_MOST_HITS: Final = 1000
"""Codes of one large system that a search finds, the best first."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A code of an expansion. `system` None: the value set lists it, and its code system is not here."""

    url: str
    version: str | None
    code: str
    system: CodeSystem | None
    row: int
    element: Resource | None
    searched: bool = False
    """It was found by the text that the caller searches for."""


@dataclass(slots=True)
class Enumeration:
    """Collects entries. `used`: the code systems that were read; `sets`: the value sets that were imported."""

    session: Session
    wanted: str | None = None
    """Text to search for; large code systems are then read through their index (code_search.py)."""
    used: dict[str, CodeSystem] = field(default_factory=dict)
    unknown: dict[str, None] = field(default_factory=dict)
    sets: dict[str, ValueSet] = field(default_factory=dict)
    across_versions: bool = False
    """Codes of one version were excluded by rules that name another."""
    looked: int = 0
    _listed: dict[int, tuple[ValueSet, list[Entry]]] = field(default_factory=dict)

    def entries(self, value_set: ValueSet) -> list[Entry]:
        """The codes of a value set. Raises TerminologyError: content that is not here, a version not allowed, too much.

        A set that is imported on many ways is listed once.
        """
        known = self._listed.get(id(value_set))
        if known is None:
            known = self._listed[id(value_set)] = (value_set, self._entries(value_set))
        return known[1]

    def _entries(self, value_set: ValueSet) -> list[Entry]:
        found: dict[tuple[str, str | None, str], Entry] = {}
        for rule in value_set.includes:
            for entry in self._included(value_set, rule):
                found.setdefault((entry.url, entry.version, entry.code), entry)
        excluded = [self._excluded(value_set, rule) for rule in value_set.excludes]
        kept = (entry for entry in found.values() if not any(one(entry) for one in excluded))
        if value_set.inactive is False:
            kept = (entry for entry in kept if entry.system is None or not entry.system.inactive(entry.row))
        return list(kept)

    def whole(self, value_set: ValueSet) -> Sequence[Entry] | None:
        """The codes of a set that is all of a code system, none of which is made before it is wanted; None for other sets."""
        rules = value_set.includes
        if self.wanted is not None or value_set.excludes or value_set.inactive is False or len(rules) != 1:
            return None
        (rule,) = rules
        if rule.system is None or not is_all(rule):
            return None
        choice = self.session.choose(rule.system, rule.version)
        if choice.system is None or choice.refused is not None:
            return None
        self.used[choice.system.canonical] = choice.system
        return _All(choice.system)

    def _look(self, count: int = 1) -> None:
        self.looked += count
        if self.looked > MOST_ROWS:
            raise messages.too_costly("The expansion would look at more codes than the server allows.")

    def _included(self, value_set: ValueSet, rule: Rule) -> Iterator[Entry]:
        if rule.system is None:
            yield from self._imported(value_set, rule)
            return
        choice = self.session.choose(rule.system, rule.version)
        if choice.refused is not None and choice.system is not None:
            issue = messages.version_not_allowed(rule.system, choice.system.version or "", choice.refused, None)
            raise TerminologyError(issue)
        if choice.system is None:
            yield from self._listed_alone(rule, choice.wanted)
            return
        sets = [self._set(canonical, value_set) for canonical in rule.value_sets]
        for entry in self._of_system(rule, choice.system):
            if all(_in(self.session, other, entry) for other in sets):
                yield entry

    def _listed_alone(self, rule: Rule, wanted: str | None) -> Iterator[Entry]:
        """Codes that a value set lists itself can be shown without their code system."""
        assert rule.system is not None
        versions = self.session.versions(rule.system)
        if rule.concepts is None or versions:
            raise messages.not_expandable(rule.system, wanted if versions else None, versions)
        self.unknown[rule.system] = None
        for code, element in rule.concepts.items():
            yield Entry(rule.system, rule.version, code, None, -1, element)

    def _of_system(self, rule: Rule, system: CodeSystem) -> Iterator[Entry]:
        if rule.concepts is not None:
            for code, element in rule.concepts.items():
                self._look()
                row = system.find(code)
                if row is not None:
                    self.used[system.canonical] = system
                    yield Entry(system.url, system.version, system.codes[row], system, row, element)
            return
        self.used[system.canonical] = system
        searching = self.wanted is not None and len(system.codes) >= _LARGE
        rows, filters = _rows(rule.filters, system)
        if searching:
            rows, filters = (row for row, _ in index_of(system).hits(self.wanted or "")), rule.filters
        for row in islice(self._passing(filters, system, rows), _MOST_HITS if searching else None):
            yield Entry(system.url, system.version, system.codes[row], system, row, None, searching)

    def _passing(self, filters: Sequence[Filter], system: CodeSystem, rows: Iterable[int]) -> Iterator[int]:
        for row in rows:
            self._look()
            if all(one.contains(system, row) for one in filters):
                yield row

    def _imported(self, value_set: ValueSet, rule: Rule) -> Iterator[Entry]:
        sets = [self._set(canonical, value_set) for canonical in rule.value_sets]
        if not sets:
            return
        for entry in self.entries(sets[0]):
            self._look()
            if all(_in(self.session, other, entry) for other in sets[1:]):
                yield entry

    def _excluded(self, value_set: ValueSet, rule: Rule) -> _Exclusion:
        for canonical in rule.value_sets:
            self._set(canonical, value_set)
        if rule.system is not None:
            system = self.session.choose(rule.system, rule.version).system
            if system is not None:
                included = {one.version for one in self.used.values() if one.url == system.url}
                self.across_versions = self.across_versions or bool(included and system.version not in included)
                self.used[system.canonical] = system
        return _Exclusion(self.session, value_set, rule)

    def _set(self, canonical: str, holder: ValueSet) -> ValueSet:
        found = self.session.value_set(canonical, holder)
        if found is None:
            named = self.session.named(canonical)
            pinned = self.session.question.versions.value_sets.get(canonical)
            issue = (
                messages.unknown_value_set(named)
                if pinned is None
                else messages.pinned_value_set_missing(canonical, pinned)
            )
            raise TerminologyError(issue, 404)
        if not canonical.startswith("#"):
            self.sets[found.canonical] = found
        return found


@dataclass(frozen=True, slots=True)
class _All(Sequence[Entry]):
    """Every code of a system, in the order of the definition."""

    system: CodeSystem

    def __len__(self) -> int:
        return len(self.system.codes)

    @overload
    def __getitem__(self, place: int) -> Entry: ...
    @overload
    def __getitem__(self, place: slice) -> list[Entry]: ...
    def __getitem__(self, place: int | slice) -> Entry | list[Entry]:
        if isinstance(place, slice):
            return [self[row] for row in range(*place.indices(len(self)))]
        system = self.system
        return Entry(system.url, system.version, system.codes[place], system, place, None)


@dataclass(frozen=True, slots=True)
class _Exclusion:
    session: Session
    value_set: ValueSet
    rule: Rule

    def __call__(self, entry: Entry) -> bool:
        if entry.system is not None:
            return in_exclude(self.session, self.value_set, self.rule, entry.system, entry.row)
        listed = self.rule.concepts
        return self.rule.system == entry.url and listed is not None and entry.code in listed


def _in(session: Session, value_set: ValueSet, entry: Entry) -> bool:
    return entry.system is not None and member(session, value_set, entry.system, entry.row) is not None


def _rows(filters: Sequence[Filter], system: CodeSystem) -> tuple[Iterable[int], Sequence[Filter]]:
    """Rows to look at, those of the filter that names the fewest, or all; and the filters that are still to be asked."""
    best: Sequence[int] | None = None
    answered: Filter | None = None
    for one in filters:
        found = one.candidates(system)
        if found is not None:
            rows = list(found)
            if best is None or len(rows) < len(best):
                best, answered = rows, one if one.names_exactly() else None
    left = [one for one in filters if one is not answered]
    return (range(len(system.codes)), filters) if best is None else (best, left)
