"""The searchset Bundle, joined from stored bytes: links, matches, what was included, what is to be told (R4 bundle.html)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from urllib.parse import urlencode

from profiles import json
from profiles.json import Resource
from profiles.outcome import Issue, operation_outcome
from server.repository import Version
from server.rest.exchange import Exchange
from server.rest.shape import shown
from server.search.asked import Search
from server.search.cursor import FIRST_PAGE, LAST, Place, make_cursor
from server.search.page import Page


def searchset(
    exchange: Exchange,
    search: Search,
    place: Place,
    page: Page,
    included: Sequence[Version],
    total: int | None,
    told: Sequence[Issue],
) -> bytes:
    """The Bundle's JSON."""
    base = exchange.request.base.url
    shape = search.results.shape
    head: Resource = {"resourceType": "Bundle", "type": "searchset"}
    if total is not None:
        head["total"] = total
    head["link"] = links(exchange, search, place, page)
    entries = [_entry(base, version, shown(version, shape), b"match") for version in page.versions]
    entries += [_entry(base, version, shown(version, shape, included=True), b"include") for version in included]
    if told:
        entries.append(json.dumps({"resource": operation_outcome(told), "search": {"mode": "outcome"}}))
    return json.dumps(head)[:-1] + (b',"entry":[' + b",".join(entries) + b"]}" if entries else b"}")


def links(exchange: Exchange, search: Search, place: Place, page: Page) -> list[dict[str, str]]:
    """Those that can be told: the first page always can, those before and at the end where the order can be walked backwards."""
    address, own = f"{exchange.request.base.url}/{search.path}".rstrip("/"), search.own_text
    found = [{"relation": "self", "url": _url(address, own)}]
    if page.following is None and place == FIRST_PAGE:
        return found

    def to(place: Place) -> str:
        cursor = make_cursor(exchange.tenant.cipher, search.binding, exchange.principal.subject, place)
        return _url(address, (*own, ("_cursor", cursor)))

    found.append({"relation": "first", "url": _url(address, own)})
    if page.previous is not None:
        found.append({"relation": "previous", "url": to(page.previous)})
    if page.following is not None:
        found.append({"relation": "next", "url": to(page.following)})
    if page.can_end:
        found.append({"relation": "last", "url": _url(address, (*own, ("_cursor", LAST)))})
    return found


def tag_of(page: Page, included: Iterable[Version], total: int | None) -> str:
    """A weak ETag: other results have another one, and so have others of their versions."""
    names = [f"{version.reference}/{version.version}" for version in (*page.versions, *included)]
    state = f"{total} {page.following is not None} {page.previous is not None} {' '.join(names)}"
    return f'W/"{blake2b(state.encode(), digest_size=12).hexdigest()}"'


def _url(address: str, pairs: Iterable[tuple[str, str]]) -> str:
    query = urlencode(list(pairs))
    return f"{address}?{query}" if query else address


def _entry(base: str, version: Version, body: bytes, mode: bytes) -> bytes:
    full_url = f"{base}/{version.reference}".encode()
    return b'{"fullUrl":"' + full_url + b'","resource":' + body + b',"search":{"mode":"' + mode + b'"}}'
