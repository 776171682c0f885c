"""The reads of a transaction that can be made before its commit, so that one that fails fails the whole (R4 http.html#trules).

What the transaction may change is read after it, where nothing can be taken back: such a read is refused by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from profiles import json
from server.rest.address import template_of
from server.rest.exchange import Exchange
from server.rest.interactions.entries import Entry, answered, request_of, without_content
from server.rest.response import Response

_OF_ONE_RESOURCE: Final = frozenset({"{type}/{id}", "{type}/{id}/_history/{version}"})
_KEPT_HEADERS: Final[tuple[str, ...]] = ("Retry-After", "WWW-Authenticate")


async def read_before(exchange: Exchange, entries: Sequence[Entry]) -> dict[str, bytes] | Response:
    """entry -> its answer; the refusal of the whole where one of these reads fails."""
    writes = [entry for entry in entries if entry.writes]
    parts: dict[str, bytes] = {}
    for entry in entries:
        if entry.writes or any(_may_change(write, entry) for write in writes):
            continue
        request = request_of(exchange.request, entry)
        response = await exchange.respond(request)
        if response.status >= 400:
            return _refusal(entry, response)
        parts[entry.at] = answered(without_content(request, response))
    return parts


def _may_change(write: Entry, read: Entry) -> bool:
    """Whether the answer to the read can depend on the write. Only a read of one resource says what it looks at."""
    if template_of(read.segments) not in _OF_ONE_RESOURCE:
        return True
    if write.segments[:1] != read.segments[:1]:
        return False
    conditional = len(write.segments) == 1 and write.method != "POST"
    return conditional or write.segments[:2] == read.segments[:2]


def _refusal(entry: Entry, response: Response) -> Response:
    outcome = json.loads(response.body)
    for issue in outcome["issue"]:
        issue["expression"] = [entry.at]
    headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    return replace(response, body=json.dumps(outcome), headers=headers)
