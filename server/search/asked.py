"""A search as it was asked for: of one type, of several, or of a compartment (R4 http.html#search, #vsearch)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from profiles.outcome import Issue
from server.access.access import Access
from server.rest.exchange import AUDIT_TYPE, Exchange
from server.search.compartment import Compartment
from server.search.compile import Compiled
from server.search.finder import ExchangeFinder
from server.search.order import sorting_of
from server.search.query import Query
from server.search.resolve import plan
from server.search.results import Results


@dataclass(frozen=True, slots=True)
class Search:
    """`path` follows the FHIR base. There is a query for each type, all alike, and an access for each query.

    `text` are the parameters that were understood, as they came: for links and for binding cursors.
    """

    path: str
    queries: tuple[Query, ...]
    accesses: tuple[Access, ...]
    text: tuple[tuple[str, str], ...]
    ignored: tuple[Issue, ...] = ()
    compartment: Compartment | None = None

    @property
    def results(self) -> Results:
        return self.queries[0].results

    @property
    def is_reversible(self) -> bool:
        """Whether its results can be walked backwards."""
        return not self.results.sort or all(
            sorting_of(query.type, query.results.sort).is_reversible for query in self.queries
        )

    @property
    def own_text(self) -> tuple[tuple[str, str], ...]:
        """Without the cursor: the same on every page."""
        if self.results.cursor is None:
            return self.text
        return tuple((name, value) for name, value in self.text if name != "_cursor")

    @property
    def binding(self) -> str:
        """What a cursor belongs to, but for its tenant and caller."""
        return f"{self.path}?" + "&".join(f"{name}={value}" for name, value in self.own_text)


@dataclass(frozen=True, slots=True)
class Source:
    """What the store is asked for of one type."""

    type: str
    compiled: Compiled


async def sources_of(exchange: Exchange, search: Search) -> tuple[Source, ...]:
    """Raises FhirError (400) for values of the wrong form."""
    found: list[Source] = []
    index, finder = exchange.tenant.index, ExchangeFinder(exchange)
    for query, access in zip(search.queries, search.accesses, strict=True):
        if query.type == AUDIT_TYPE:
            await exchange.services.audit.catch_up()
        compiled = await plan(query, finder, access)
        if search.compartment is not None:
            member = search.compartment.clause(query.type, index)
            codes = compiled.codes | search.compartment.codes(query.type)
            compiled = replace(compiled, clauses=(*compiled.clauses, member), codes=codes)
        found.append(Source(query.type, compiled))
    return tuple(found)
