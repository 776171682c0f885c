"""batch and transaction (R4 http.html#transaction): many interactions in one request.

A batch judges and answers every entry by itself. A transaction is one commit (server/rest/interactions/transaction.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from profiles.json import Json
from profiles.outcome import FhirError, refuse
from server.rest.exchange import Exchange
from server.rest.interactions.entries import answered, parse_entry, refused, request_of, response_bundle, without_content
from server.rest.interactions.transaction import transaction
from server.rest.response import Response

MAX_ENTRIES: Final = 2000


async def bundle(exchange: Exchange) -> Response:
    """POST to the base."""
    type_, given = read_bundle(exchange)
    caller = exchange.principal
    exchange.services.rates.charge(caller.tenant, caller.subject, caller.client_id, len(given) - 1)
    if type_ == "batch":
        return await _batch(exchange, given)
    exchange.trail.interaction = "transaction"
    base = exchange.request.base.url
    entries = [parse_entry(item, f"Bundle.entry[{number}]", base) for number, item in enumerate(given)]
    return await transaction(exchange, entries)


def read_bundle(exchange: Exchange) -> tuple[str, list[Json]]:
    """batch or transaction, and the entries. Raises FhirError (400) for what is neither."""
    body = exchange.request.resource()
    if body["resourceType"] != "Bundle":
        raise refuse("bundle-type", "Only a Bundle of type batch or transaction can be posted to the base.", "resourceType")
    if body.get("type") not in ("batch", "transaction"):  # a tuple, since the type may be any JSON
        raise refuse("bundle-type", "The Bundle's type must be batch or transaction here.", "Bundle.type")
    given = body.get("entry", [])
    if not isinstance(given, list) or len(given) > MAX_ENTRIES:
        raise refuse("bundle-entry", f"Bundle.entry must be a list of at most {MAX_ENTRIES} entries.", "Bundle.entry")
    return body["type"], given


async def _batch(exchange: Exchange, given: Sequence[Json]) -> Response:
    entries: list[bytes] = []
    exchange.trail.committed = bool(given)
    for number, item in enumerate(given):
        try:
            entry = parse_entry(item, f"Bundle.entry[{number}]", exchange.request.base.url)
            part = request_of(exchange.request, entry)
            response = without_content(part, await exchange.respond(part))
        except FhirError as error:
            entries.append(refused(error))
            exchange.trail.committed = False  # nobody has noted this entry: the batch leaves a record of its own
            continue
        entries.append(answered(response))
    return response_bundle("batch-response", entries)
