"""search-type (R4 http.html#search): GET with a query, or POST to _search with a form; answered from stored bytes."""

from __future__ import annotations

from server.rest.exchange import Exchange
from server.rest.response import Response
from server.search.execute import run_search
from server.search.query import Query, parse_query


async def search_type(exchange: Exchange) -> Response:
    return Response(200, await run_search(exchange, read_query(exchange)))


def read_query(exchange: Exchange) -> Query:
    """What is searched for, noted for the audit record. Raises FhirError (400)."""
    pairs = exchange.request.query
    if exchange.request.method == "POST":
        pairs = (*pairs, *exchange.request.form())
    query = parse_query(exchange.request.segments[0], pairs, lenient=exchange.request.lenient)
    exchange.trail.query = "&".join(f"{name}={value}" for name, value in query.text if name != "_cursor")[:4000]
    return query
