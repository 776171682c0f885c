"""`DELETE Type/id/_history`: the versions before the current one go for good (FHIR R5 http.html#delete-history), with a receipt.

For administrators: it is `$purge` of the history by another address.
"""

from __future__ import annotations

from operations.ports import VersionConflictError
from operations.records.purge import ADMINISTRATORS, purge
from profiles import json
from profiles.outcome import refuse
from server.auth.bearer import forbidden
from server.auth.decision import Decision
from server.rest.context import context_for
from server.rest.exchange import Exchange
from server.rest.request import refuse_unknown
from server.rest.response import Response


async def delete_history(exchange: Exchange) -> Response:
    """Raises FhirError: forbidden (403), not-found (404), edit-conflict (409)."""
    refuse_unknown(exchange.request.query)
    type_, id_, _ = exchange.request.segments
    if not ADMINISTRATORS & exchange.principal.roles or exchange.access.compartment is not None:
        raise forbidden(Decision(False, "Erasing a history is for administrators."))
    if await exchange.repository.read(exchange.access, id_) is None:
        raise refuse("not-found", "There is no such resource, or you may not see it.", "http.url")
    try:
        output = await purge(type_, id_, "history", context_for(exchange, exchange.access))
    except VersionConflictError as error:
        raise refuse("edit-conflict", "The resource was changed meanwhile; send the request again.") from error
    return Response(200, json.dumps(output.body))
