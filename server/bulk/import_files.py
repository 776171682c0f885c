"""`$import` of files that come with the request, as the parts of a form: put into the store sealed, chunk by chunk, as they arrive.

They are uploads (server/store/blobs.py) that no version ever names: their names stand in the sealed job, which takes them into
itself when their turn comes. What is not taken within a day, since the request was refused, broken off or cancelled, is swept.
"""

from __future__ import annotations

from contextlib import suppress

from operations.ports import OperationInput
from profiles import json
from server.bulk.import_asked import MOST_FILES, Input, check_file_type, import_accepted, too_many_files
from server.bulk.kick_off import later_wishes
from server.documents.kept import Putting
from server.rest.context import context_for
from server.rest.exchange import Exchange
from server.rest.form import Form
from server.rest.interactions.operation import authorize_operation, find_operation
from server.rest.request import refuse_unknown
from server.rest.response import Response
from server.rest.upload import Upload
from server.store.store import StoreUnavailableError


async def receive_files(exchange: Exchange, upload: Upload) -> Response:
    """Each part is named by the type of the resources in it. Raises FhirError: 400, 403, 413, 429."""
    request = exchange.request
    found, type_, _ = find_operation(exchange)
    access = authorize_operation(exchange, found, type_)
    exchange.trail.interaction = f"${found.code}"
    refuse_unknown(request.query)
    later_wishes(OperationInput(headers=request.headers))
    context = context_for(exchange, access, found)
    puttings: list[Putting] = []
    accepted = False
    try:
        inputs = await _received(exchange, Form(request.headers["content-type"], upload.pieces()), puttings)
        output = await import_accepted(inputs, context)
        accepted = True
    finally:
        if not accepted:
            with suppress(StoreUnavailableError):  # then the sweep finds them
                for putting in puttings:
                    await putting.drop()
    return Response(output.status, json.dumps(output.body), dict(output.headers))


async def _received(exchange: Exchange, form: Form, puttings: list[Putting]) -> list[Input]:
    inputs: list[Input] = []
    while (type_ := await form.part()) is not None:
        check_file_type(type_, "http.body")
        if len(inputs) == MOST_FILES:
            raise too_many_files()
        putting = Putting(exchange.services.store.blobs, exchange.tenant.number, exchange.services.now())
        puttings.append(putting)
        async for piece in form.content():
            await putting.add(piece)
        inputs.append(Input(type_, upload=(await putting.finish()).text()))
    if not inputs:
        check_file_type(None, "http.body")
    return inputs
