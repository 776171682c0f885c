"""What a person may see of patients and visits on the server's own pages: asked as a FHIR request of theirs, and audited as one."""

from __future__ import annotations

from collections.abc import Sequence

from profiles import json
from profiles.json import Resource
from server.auth.principal import Principal
from server.oauth.authority import Authority
from server.rest.address import template_of
from server.rest.dispatch import answer
from server.rest.request import Base, Request
from server.store.store import StoreUnavailableError


async def sees(authority: Authority, caller: Principal, type_: str, id_: str) -> bool:
    """Whether the caller may read the resource, and it is there. Raises StoreUnavailableError."""
    return await read(authority, caller, type_, id_) is not None


async def read(authority: Authority, caller: Principal, type_: str, id_: str) -> Resource | None:
    """The resource, where the caller may read it. Raises StoreUnavailableError."""
    return await _asked(authority, caller, (type_, id_), ())


async def search(
    authority: Authority, caller: Principal, type_: str, query: Sequence[tuple[str, str]]
) -> list[Resource] | None:
    """The first matches that the caller may see; None for a query that cannot be asked. Raises StoreUnavailableError."""
    bundle = await _asked(authority, caller, (type_,), query)
    return None if bundle is None else [entry["resource"] for entry in bundle.get("entry", [])]


async def _asked(
    authority: Authority, caller: Principal, segments: tuple[str, ...], query: Sequence[tuple[str, str]]
) -> Resource | None:
    """The body of a 200."""
    call = authority.call
    base = Base(authority.tenant, authority.bases[0])
    request = Request(
        "GET", base, segments, tuple(query), {}, b"", call.request_id, template_of(segments), call.address, principal=caller
    )
    response = await answer(authority.shared.services, request)
    if response.status == 503:
        raise StoreUnavailableError("The store cannot answer now.")
    if response.status != 200:
        return None
    content: Resource = json.loads(response.body)
    return content
