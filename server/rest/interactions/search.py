"""search of a type, of several, of a compartment (R4 http.html#search, #vsearch): GET with a query, or POST with a form."""

from __future__ import annotations

from typing import Final

from profiles.compartments import compartment_types
from profiles.outcome import refuse
from profiles.structure import resource_types
from server.access.access import Access
from server.rest.exchange import AUDIT_TYPE, Exchange, check_type, is_id
from server.rest.preconditions import not_modified_tag
from server.rest.response import Response
from server.search.asked import Search
from server.search.compartment import Compartment
from server.search.execute import run_search
from server.search.query import parse_query
from server.search.several import Pairs, named_types, parse_several

EVERY_TYPE: Final = "*"
_FORM: Final = "_search"


async def search(exchange: Exchange) -> Response:
    """Of whatever the address names."""
    asked = read_search(exchange)
    found = await run_search(exchange, asked)
    headers = {} if exchange.request.inside_bundle else {"ETag": found.tag}  # in a Bundle it would be a version's
    if headers and exchange.request.method != "POST" and not_modified_tag(exchange.request.headers, found.tag):
        return Response(304, b"", headers)
    return Response(200, found.body, headers)


def read_search(exchange: Exchange) -> Search:
    """What is searched for, noted for the audit record. Raises FhirError (400, 403, 404)."""
    request = exchange.request
    pairs = request.query
    if request.method == "POST":
        pairs = (*pairs, *request.form())
    segments = request.segments[:-1] if request.segments[-1:] == (_FORM,) else request.segments
    if len(segments) == 1:
        query = parse_query(segments[0], pairs, lenient=request.lenient)
        asked = Search(segments[0], (query,), (exchange.access,), query.text, query.ignored)
    elif not segments:
        asked = _of_types(exchange, "", named_types(pairs), pairs)
    else:
        asked = _in_compartment(exchange, segments, pairs)
    exchange.trail.query = "&".join(f"{name}={value}" for name, value in asked.own_text)[:4000]
    if asked.compartment is not None:
        exchange.trail.query = f"{asked.path}?{exchange.trail.query}"[:4000]
    return asked


def _in_compartment(exchange: Exchange, segments: tuple[str, ...], pairs: Pairs) -> Search:
    owner, id_ = segments[:2]
    member = segments[2] if len(segments) > 2 else EVERY_TYPE
    check_type(owner)
    if owner not in compartment_types():
        known = ", ".join(sorted(compartment_types()))
        raise refuse("unknown-address", f"{owner} has no compartment to search in; these have: {known}.", "http.url")
    if not is_id(id_):
        raise refuse("id-format", "An id is 1 to 64 letters, digits, hyphens or dots.", "http.url")
    compartment = Compartment(owner, id_)
    exchange.trail.interaction = "search-system" if member == EVERY_TYPE else "search-type"
    types = named_types(pairs) or tuple(sorted(compartment.members))
    if member != EVERY_TYPE:
        check_type(member)
        types = (member,)
    outside = sorted(set(types) - compartment.members)
    if outside:
        raise refuse("unknown-address", f"{outside[0]} resources are in no compartment of type {owner}.", "http.url")
    is_named = member != EVERY_TYPE or bool(named_types(pairs))
    return _of_types(exchange, "/".join(segments), types, pairs, compartment, is_named=is_named)


def _of_types(
    exchange: Exchange,
    path: str,
    types: tuple[str, ...],
    pairs: Pairs,
    compartment: Compartment | None = None,
    *,
    is_named: bool = True,
) -> Search:
    """Types that the caller names must all be open to them; of those that nobody named, what is open is searched.

    The audit trail is no part of anybody's data unless it is named.
    """
    accesses: dict[str, Access]
    if types and is_named:
        accesses = {type_: exchange.authorize("s", type_) for type_ in types}
    else:
        every = tuple(sorted(frozenset(types or resource_types()) - {AUDIT_TYPE}))
        accesses = {type_: access for type_ in every if (access := exchange.gate.access_if_any("s", type_)) is not None}
        if not accesses:
            exchange.authorize("s", every[0])
    several = parse_several(tuple(accesses), pairs, lenient=exchange.request.lenient)
    return Search(path, several.queries, tuple(accesses.values()), several.text, several.ignored, compartment)
