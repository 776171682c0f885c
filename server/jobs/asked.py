"""A request that is done later, as the content of a job: what was asked, and by whom, with the rights of that moment.

The caller's rights are those of the token that the request came with, also when it has run out meanwhile, as a download goes on
that was begun in time. A retired tenant's jobs rest all the same.
"""

from __future__ import annotations

from typing import Any, Final, Literal, cast

import msgspec

from profiles.json import Resource
from server.access.asking import BREAK_GLASS
from server.audit.purposes import HEADER as PURPOSE
from server.auth.principal import Principal
from server.auth.scopes import ScopeSet
from server.rest.request import Base, Request
from server.seal.keyring import Tenant

KIND: Final = "request"

_KEPT_HEADERS: Final = frozenset(
    {"content-type", "accept", "if-match", "if-none-match", "if-none-exist", PURPOSE, BREAK_GLASS}
)


def asked_by(principal: Principal) -> Resource:
    """The principal as JSON."""
    fields: Resource = msgspec.to_builtins(principal)
    fields["roles"] = sorted(principal.roles)
    return fields


def principal_in(payload: Resource) -> Principal:
    """Who asked, of the payload of a job that somebody asked for."""
    fields = dict(payload["asked"])
    scopes = msgspec.convert(fields.pop("scopes"), ScopeSet)
    roles, purposes = frozenset(fields.pop("roles")), fields.pop("purposes", None)
    return Principal(scopes=scopes, roles=roles, purposes=None if purposes is None else tuple(purposes), **fields)


def payload_of(request: Request, principal: Principal, operation_headers: tuple[str, ...] = ()) -> Resource:
    """A POST's body is kept as it was sent, and must be UTF-8; of the headers, those that the answer depends on."""
    kept = _KEPT_HEADERS | set(operation_headers)
    headers = {name: value for name, value in request.headers.items() if name in kept}
    wishes = [f"{name}={value}" for name, value in request.prefer.items() if name in {"return", "handling"}]
    if wishes:
        headers["prefer"] = ", ".join(wishes)
    return {
        "asked": asked_by(principal),
        "method": request.method,
        "base": {"url": request.base.url, "pas": request.base.pas_version},
        "segments": list(request.segments),
        "template": request.template,
        "query": [list(pair) for pair in request.query],
        "headers": headers,
        "body": request.body.decode() if request.method == "POST" else "",
        "request_id": request.request_id,
        "address": request.address,
    }


def request_in(payload: Resource) -> Request:
    principal = principal_in(payload)
    version = cast("Literal['2.2.1', '2.0.1']", payload["base"]["pas"])
    return Request(
        payload["method"],
        Base(principal.tenant, payload["base"]["url"], version),
        tuple(payload["segments"]),
        tuple((name, value) for name, value in payload["query"]),
        payload["headers"],
        payload["body"].encode(),
        payload["request_id"],
        payload["template"],
        payload["address"],
        principal=principal,
    )


def owner_of(tenant: Tenant, principal: Principal) -> bytes:
    """Who asked for a job, as the store sees it."""
    return tenant.index.unique_key(("job-owner", principal.client_id, principal.subject))


def handle_of(tenant: Tenant, name: str) -> bytes:
    """What the store knows a job by, of the name in its status address."""
    return tenant.index.unique_key(("job", name))


def covers(principal: Principal, other: Principal) -> bool:
    """Whether the caller may still do all that the other was let in with: so much it takes to fetch what came of it."""
    return (
        principal.tenant == other.tenant
        and principal.patient == other.patient
        and principal.roles >= other.roles
        and set(principal.scopes.resources) >= set(other.scopes.resources)
    )


def describe(payload: Resource) -> dict[str, Any]:
    """What an administrator is shown of a job: who asked, and for what kind of thing; no query, no content."""
    if "asked" not in payload:
        return {}
    asked = payload["asked"]
    return {
        "subject": asked["subject"],
        "client": asked["client_id"],
        "interaction": f"{payload['method']} {payload['template'] or '/'}",
        "request": payload["request_id"],
    }
