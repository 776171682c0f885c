"""`DELETE Type/id?_cascade=delete`, or with `X-Cascade: delete` (as HAPI has it): what refers to the resource is deleted with it.

All in one commit, transitively, as ordinary deletions: the history stays, and the answer is the receipt of what went. The caller needs
the right to delete each of them; what the caller may not see is not looked for. Bounded: what would take more is refused whole.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import aclosing
from typing import Final

from profiles import json
from profiles.json import Resource
from profiles.outcome import refuse
from profiles.structure import resource_types
from server.repository import Version
from server.rest.exchange import AUDIT_TYPE, Exchange
from server.rest.response import Response
from server.search.compile import compile_query
from server.search.hits import matches
from server.search.query import parse_query
from server.search.registry import indexed_parameters

PARAMETER: Final = "_cascade"
HEADER: Final = "x-cascade"
MOST: Final = 500
"""Resources that one cascade deletes."""
_WISHES: Final = frozenset({"delete", "none"})
_NAMES_AT_ONCE: Final = 50
"""Of what was found, so many are looked for in one search."""


def cascades(exchange: Exchange) -> bool:
    """Whether the caller asks for it. Raises FhirError (400) for another wish."""
    request = exchange.request
    wishes = [value for name, value in request.query if name == PARAMETER]
    wishes += [request.headers[HEADER].partition(";")[0].strip()] if HEADER in request.headers else []
    if not _WISHES.issuperset(wishes):
        raise refuse("parameter-value", "_cascade, or X-Cascade, is delete or none.", f"http.{PARAMETER}")
    return "delete" in wishes


async def delete_with_referrers(exchange: Exchange, target: Version) -> Response:
    """`target` may be deleted by the caller. Raises FhirError: forbidden (403), search-too-costly (400), edit-conflict (409)."""
    found = {target.reference: target}
    frontier = [target]
    while frontier:
        names = [version.reference for version in frontier]
        frontier = []
        async for version in _referrers(exchange, names):
            if version.reference in found:
                continue
            if len(found) == MOST:
                raise refuse("search-too-costly", f"More than {MOST} resources would go: delete some of them first.")
            await _require(exchange, version)
            found[version.reference] = version
            frontier.append(version)
    prepared = [exchange.repository.prepare_deletion(version) for version in found.values()]
    exchange.trail.tell(f"cascade=delete resources={len(prepared)}")
    await exchange.commit(prepared, status=200)
    return Response(200, json.dumps(_receipt([item.version for item in prepared])))


async def _require(exchange: Exchange, version: Version) -> None:
    access = exchange.authorize("d", version.type)
    if not await exchange.repository.admits_write(access, version):
        raise refuse("forbidden", "Something that refers to the resource may not be deleted by the caller.")


async def _referrers(exchange: Exchange, names: list[str]) -> AsyncIterator[Version]:
    """What the caller may see that refers to one of these."""
    repository = exchange.repository
    for type_ in sorted(resource_types() - {AUDIT_TYPE}):
        access = exchange.gate.access_if_any("s", type_)
        if access is None:
            continue
        for code, values in _questions(type_, names):
            query = parse_query(type_, [(code, values)])
            compiled = compile_query(query, exchange.tenant.index, repository.base_url, access)
            async with aclosing(matches(exchange, type_, compiled, None, MOST + 1)) as found:
                async for _, version in found:
                    yield version


def _questions(type_: str, names: list[str]) -> Iterator[tuple[str, str]]:
    """(search parameter, values): the names that a parameter of the type can refer to."""
    for code, parameter in indexed_parameters(type_).items():
        if parameter.type != "reference":
            continue
        fits = [name for name in names if not parameter.targets or name.partition("/")[0] in parameter.targets]
        for start in range(0, len(fits), _NAMES_AT_ONCE):
            yield code, ",".join(fits[start : start + _NAMES_AT_ONCE])


def _receipt(deleted: Iterable[Version]) -> Resource:
    """An issue for each: what was deleted, and the version that says so."""
    issues = [
        {
            "severity": "information",
            "code": "informational",
            "details": {"text": f"Deleted: {version.reference}, as version {version.version}."},
        }
        for version in deleted
    ]
    return {"resourceType": "OperationOutcome", "issue": issues}
