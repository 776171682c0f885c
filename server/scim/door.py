"""The ASGI front of SCIM: lets in administrators whose token has the scope for it, and answers refusals as RFC 7644 3.12 wants.

Whoever is let in by no token learns nothing, not even whether there is such a tenant.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from profiles.outcome import FhirError
from server.auth.bearer import REALM, authenticate
from server.auth.principal import Principal
from server.auth.scopes import USERS_SCOPE
from server.internal import DamagedInternalError, OwnRecords
from server.logs import request_id
from server.oauth.authority import Authority, Shared
from server.oauth.door import find_tenant
from server.oauth.errors import OAuthError
from server.oauth.transport import headers_of, milliseconds, read_body, send_answer
from server.oauth.wire import Answer, Call, with_headers
from server.rates.rates import RateLimitedError
from server.scim.errors import ScimError, error_answer
from server.scim.routes import ScimRoute, routes_of
from server.scim.users import ROOT, Asked
from server.store.store import StoreUnavailableError

ROLE: Final = "administrator"
Headers = Sequence[tuple[bytes, bytes]]
_UNAVAILABLE: Final = error_answer(ScimError("The server cannot answer now.", status=503), (("Retry-After", "5"),))


@dataclass(frozen=True, slots=True)
class Local:
    """What is at an address: its routes by method, and the id in it."""

    routes: Mapping[str, ScimRoute]
    id: str


class ScimDoor:
    """Takes the addresses of SCIM, and leaves all others to `others`."""

    def __init__(self, others: ASGIApp, shared: Shared) -> None:
        self._others = others
        self._shared = shared

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if ROOT in path:
            tenant, local = find_tenant(path)
            if local == ROOT or local.startswith(f"{ROOT}/"):
                await self._serve(scope, receive, send, tenant, local.removeprefix(ROOT))
                return
        await self._others(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, tenant: str, local: str) -> None:
        started, services = time.perf_counter(), self._shared.services
        headers, client = headers_of(scope), scope.get("client")
        identity = request_id(headers.get("x-request-id", "").encode("latin-1") or None)
        method, found = scope["method"], Local(*routes_of(local))
        call = Call(method, local, scope["query_string"], headers, b"", client[0] if client else "", identity)
        try:
            stated = services.rates.address("tokens", call.address)
            answer = with_headers(await self._answer(tenant, call, found, receive, scope["headers"]), stated)
        except RateLimitedError as error:
            refusal = ScimError(f"Too many requests; try again in {error.seconds} seconds.", status=429)
            answer = with_headers(error_answer(refusal), error.headers)
        await send_answer(send, answer, method, identity)
        place = next((f"{ROOT}{route.path}" for route in found.routes.values()), ROOT)
        known = tenant if services.keyring.get(tenant) else ""
        services.log.request(identity, method, place, known, answer.status, milliseconds(started))

    async def _answer(self, tenant: str, call: Call, local: Local, receive: Receive, sent: Headers) -> Answer:
        services, route = self._shared.services, local.routes.get(call.method)
        known, caller = services.keyring.get(tenant), None
        authority = Authority(self._shared, OwnRecords(services.store, known, services.now), call) if known else None
        try:
            try:
                caller = _caller(tenant, sent, self._shared)
                if authority is None:
                    raise _of_another()
                return await _handled(authority, caller, local, route, receive)
            except OAuthError as error:
                raise ScimError(error.description, "invalidSyntax", error.status) from error
        except ScimError as error:
            return await _refused(authority, caller, local, route, error)
        except StoreUnavailableError as error:
            services.outage.met(services.log, error, call.request_id)
            return _UNAVAILABLE
        except DamagedInternalError as error:
            services.log.failure("damaged record", error, request_id=call.request_id)
        except Exception as error:  # the last line of defence: no caller sees a stack trace
            services.log.failure("request failed", error, request_id=call.request_id)
        return error_answer(ScimError("The server failed.", status=500))


async def _handled(
    authority: Authority, caller: Principal, local: Local, route: ScimRoute | None, receive: Receive
) -> Answer:
    """Raises ScimError, OAuthError, StoreUnavailableError, DamagedInternalError."""
    if route is None:
        status = 405 if local.routes else 404
        raise ScimError(
            "There is nothing at this address." if status == 404 else "This address takes another method.", status=status
        )
    call = replace(authority.call, body=await read_body(receive))
    return await route.handler(Asked(replace(authority, call=call), caller, local.id))


def _caller(tenant: str, sent: Headers, shared: Shared) -> Principal:
    """An administrator of the tenant, whose token was given for this. Raises ScimError (401, 403)."""
    try:
        caller = authenticate(sent, shared.services.verifier)
    except FhirError as error:
        raise ScimError(error.issues[0].text, status=401, challenge=error.headers["WWW-Authenticate"]) from error
    if caller.tenant != tenant:
        raise _of_another()
    if ROLE not in caller.roles or USERS_SCOPE not in caller.scopes.others:
        challenge = f'Bearer realm="{REALM}", error="insufficient_scope", scope="{USERS_SCOPE}"'
        detail = f"This is for administrators whose token has the scope {USERS_SCOPE}."
        raise ScimError(detail, status=403, challenge=challenge)
    return caller


def _of_another() -> ScimError:
    """Said of a tenant that there is, and of one that there is not."""
    challenge = f'Bearer realm="{REALM}", error="invalid_token"'
    return ScimError("The token is for another tenant.", status=401, challenge=challenge)


async def _refused(
    authority: Authority | None, caller: Principal | None, local: Local, route: ScimRoute | None, error: ScimError
) -> Answer:
    """The answer to a refusal, audited where somebody tried to do something."""
    if authority is not None and route is not None and route.activity:
        code = f"scim-{error.scim_type or error.status}"
        try:
            await authority.commit([], authority.note(route.activity, error.status, code, who=caller))
        except StoreUnavailableError:
            return _UNAVAILABLE
    return error_answer(error, (("Allow", ", ".join(sorted(local.routes))),) if error.status == 405 else ())
