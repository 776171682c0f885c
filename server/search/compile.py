"""A tree of criteria becomes a plan of the store algebra, and tests for hits that a term may over-match.

What the caller may reach (server/access) comes first after the type; the tenant is in the keys of the terms. Compiling asks nobody:
links to other resources, and codes that a terminology must be asked for, have become plain criteria before (resolve.py).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from profiles.json import Resource
from profiles.outcome import refuse
from profiles.search_parameters import Value
from server.access.access import Access, Seen
from server.seal.blind_index import BlindIndex
from server.search.catalogue import NO_CODES, present, waiting_for
from server.search.compile_composite import composite_leaf
from server.search.compile_dates import date_leaf
from server.search.compile_numbers import number_leaf
from server.search.compile_references import reference_leaf, uri_leaf
from server.search.compile_strings import string_leaf
from server.search.compile_tokens import token_leaf
from server.search.index_entries import TYPE_TERM
from server.search.leaf import NOTHING, Fits, Leaf, alternatives
from server.search.near import near_leaf
from server.search.order import order_codes, order_of
from server.search.query import Query
from server.search.registry import WORDS, offered_parameters
from server.search.tree import All, Criterion, Node, Not, Some, asks_others
from server.search.words import text_matcher
from server.store.algebra import AnyInterval, AnyOf, Between, Clause, Either, NoneOf, Order

MAX_TERMS: Final = 2000
"""Terms that one search may ask the store for, all criteria together: more keep the store busy with planning alone."""
_INTERVAL_COST: Final = 4
"""A range costs the store as much as so many terms."""
_LOOK_COST: Final = 20
"""So much does a value that every candidate has to be opened for."""

_ALWAYS_THERE: Final = frozenset({"_id", "_lastUpdated"})

Test = Callable[[Resource], bool]

Link = Callable[[Seen], Awaitable[bool]]
"""Whether a version that was found is linked with other resources as it is asked for."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What a node of the tree comes to: `clauses` hold for all that meet it, and for nothing else where it `is_exact`.

    `test` is the whole truth of a resource. `codes`: the parameters that the clauses need the index of.
    """

    clauses: tuple[Clause, ...]
    is_exact: bool
    test: Test
    codes: frozenset[str] = frozenset()
    looks: int = 0
    """Values that the clauses say nothing of."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What criteria come to, without the type that they are about. `checks` are for hits that the clauses over-match."""

    clauses: tuple[Clause, ...]
    checks: tuple[Test, ...]
    codes: frozenset[str]
    test: Test
    """Whether a resource meets them all."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """What to ask the store, and what to ask of each decrypted hit. `codes`: the parameters that this needs the index of.

    `links` ask other resources of each hit. `test` is the whole truth about a resource, but for its links.
    `access` is what the clauses limit it to, and what every hit is to be held against once more.
    """

    clauses: tuple[Clause, ...]
    order: Order
    checks: tuple[Test, ...]
    codes: frozenset[str]
    access: Access
    test: Test
    links: tuple[Link, ...] = ()

    @property
    def is_exact(self) -> bool:
        """Whether the clauses alone tell what matches: then it can be counted unread."""
        return not self.checks and not self.links and self.access.is_exact


def compile_query(query: Query, index: BlindIndex, base_url: str, access: Access, links: tuple[Link, ...] = ()) -> Compiled:
    """Raises FhirError for values of the wrong form, and for criteria that ask others (resolve.py settles these before)."""
    type_clause = AnyOf((index.term(query.type, TYPE_TERM, ""),))
    sort = query.results.sort
    wanted = compile_wanted(query.type, query.where, index, base_url)
    codes = wanted.codes | order_codes(query.type, sort)
    clauses = (type_clause, *access.clauses(index), *wanted.clauses)
    order = order_of(query.type, sort, index)
    return Compiled(clauses, order, wanted.checks, access.codes | codes, access, wanted.test, links)


def compile_wanted(type_: str, where: All, index: BlindIndex, base_url: str) -> Wanted:
    """Raises FhirError for values of the wrong form, and for more of them than a search may have."""
    parts = [compile_node(type_, part, index, base_url) for part in where.parts]
    clauses: list[Clause] = []
    codes: set[str] = set()
    cost = 0
    for part in parts:
        clauses += part.clauses
        codes |= part.codes
        cost += _LOOK_COST * part.looks
        for clause in part.clauses:
            cost += _cost(clause)
    if cost > MAX_TERMS:
        raise refuse("search-too-costly", "The search has too many values in all; ask in several searches.")
    checks = tuple([part.test for part in parts if not part.is_exact])
    return Wanted(tuple(clauses), checks, frozenset(codes), lambda resource: all(part.test(resource) for part in parts))


def _cost(clause: Clause) -> int:
    """In terms that the store is asked for."""
    if isinstance(clause, AnyInterval):
        return len(clause.intervals) * _INTERVAL_COST
    if isinstance(clause, Either):
        return sum(_cost(part) for way in clause.ways for part in way)
    return 0 if isinstance(clause, Between) else len(clause.terms)


def compile_node(type_: str, node: Node, index: BlindIndex, base_url: str) -> Condition:
    """Raises FhirError for values of the wrong form."""
    if isinstance(node, Criterion) and not asks_others(node):
        return _criterion(type_, node, index, base_url)
    if isinstance(node, Not):
        return _not(type_, node.part, index, base_url)
    if not isinstance(node, All | Some):
        text = "Criteria that ask other resources, or a terminology, cannot be used here."
        raise refuse("not-supported", text, "http.query")
    parts = [compile_node(type_, part, index, base_url) for part in node.parts]
    tests = tuple(part.test for part in parts)
    codes, looks = frozenset[str]().union(*(part.codes for part in parts)), sum(part.looks for part in parts)
    exact = all(part.is_exact for part in parts)
    if isinstance(node, All):
        clauses = tuple(clause for part in parts for clause in part.clauses)
        return Condition(clauses, exact, lambda resource: all(test(resource) for test in tests), codes, looks)
    ways = alternatives([part.clauses for part in parts])
    return Condition(ways, exact, lambda resource: any(test(resource) for test in tests), codes, looks)


def _not(type_: str, node: Node, index: BlindIndex, base_url: str) -> Condition:
    """Inside, as far as it goes: what is said of parts can be said of terms."""
    if isinstance(node, Not):
        return compile_node(type_, node.part, index, base_url)
    if isinstance(node, All | Some):
        parts = tuple(Not(part) for part in node.parts)
        return compile_node(type_, Some(parts) if isinstance(node, All) else All(parts), index, base_url)
    condition = compile_node(type_, node, index, base_url)
    test = condition.test
    opposite = _opposite(condition)
    return Condition(opposite, bool(opposite), lambda resource: not test(resource), condition.codes, condition.looks)


def _opposite(condition: Condition) -> tuple[Clause, ...]:
    """The clause for all that one exact clause does not hold for, where the algebra has it."""
    if condition.is_exact and len(condition.clauses) == 1:
        (clause,) = condition.clauses
        if isinstance(clause, AnyOf):
            return (NoneOf(clause.terms),)
        if isinstance(clause, NoneOf):
            return (AnyOf(clause.terms),)
    return (NOTHING,) if condition.is_exact and not condition.clauses else ()


def _criterion(type_: str, criterion: Criterion, index: BlindIndex, base_url: str) -> Condition:
    if criterion.code in WORDS:
        return Condition((), False, text_matcher(criterion.values, criterion.code), looks=len(criterion.values))
    parameter = offered_parameters(type_)[criterion.code]
    extract = parameter.extract
    if criterion.modifier == "missing":
        return _missing(criterion, extract)
    leaf = _leaf(type_, criterion, index, base_url)
    if present().is_looked_at(type_, criterion.code):
        codes = frozenset({waiting_for(criterion.code)}) if present().is_pending(type_, criterion.code) else NO_CODES
        return Condition((), False, _fitting(leaf.fits, extract), codes, len(criterion.values))
    looks = len(criterion.values) if not leaf.clauses and criterion.modifier not in {None, "not"} else 0
    return Condition(leaf.clauses, leaf.is_exact, _fitting(leaf.fits, extract), leaf.codes, looks)


def _fitting(fits: Fits, extract: Callable[[Resource], list[Value]]) -> Test:
    return lambda resource: fits(extract(resource))


def _missing(criterion: Criterion, extract: Callable[[Resource], object]) -> Condition:
    """The index does not say what a resource has no value for: that would be an entry for every parameter that it has one for."""
    wanted = criterion.values == ("true",)
    if criterion.code in _ALWAYS_THERE:
        return Condition((NOTHING,) if wanted else (), True, lambda resource: not wanted)
    return Condition((), False, lambda resource: (not extract(resource)) == wanted)


def _leaf(type_: str, criterion: Criterion, index: BlindIndex, base_url: str) -> Leaf:
    parameter = offered_parameters(type_)[criterion.code]
    match criterion.type:
        case "string":
            return string_leaf(type_, criterion, index)
        case "token":
            return token_leaf(type_, criterion, parameter, index)
        case "date":
            return date_leaf(type_, criterion, index)
        case "number" | "quantity":
            return number_leaf(type_, criterion, index)
        case "reference":
            return reference_leaf(type_, criterion, index, base_url)
        case "composite":
            return composite_leaf(type_, criterion, parameter, lambda part: _leaf(type_, part, index, base_url))
        case "special":
            return near_leaf(criterion)
    return uri_leaf(type_, criterion, index)
