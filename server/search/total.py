"""How many resources a search finds in all (`_total`, `_summary=count`), never counting what is hidden from the caller."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from typing import Final

from server.rest.exchange import Exchange
from server.search.asked import Source
from server.search.hits import MAX_EXAMINED, matches, telling
from server.search.work import Work

MAX_COUNTED: Final = 1_000_000


async def accurate_total(exchange: Exchange, sources: Sequence[Source], work: Work) -> int:
    """Raises FhirError where more than MAX_EXAMINED resources of a type would have to be opened to count."""
    return sum([await _accurate(exchange, source, work) for source in sources])


async def estimated_total(exchange: Exchange, sources: Sequence[Source], work: Work) -> int:
    """What the index alone says, times the share of what was opened for the page that matched.

    Exact where the index tells all, and where what is hidden cannot be told by it: an estimate would count that.
    """
    total = 0.0
    share = work.matched / work.opened if work.opened else 1.0
    for source in sources:
        if source.compiled.is_exact or not source.compiled.access.is_exact:
            total += await _accurate(exchange, source, work)
        else:
            exchange.services.index_state.check(source.type, source.compiled.codes)
            total += share * await exchange.services.store.count(telling(source.compiled.clauses), MAX_COUNTED)
    return round(total)


async def _accurate(exchange: Exchange, source: Source, work: Work) -> int:
    compiled = source.compiled
    exchange.services.index_state.check(source.type, compiled.codes)
    count = exchange.services.store.count
    if compiled.is_exact:
        return await count(telling(compiled.clauses), MAX_COUNTED)
    tells = not compiled.checks and not compiled.links
    hidden = compiled.access.hidden(exchange.tenant.index) if tells else None
    if hidden is not None:
        left_out = await count(telling((*compiled.clauses, hidden)), MAX_COUNTED)
        return await count(telling(compiled.clauses), MAX_COUNTED) - left_out
    total = 0
    work.why = "Counting opens what the index does not tell, which _total=estimate does not"
    async with aclosing(matches(exchange, source.type, compiled, None, MAX_COUNTED, MAX_EXAMINED, work)) as found:
        async for _ in found:
            total += 1
    return total
