"""What a person may see of patients and encounters on the server's own pages: the same decision and search as over FHIR."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from functools import partial

from profiles.json import Resource
from server.audit.trail import Trail
from server.auth.decision import Decision, Letter, decide
from server.auth.principal import Principal
from server.oauth.authority import Authority
from server.repository import Repository
from server.rest.dispatch import answer
from server.rest.exchange import Exchange
from server.rest.request import Base, Request
from server.search.compile import compile_query
from server.search.execute import matches
from server.search.query import parse_query


async def sees(authority: Authority, caller: Principal, type_: str, id_: str) -> bool:
    """Whether the caller may read the resource, and it is there."""
    return await read(authority, caller, type_, id_) is not None


async def read(authority: Authority, caller: Principal, type_: str, id_: str) -> Resource | None:
    """The resource, where the caller may read it."""
    exchange = _exchange(authority, caller, "r", type_)
    if exchange is None:
        return None
    version = await exchange.visible(type_, id_, exchange.decision)
    return None if version is None or version.deleted else version.resource()


async def search(
    authority: Authority, caller: Principal, type_: str, query: Sequence[tuple[str, str]], limit: int
) -> list[Resource]:
    """The first matches that the caller may see. Raises FhirError for a query that cannot be asked."""
    exchange = _exchange(authority, caller, "s", type_)
    if exchange is None:
        return []
    compiled = compile_query(
        parse_query(type_, query),
        exchange.tenant.index,
        exchange.repository.base_url,
        exchange.compartment_for(type_),
    )
    found: list[Resource] = []
    async with aclosing(matches(exchange, type_, compiled, None, limit)) as hits:
        async for _, version in hits:
            found.append(version.resource())
            if len(found) == limit:
                break
    return found


def _exchange(authority: Authority, caller: Principal, letter: Letter, type_: str) -> Exchange | None:
    """None when the caller may not do this to the type at all."""
    decision: Decision = decide(caller, letter, type_)
    if not decision.granted:
        return None
    services = authority.shared.services
    base = Base(authority.tenant, authority.bases[0])
    request = Request("GET", base, (type_,), (), {}, b"", authority.call.request_id, "{type}", authority.call.address)
    repository = Repository(services.store, authority.own.tenant, base.url, services.clock)
    trail = Trail(authority.call.request_id, authority.call.address)
    return Exchange(request, services, authority.own.tenant, caller, repository, trail, partial(answer, services), decision)
