"""Run a search: a page of matches, what comes along with them, how many there are, joined into a searchset."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

from server.rest.exchange import AUDIT_TYPE, Exchange
from server.search.asked import Search, Source, sources_of
from server.search.cursor import FIRST_PAGE, LAST, LAST_PAGE, Place, read_cursor
from server.search.explain import check_may_explain, explained
from server.search.inclusion import included
from server.search.page import Page, read_page
from server.search.searchset import searchset, tag_of
from server.search.total import accurate_total, estimated_total
from server.search.work import Work


@dataclass(frozen=True, slots=True)
class Found:
    """The searchset Bundle as bytes, and its ETag."""

    body: bytes
    tag: str


async def run_search(exchange: Exchange, search: Search) -> Found:
    """Raises FhirError for bad values, cursors and searches that cost too much."""
    results, work = search.results, Work()
    if results.explain:
        check_may_explain(exchange)
    started = perf_counter()
    sources = await sources_of(exchange, search)
    place = _place(exchange, search)
    started = work.spent("plan", started)
    page = Page([]) if results.count_only else await read_page(exchange, search, sources, place, work)
    for version in page.versions:  # the trail names whose records were seen: reading the trail itself is not that
        exchange.trail.note(version.reference, version.patients if version.type != AUDIT_TYPE else ())
    started = work.spent("page", started)
    along = await included(exchange, results.includes, page.versions)
    started = work.spent("includes", started)
    total = await _total(exchange, search, sources, place, page, work)
    work.spent("total", started)
    told = list(search.ignored)
    if results.explain:
        told += await explained(exchange, search, sources, work)
    return Found(searchset(exchange, search, place, page, along, total, told), tag_of(page, along, total))


def _place(exchange: Exchange, search: Search) -> Place:
    """Where the page lies. Raises FhirError (400) for a cursor that is not ours for this search."""
    results = search.results
    if results.cursor is None or results.count_only:
        return FIRST_PAGE
    if results.cursor == LAST and results.most is None and search.is_reversible:
        return LAST_PAGE
    return read_cursor(exchange.tenant.cipher, results.cursor, search.binding, exchange.principal.subject)


async def _total(
    exchange: Exchange, search: Search, sources: tuple[Source, ...], place: Place, page: Page, work: Work
) -> int | None:
    """As asked for; where nothing was said, what is known for nothing."""
    results = search.results
    if not results.count_only:
        if place == FIRST_PAGE and page.following is None and results.most is None and results.total != "none":
            return len(page.versions)
        if results.total in {None, "none"}:
            return None
    if results.total == "estimate" and not results.count_only:
        return await estimated_total(exchange, sources, work)
    return await accurate_total(exchange, sources, work)
