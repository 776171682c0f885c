"""What the address of a history asks for (R4 http.html#history): `_count`, `_since`, `_at`, `_sort`, how much, and where to go on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from profiles.outcome import FhirError, refuse
from profiles.text import instant_range
from server.rest.exchange import Exchange
from server.rest.request import FORMAT_PARAMETERS, refuse_unknown
from server.rest.shape import SHAPE_PARAMETERS, WHOLE, Shape, shape_of
from server.search.cursor import make_history_cursor, read_history_cursor
from server.search.results import DEFAULT_COUNT, page_size
from server.store.timeline import Moment

_CURSOR: Final = "_cursor"
_KNOWN: Final = ("_count", "_since", "_at", "_sort", _CURSOR)


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """`text` are the parameters without the cursor; `binding` is what a cursor of this caller for this history is bound to.

    `since` and `at` are in microseconds, bounds inclusive.
    """

    text: tuple[tuple[str, str], ...]
    binding: str
    count: int = DEFAULT_COUNT
    since: int | None = None
    at: tuple[int, int] | None = None
    descending: bool = True
    after: Moment | None = None
    shape: Shape = WHOLE


def read_history_query(exchange: Exchange) -> HistoryQuery:
    """Raises FhirError (400) for parameters that a history does not take, values of the wrong form, and foreign cursors."""
    request = exchange.request
    refuse_unknown(request.query, (*_KNOWN, *SHAPE_PARAMETERS))
    given: dict[str, str] = {}
    for name, value in request.query:
        if name in given and name not in FORMAT_PARAMETERS:
            raise refuse("parameter-value", f"{name} is given more than once.", f"http.{name}")
        given[name] = value
    text = tuple((name, value) for name, value in request.query if name != _CURSOR and name not in FORMAT_PARAMETERS)
    binding = f"{exchange.principal.subject}/{'/'.join(request.segments)}?{urlencode(text)}"
    cipher = exchange.tenant.cipher
    since = _times("_since", given["_since"]) if "_since" in given else None
    return HistoryQuery(
        text,
        binding,
        max(1, page_size(given.get("_count"))),
        since[0] if since is not None else None,
        _times("_at", given["_at"]) if "_at" in given else None,
        _is_descending(given.get("_sort")),
        read_history_cursor(cipher, given[_CURSOR], binding) if _CURSOR in given else None,
        shape_of(request.segments[0] if len(request.segments) > 1 else "Resource", request.query),
    )


def links(exchange: Exchange, query: HistoryQuery, rest: Moment | None) -> list[dict[str, str]]:
    """The self link, and the next one where something is left."""
    address = f"{exchange.request.base.url}/{'/'.join(exchange.request.segments)}"
    made = [{"relation": "self", "url": _url(address, query.text)}]
    if rest is not None:
        cursor = make_history_cursor(exchange.tenant.cipher, rest, query.binding)
        made.append({"relation": "next", "url": _url(address, (*query.text, (_CURSOR, cursor)))})
    return made


def _url(address: str, pairs: tuple[tuple[str, str], ...]) -> str:
    return f"{address}?{urlencode(pairs)}" if pairs else address


def _times(name: str, text: str) -> tuple[int, int]:
    """The first and last microsecond; a + of the zone may have arrived as a space."""
    found = instant_range(text.replace(" ", "+"))
    if found is None:
        raise _no_time(name)
    return found


def _no_time(name: str) -> FhirError:
    return refuse(
        "parameter-value", f"{name} is a date or time such as 2026-03-16 or 2026-03-16T09:30:00Z.", f"http.{name}"
    )


def _is_descending(text: str | None) -> bool:
    if text not in {None, "_lastUpdated", "-_lastUpdated"}:
        raise refuse("parameter-value", "A history is sorted by _lastUpdated or -_lastUpdated only.", "http._sort")
    return text != "_lastUpdated"
