"""The ASGI front of the authorization server: finds tenant and route, reads what was sent within bounds, and answers refusals.

What is wrong is JSON for programs and a page for people; no answer tells more than that. CORS is for programs only.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from server.auth.principal import Principal
from server.http import DEFAULT_TENANT
from server.internal import DamagedInternalError, OwnRecords
from server.logs import request_id
from server.oauth.authority import Authority, Shared
from server.oauth.authorize_request import RefusedError
from server.oauth.errors import OAuthError, PageError
from server.oauth.launch_context import bearer
from server.oauth.origin import check_origin
from server.oauth.routes import OAuthRoute, routes_of
from server.oauth.transport import headers_of, milliseconds, read_body, send_answer
from server.oauth.wire import ANY_ORIGIN, NO_STORE, Answer, Call, json_answer, redirect, with_headers
from server.pages.page import page
from server.rates.rates import RateLimitedError
from server.repository import DamagedRecordError
from server.seal.keyring import Tenant
from server.store.store import StaleVersionError, StoreUnavailableError

_FHIR_METHODS: Final = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
_ALLOWED_HEADERS: Final = (
    "Authorization, Content-Type, Accept, Prefer, If-Match, If-None-Match, If-None-Exist, If-Modified-Since, If-Range, Range, "
    "X-Request-Id, X-Security-Context, X-Purpose-Of-Use, X-Assent-Break-Glass, X-Provenance, X-Cascade"
)
_OWN: Final = ("/oauth/", "/.well-known/")
_PARTS: Final = (*_OWN, "/account", "/invitation")
"""One of these is in every address that is taken here, and in few others: FHIR requests are not looked at any further."""

_METADATA: Final = "/.well-known/oauth-authorization-server"
_NOTHING: Final = json_answer({"error": "not_found", "error_description": "There is nothing at this address."}, 404)


class OAuthDoor:
    """Takes the addresses of the authorization server, and leaves all others to `others`."""

    def __init__(self, others: ASGIApp, shared: Shared) -> None:
        self._others = others
        self._shared = shared

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if any(part in path for part in _PARTS):
            tenant, local = find_tenant(path)
            if local.startswith(_OWN) or routes_of(local):
                await self._serve(scope, receive, send, tenant, local)
                return
        if scope["method"] == "OPTIONS" and _asks_first(scope):
            await send_answer(send, _preflight(_FHIR_METHODS), "OPTIONS", request_id(None))
        else:
            await self._others(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, tenant: str, local: str) -> None:
        started = time.perf_counter()
        headers = headers_of(scope)
        identity = request_id(headers.get("x-request-id", "").encode("latin-1") or None)
        client = scope.get("client")
        call = Call(scope["method"], local, scope["query_string"], headers, b"", client[0] if client else "", identity)
        route, answer = await self._answer(tenant, call, receive, scope["headers"])
        await send_answer(send, answer, call.method, identity)
        known = tenant if route is not None and self._shared.services.keyring.get(tenant) else ""
        log = self._shared.services.log
        log.request(call.request_id, call.method, route.path if route else "", known, answer.status, milliseconds(started))

    async def _answer(
        self, name: str, call: Call, receive: Receive, sent: Sequence[tuple[bytes, bytes]]
    ) -> tuple[OAuthRoute | None, Answer]:
        routes = routes_of(call.path)
        tenant = self._shared.services.keyring.get(name)
        if not routes or tenant is None:
            return None, _NOTHING
        first = next(iter(routes.values()))
        if call.method == "OPTIONS" and first.any_origin:
            return first, _preflight(sorted(routes))
        route = routes.get("GET" if call.method == "HEAD" else call.method)
        if route is None:
            allowed = ("Allow", ", ".join(sorted(routes)))
            content = {"error": "invalid_request", "error_description": "This address takes another method."}
            return first, json_answer(content, 405, (*NO_STORE, allowed))
        try:
            stated = self._shared.services.rates.address(route.policy, call.address)
        except RateLimitedError as error:
            return route, _too_many(route, call, error)
        return route, with_headers(await self._handled(route, tenant, call, receive, sent), stated)

    async def _handled(
        self, route: OAuthRoute, tenant: Tenant, call: Call, receive: Receive, sent: Sequence[tuple[bytes, bytes]]
    ) -> Answer:
        own = OwnRecords(self._shared.services.store, tenant, self._shared.services.now)
        authority = Authority(self._shared, own, call)
        try:
            if route.own_pages_only:
                check_origin(self._shared.settings.base_url, call.headers)
            if [header for header, _ in sent].count(b"authorization") > 1:
                raise OAuthError("invalid_request", "The request has more than one Authorization header.")
            body = await read_body(receive) if call.method == "POST" else b""
            call = Call(call.method, call.path, call.query, call.headers, body, call.address, call.request_id)
            authority = Authority(self._shared, own, call)
            return await route.handler(authority)
        except StoreUnavailableError as error:
            services = self._shared.services
            services.outage.met(services.log, error, call.request_id)
            return _refusal(route, call, OAuthError("temporarily_unavailable", "The server cannot answer now."))
        except (DamagedInternalError, DamagedRecordError) as error:
            self._shared.services.log.failure("damaged record", error, request_id=call.request_id)
            return _refusal(route, call, OAuthError("server_error", "The server failed.", status=500))
        except RateLimitedError as error:
            return _too_many(route, call, error)
        except (OAuthError, PageError, RefusedError, StaleVersionError) as error:
            return await self._refused(authority, route, error)
        except Exception as error:  # the last line of defence: no caller sees a stack trace
            self._shared.services.log.failure("request failed", error, request_id=call.request_id)
            return _refusal(route, call, OAuthError("server_error", "The server failed.", status=500))

    async def _refused(self, authority: Authority, route: OAuthRoute, error: Exception) -> Answer:
        """The answer to a refusal, audited."""
        code: str
        if isinstance(error, RefusedError):
            status, code = 303, error.code
            answer = redirect(error.address(authority.issuer))
        elif isinstance(error, PageError):
            status, code = error.status, "page"
            answer = page("problem", error.status, text=error.text, request_id=authority.call.request_id)
        elif isinstance(error, OAuthError):
            status, code = error.status, error.code
            answer = _refusal(route, authority.call, error)
        else:  # somebody else was faster with the same page or assertion
            status, code = 409, "invalid_request"
            answer = _refusal(
                route, authority.call, OAuthError("invalid_request", "This was done a moment ago.", status=409)
            )
        if route.activity:
            actor = error.client if isinstance(error, OAuthError | RefusedError) else ""
            who = error.who if isinstance(error, PageError) else None if route.for_people else _bearer(authority)
            noted = authority.note(route.activity, 403 if status == 303 else status, f"oauth-{code}", who=who, actor=actor)
            try:
                await authority.commit([], noted)
            except StoreUnavailableError:
                return _refusal(
                    route, authority.call, OAuthError("temporarily_unavailable", "The server cannot answer now.")
                )
        return answer


def find_tenant(path: str) -> tuple[str, str]:
    """(tenant, what follows its root). RFC 8414 3.1 puts the well-known part before the path of an issuer."""
    if path.startswith(f"{_METADATA}/t/"):
        name, _, rest = path.removeprefix(f"{_METADATA}/t/").partition("/")
        return name, _METADATA if not rest else path
    if path.startswith("/t/"):
        name, _, rest = path.removeprefix("/t/").partition("/")
        return name, f"/{rest}"
    return DEFAULT_TENANT, path


def _bearer(authority: Authority) -> Principal | None:
    """Who sent the access token of a call that was refused, if anybody did."""
    try:
        return bearer(authority)
    except OAuthError:
        return None


def _refusal(route: OAuthRoute, call: Call, error: OAuthError) -> Answer:
    if route.for_people:
        return page("problem", error.status, text=error.description, request_id=call.request_id)
    headers = [*NO_STORE, *(ANY_ORIGIN if route.any_origin else ())]
    if error.status == 503:
        headers.append(("Retry-After", "5"))
    if error.challenge is not None:
        headers.append(("WWW-Authenticate", error.challenge))
    return json_answer({"error": error.code, "error_description": error.description}, error.status, headers)


def _too_many(route: OAuthRoute, call: Call, error: RateLimitedError) -> Answer:
    """Nothing was looked at, and nothing is recorded (RFC 6585 4)."""
    text = f"Too many requests; try again in {error.seconds} seconds."
    return with_headers(_refusal(route, call, OAuthError("temporarily_unavailable", text, status=429)), error.headers)


def _asks_first(scope: Scope) -> bool:
    """Whether a browser asks on behalf of a script whether it may call (CORS preflight)."""
    return any(name == b"access-control-request-method" for name, _ in scope["headers"])


def _preflight(methods: Sequence[str]) -> Answer:
    allowed = (
        ("Access-Control-Allow-Methods", ", ".join(methods)),
        ("Access-Control-Allow-Headers", _ALLOWED_HEADERS),
        ("Access-Control-Max-Age", "600"),
    )
    return Answer(204, headers=(*ANY_ORIGIN, *allowed))
