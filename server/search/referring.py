"""What refers to given resources by some of its reference parameters, as one clause: for compartments and reverse includes."""

from __future__ import annotations

from collections.abc import Iterable

from server.access.access import Access
from server.seal.blind_index import BlindIndex
from server.search.compile import Compiled
from server.search.index_entries import TYPE_TERM
from server.search.overlap import asked_codes
from server.store.algebra import AnyOf, Order


def referring(type_: str, codes: Iterable[str], named: Iterable[tuple[str | None, str]], index: BlindIndex) -> AnyOf:
    """`named`: (type, `Type/id`) for resources, (None, canonical URL) for definitions."""
    named = list(named)
    terms = {
        index.term(type_, name, f"r{text}")
        for code in codes
        for target, text in named
        for name in asked_codes(type_, code, target)
    }
    return AnyOf(tuple(sorted(terms)))


def all_of(type_: str, clause: AnyOf, codes: Iterable[str], access: Access, index: BlindIndex) -> Compiled:
    """A search for all of a type that a clause alone tells, as far as the access goes. `codes`: whose index it needs."""
    clauses = (AnyOf((index.term(type_, TYPE_TERM, ""),)), *access.clauses(index), clause)
    return Compiled(clauses, Order(), (), access.codes | frozenset(codes), access, lambda resource: True)
