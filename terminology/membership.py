"""Whether one code is in a value set, without expanding it: rule by rule, import by import.

FHIR R4 ValueSet.compose: a code is in the set when some include has it and no exclude does; within a rule, everything named
must hold. Callers make sure first (Session.imports) that imports exist and do not go in circles.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from terminology.code_system import CodeSystem
from terminology.elements import Resource
from terminology.session import Choice, Session
from terminology.value_set import Rule, ValueSet

_MOST_REMEMBERED: Final = 50_000


@dataclass(frozen=True, slots=True)
class Member:
    """A code that is in a value set. `entry`: the value set's own words about it, where it lists the code."""

    entry: Resource | None
    holder: ValueSet


@dataclass(frozen=True, slots=True)
class Place:
    """A rule that speaks of a code system, and the version chosen for it."""

    rule: Rule
    choice: Choice


def places(session: Session, value_set: ValueSet, url: str, given: str | None) -> Iterator[Place]:
    """The including rules for a code system, in the set itself and in those it imports."""
    for rule in _rules(session, value_set, {}):
        if rule.system == url:
            yield Place(rule, session.choose(url, rule.version, given))


def systems_of(session: Session, value_set: ValueSet) -> list[str]:
    """The URLs of the code systems that a value set includes codes of, each once."""
    return list(dict.fromkeys(rule.system for rule in _rules(session, value_set, {}) if rule.system is not None))


def _rules(session: Session, value_set: ValueSet, seen: dict[int, ValueSet]) -> Iterator[Rule]:
    """The including rules that name a code system, of the set and of those it imports, each set once."""
    seen[id(value_set)] = value_set
    for rule in value_set.includes:
        if rule.system is not None:
            yield rule
            continue
        for canonical in rule.value_sets:
            other = session.value_set(canonical, value_set)
            if other is not None and id(other) not in seen:
                yield from _rules(session, other, seen)


def member(session: Session, value_set: ValueSet, system: CodeSystem, row: int) -> Member | None:
    """The row's membership. Whether inactive codes are allowed is the caller's to ask, for the set itself."""
    for rule in value_set.includes:
        found = in_rule(session, value_set, rule, system, row)
        if found is not None:
            if any(in_exclude(session, value_set, other, system, row) for other in value_set.excludes):
                return None
            return found
    return None


def in_exclude(session: Session, value_set: ValueSet, rule: Rule, system: CodeSystem, row: int) -> bool:
    """Whether an excluding rule takes a row out. A code is excluded in every version, whichever the rule names."""
    if rule.system == system.url and rule.version is not None:
        named = session.choose(rule.system, rule.version).system
        other = named.find(system.codes[row]) if named is not None else None
        if named is None or other is None:
            return False
        system, row = named, other
    return in_rule(session, value_set, rule, system, row) is not None


def in_rule(session: Session, value_set: ValueSet, rule: Rule, system: CodeSystem, row: int) -> Member | None:
    """The row's membership in one rule."""
    entry: Resource | None = None
    if rule.system is not None:
        if rule.system != system.url or not _of_version(session, rule, system):
            return None
        if rule.concepts is not None:
            entry = rule.listed(system.codes[row], case_sensitive=system.case_sensitive)
            if entry is None:
                return None
        elif not all(one.contains(system, row) for one in rule.filters):
            return None
    elif not rule.value_sets:
        return None
    for canonical in rule.value_sets:
        other = session.value_set(canonical, value_set)
        found = _imported(session, other, system, row) if other is not None else None
        if found is None or (other is not None and other.inactive is False and system.inactive(row)):
            return None
        entry = entry if entry is not None else found.entry
    return Member(entry, value_set)


def _imported(session: Session, value_set: ValueSet, system: CodeSystem, row: int) -> Member | None:
    """As `member`; asked once of each set, on however many ways it is imported."""
    key = (id(value_set), id(system), row)
    if key not in session.members:
        if len(session.members) >= _MOST_REMEMBERED:
            session.members.clear()
        session.members[key] = (value_set, member(session, value_set, system, row))
    return session.members[key][1]


def _of_version(session: Session, rule: Rule, system: CodeSystem) -> bool:
    if rule.version is None and not session.question.versions.force:
        return True
    chosen = session.choose(system.url, rule.version, system.version).system
    return chosen is not None and chosen.version == system.version
