"""`_explain=true`: what a search was made of and what it cost, for administrators.

It tells parameters and how many values each was given, never the values; terms are the opaque numbers that the store sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from profiles.outcome import Issue, refuse
from server.rest.exchange import Exchange
from server.search.asked import Search, Source
from server.search.order import sorting_of
from server.search.results import SortKey
from server.search.tree import Chain, Criterion, Has, Listed, Node, Not, Some
from server.search.work import Work
from server.store.algebra import AnyInterval, AnyOf, Between, Clause, Either, NoneOf

ROLE: Final = "administrator"
MAX_TERMS_SHOWN: Final = 5
MAX_SOURCES_SHOWN: Final = 10
MAX_COUNTED: Final = 10_000


def check_may_explain(exchange: Exchange) -> None:
    """Raises FhirError (403) for who is no administrator."""
    if ROLE not in exchange.principal.roles:
        raise refuse("forbidden", "Only an administrator may ask how a search is done.", "http._explain")


async def explained(exchange: Exchange, search: Search, sources: Sequence[Source], work: Work) -> list[Issue]:
    """What is to be told of it, line by line."""
    lines = [
        f"{', '.join(source.type for source in sources[:MAX_SOURCES_SHOWN])}"
        f"{' and others' if len(sources) > MAX_SOURCES_SHOWN else ''}: {len(sources)} types are searched."
        if len(sources) > 1
        else f"{sources[0].type} is searched."
    ]
    query = search.queries[0]
    lines += [f"Criterion {number}: {_words(part)}." for number, part in enumerate(query.where.parts, 1)]
    if search.compartment is not None:
        lines.append(f"Only what is in the {search.compartment.type} compartment that the address names.")
    for source in sources[:MAX_SOURCES_SHOWN]:
        lines += await _plan(exchange, source)
    lines.append(_order(query.type, query.results.sort))
    lines.append(
        f"The index was asked {work.asked} times and gave {work.rows} rows; {work.opened} resources were decrypted, "
        f"{work.matched} of them matched."
    )
    lines += [f"Time, {step}: {seconds * 1000:.2f} ms." for step, seconds in work.seconds.items()]
    return [Issue("search-explained", line, None, "information") for line in lines]


async def _plan(exchange: Exchange, source: Source) -> list[str]:
    compiled, store = source.compiled, exchange.services.store
    lines = []
    for number, clause in enumerate(compiled.clauses, 1):
        rows = (
            f", {_most(await store.count((clause,), MAX_COUNTED))} rows" if isinstance(clause, AnyOf | AnyInterval) else ""
        )
        lines.append(f"{source.type}, clause {number}: {_clause(clause)}{rows}.")
    checks = len(compiled.checks) + len(compiled.links)
    tells = (
        "The index alone tells what matches"
        if compiled.is_exact
        else f"Each hit is opened and held against {checks} checks"
    )
    lines.append(
        f"{source.type}: {tells}{'' if compiled.access.is_whole else '; what the caller may not reach is left out'}."
    )
    return lines


def _most(rows: int) -> str:
    return f"{rows} or more" if rows >= MAX_COUNTED else str(rows)


def _clause(clause: Clause) -> str:
    if isinstance(clause, AnyOf | NoneOf):
        shown = ", ".join(f"{term & (2**64 - 1):016x}" for term in clause.terms[:MAX_TERMS_SHOWN])
        more = ", ..." if len(clause.terms) > MAX_TERMS_SHOWN else ""
        return f"{'any' if isinstance(clause, AnyOf) else 'none'} of {len(clause.terms)} terms ({shown}{more})"
    if isinstance(clause, AnyInterval):
        return f"a value in one of {len(clause.intervals)} ranges"
    if isinstance(clause, Between):
        return "within a stretch of the type's main date"
    return f"one of {len(clause.ways)} ways, each of several clauses" if isinstance(clause, Either) else "a clause"


def _order(type_: str, sort: tuple[SortKey, ...]) -> str:
    sorting = sorting_of(type_, sort)
    if not sorting.opened:
        return "The order is that of the index."
    codes = ", ".join(key.code for key in sorting.opened)
    among = " among what is equal by the first key, in whose order the index is walked" if sorting.is_ordered else ""
    return f"Matches are opened and sorted by {codes}{among}."


def _words(node: Node) -> str:
    if isinstance(node, Criterion):
        modifier = f":{node.modifier}" if node.modifier else ""
        return f"{node.code}{modifier} ({node.type}), {len(node.values)} values"
    if isinstance(node, Not):
        return f"not {_words(node.part)}"
    if isinstance(node, Chain):
        return f"{node.code} refers to what is met by " + " or ".join(
            f"{type_}: {_words(inner)}" for type_, inner in node.inner
        )
    if isinstance(node, Has):
        return f"referred to by {node.code} of {node.type} with {_words(node.inner)}"
    if isinstance(node, Listed):
        return f"entry of one of {len(node.lists)} lists"
    joint = " or " if isinstance(node, Some) else " and "
    return f"({joint.join(map(_words, node.parts))})"
