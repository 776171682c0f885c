"""The ASGI front: reads a request within bounds, finds its base, writes the answer, logs it without PHI.

Pure ASGI on purpose: one generic middleware class would cost more than everything here (docs/decisions). FHIR addresses
are routed by server/rest/routes.py.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from typing import Final, Literal

from starlette.types import Receive, Scope, Send

from profiles import json
from profiles.outcome import FhirError, refuse
from server.auth.bearer import unauthenticated
from server.content_coding import check_coding, encoded, not_read
from server.documents.signed_link import PATH as LINK_PATH
from server.headers import NEVER_RUN, ON_EVERY_ANSWER
from server.logs import EventLog, request_id
from server.rates.rates import RateLimitedError, Rates
from server.rest.address import template_of
from server.rest.admitted import PUBLIC, Admitted, rate_limited
from server.rest.formats import written
from server.rest.request import Base, Request, parse_pairs
from server.rest.response import CONTENT_TYPE, Response, error_response, internal_error
from server.rest.upload import Upload, is_upload, upload_of

Answer = Callable[[Request], Awaitable[Response]]
Admit = Callable[[str, tuple[str, ...], Mapping[str, str], str], Admitted]
"""(method, what follows the base, headers, the caller's address) -> who asks. Raises FhirError (429)."""
Plain = Callable[[], Awaitable[Response]]
Linked = Callable[[str, str, Mapping[str, str], str, str], Awaitable[Response]]
"""(what stands behind the path of signed links, method, headers, request id, the caller's address) -> the answer."""

_UNLIMITED: Final = frozenset({"/health", "/ready"})
_WITHOUT_POLICY: Final = tuple(header for header in ON_EVERY_ANSWER if header != NEVER_RUN)
_CLOSING: Final = {"Connection": "close"}
DEFAULT_TENANT: Final = "default"
_LOOKED_AT: Final = "GET, HEAD, OPTIONS"
PAS_2_0_1: Final = "pas-2.0.1"


class FhirHttp:
    """`plain` are the addresses outside FHIR, by path (`/health`); `metadata` answers what needs no token.

    `is_tenant` tells tenants from other words in a path, which might name a person and are not logged.
    """

    def __init__(
        self,
        base_url: str,
        max_body: int,
        max_document: int,
        admit: Admit,
        rates: Rates,
        answer: Answer,
        metadata: Callable[[Request], Awaitable[Response]],
        plain: dict[str, Plain],
        link: Linked,
        log: EventLog,
        is_tenant: Callable[[str], bool],
    ) -> None:
        self._base_url = base_url
        self._max_body = max_body
        self._max_document = max_document
        self._admit = admit
        self._rates = rates
        self._answer = answer
        self._metadata = metadata
        self._plain = plain
        self._link = link
        self._log = log
        self._is_tenant = is_tenant

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        identity = request_id(headers["x-request-id"].encode("latin-1") if "x-request-id" in headers else None)
        base, segments = find_base(self._base_url, scope["path"])
        route = template_of(segments) if base is not None else "plain"
        address = client[0] if (client := scope.get("client")) else ""
        stated: Mapping[str, str] = {}
        try:
            if base is None:
                response = await self._outside(scope, headers, identity, address)
            else:
                admitted = self._admit(scope["method"], segments, headers, address)
                stated = admitted.headers
                request = await self._read(scope, receive, headers, identity, base, segments, route, address, admitted)
                response = await written(request, await self._inside(request))
                if request.pretty and response.body and response.content_type == CONTENT_TYPE:
                    response = _indented(response)
                response = await encoded(headers, response)
        except FhirError as error:
            response = error_response(error)
            if error.status == 429 and ("transfer-encoding" in headers or headers.get("content-length", "0") != "0"):
                response.headers.update(_CLOSING)  # a body is on its way that nobody will read
        except Exception as error:  # nothing may reach the server's own error page
            self._log.failure("request failed", error, request_id=identity)
            response = internal_error(identity)
        try:
            await self._send(send, receive, response, stated, identity, scope["method"] == "HEAD")
        except Exception as error:  # in the middle of an answer: ending the connection is what is left to say
            self._log.failure("answer broken off", error, request_id=identity)
        tenant = base.tenant if base is not None and self._is_tenant(base.tenant) else ""
        self._log.request(identity, scope["method"], route, tenant, response.status, (time.perf_counter() - started) * 1000)

    async def _outside(self, scope: Scope, headers: dict[str, str], identity: str, address: str) -> Response:
        path, method = scope["path"], scope["method"]
        if path not in _UNLIMITED:
            try:
                self._rates.address("open", address)
            except RateLimitedError as error:
                raise rate_limited(error) from error
        plain = self._plain.get(path)
        if plain is None and not path.startswith(LINK_PATH):
            raise refuse("unknown-address", "There is nothing at this address; the FHIR base is /fhir.", "http.url")
        if method == "OPTIONS":
            return Response(204, b"", {"Allow": _LOOKED_AT})
        if method not in {"GET", "HEAD"}:
            refusal = refuse("method-not-allowed", "This address takes GET.", "http.method")
            refusal.headers["Allow"] = _LOOKED_AT
            raise refusal
        if plain is not None:
            return await plain()
        return await self._link(path.removeprefix(LINK_PATH), method, headers, identity, address)

    async def _inside(self, request: Request) -> Response:
        if request.segments in PUBLIC and request.method in {"GET", "HEAD"} and request.fault is None:
            return await self._metadata(request)
        return await self._answer(request)

    async def _read(
        self,
        scope: Scope,
        receive: Receive,
        headers: dict[str, str],
        identity: str,
        base: Base,
        segments: tuple[str, ...],
        template: str,
        address: str,
        admitted: Admitted,
    ) -> Request:
        query: tuple[tuple[str, str], ...] = ()
        body, fault, upload = b"", None, None
        try:
            if [name for name, _ in scope["headers"]].count(b"authorization") > 1:
                raise unauthenticated("The request has more than one Authorization header.")
            if admitted.fault is not None:  # from nobody, no body is read
                raise admitted.fault
            query = parse_pairs(scope["query_string"]) if scope["query_string"] else ()
            if is_upload(scope["method"], segments, headers):
                upload = self._upload(receive, segments, headers)
            else:
                body = await self._body(receive, headers)
        except FhirError as error:
            fault = error
        return Request(
            scope["method"],
            base,
            segments,
            query,
            headers,
            body,
            identity,
            template,
            address,
            fault=fault,
            upload=upload,
            caller=admitted.caller,
        )

    def _upload(self, receive: Receive, segments: tuple[str, ...], headers: dict[str, str]) -> Upload:
        upload = upload_of(receive, segments, headers, self._max_document)
        if check_coding(headers) is not None:
            raise not_read("The content of a document is read as it is, without Content-Encoding.")
        return upload

    async def _body(self, receive: Receive, headers: dict[str, str]) -> bytes:
        length = headers.get("content-length", "0")
        if length.isdigit() and int(length) > self._max_body:
            raise self._too_large()
        check_coding(headers)
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise refuse("body-missing", "The connection ended before the body did.")
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > self._max_body:
                raise self._too_large()
            chunks.append(chunk)
            if not message.get("more_body", False):
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def _send(
        self, send: Send, receive: Receive, response: Response, stated: Mapping[str, str], identity: str, head: bool
    ) -> None:
        """`stated`: headers besides those of the response."""
        own_policy = "Content-Security-Policy" in response.headers
        headers = [
            *(_WITHOUT_POLICY if own_policy else ON_EVERY_ANSWER),
            (b"x-request-id", identity.encode()),
            *((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in stated.items()),
            *((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()),
        ]
        length = response.length if response.stream is not None else len(response.body)
        if length != 0:
            headers.append((b"content-type", response.content_type.encode()))
        if response.status not in {204, 304} and length is not None:  # RFC 9110 8.6: these have no content to measure
            headers.append((b"content-length", str(length).encode()))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        if response.stream is None or head:
            await send({"type": "http.response.body", "body": b"" if head else response.body})
        else:
            await _send_pieces(send, receive, response.stream, response.patience)

    def _too_large(self) -> FhirError:
        return refuse("body-too-large", f"A body may have at most {self._max_body} bytes (ASSENT_MAX_BODY).", "http.body")


def find_base(base_url: str, path: str) -> tuple[Base | None, tuple[str, ...]]:
    """The base an address belongs to and what follows it; (None, ()) for an address outside every base."""
    parts = path.split("/")[1:]
    tenant, prefix = DEFAULT_TENANT, ""
    if len(parts) > 2 and parts[0] == "t":
        tenant, prefix, parts = parts[1], f"/t/{parts[1]}", parts[2:]
    version: Literal["2.2.1", "2.0.1"] = "2.2.1"
    if parts and parts[0] == PAS_2_0_1:
        version, prefix, parts = "2.0.1", f"{prefix}/{PAS_2_0_1}", parts[1:]
    if not parts or parts[0] != "fhir":
        return None, ()
    segments = parts[1:-1] if parts[-1] == "" else parts[1:]
    return Base(tenant, f"{base_url}{prefix}/fhir", version), tuple(segments)


def _indented(response: Response) -> Response:
    return Response(response.status, json.pretty(response.body), response.headers, response.content_type)


async def _send_pieces(send: Send, receive: Receive, pieces: AsyncIterator[bytes], patience: float | None) -> None:
    """As fast as they are taken, until there are no more or nobody is there to take them.

    Raises TimeoutError when a piece was not taken for `patience` seconds.
    """
    gone, following = asyncio.ensure_future(_left(receive)), asyncio.ensure_future(_next(pieces))
    try:
        while True:
            await asyncio.wait({gone, following}, return_when=asyncio.FIRST_COMPLETED)
            if gone.done():
                return
            piece = following.result()
            if piece is None:
                break
            async with asyncio.timeout(patience):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            following = asyncio.ensure_future(_next(pieces))
        await send({"type": "http.response.body", "body": b""})
    finally:
        gone.cancel()
        following.cancel()
        await asyncio.wait({following})
        if isinstance(pieces, AsyncGenerator):
            await pieces.aclose()


async def _left(receive: Receive) -> None:
    """Until nobody is there; what was sent and not read says nothing of that."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _next(pieces: AsyncIterator[bytes]) -> bytes | None:
    """None when there are no more."""
    return await anext(pieces, None)
