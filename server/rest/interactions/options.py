"""OPTIONS on a FHIR address (RFC 9110 9.3.7): which methods it takes, as the CapabilityStatement says too, and to anybody.

It looks at nothing but the address, so that it tells of no record; nothing is noted in the trail.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from operations.ports import Operation
from profiles.compartments import compartment_types, member_types
from profiles.outcome import FhirError, refuse
from server.rest.admitted import PUBLIC
from server.rest.exchange import AUDIT_TYPE, check_type
from server.rest.interactions.patch import READERS
from server.rest.request import Request
from server.rest.response import Response, error_response
from server.rest.routes import Route

_LEVELS: Final = {1: "system", 2: "type", 3: "instance"}
_EVERY_TYPE: Final = "*"


def allowed_methods(methods: Iterable[str]) -> str:
    """For the Allow header: where one may GET, one may HEAD, and everywhere OPTIONS."""
    named = set(methods)
    return ", ".join(sorted(named | ({"HEAD"} if "GET" in named else set()) | {"OPTIONS"}))


def options(
    routes: Mapping[str, Route], operations: Mapping[tuple[str, str, str], Operation], request: Request
) -> Response:
    """204 with Allow; 404 for what is no address."""
    try:
        methods = _methods(routes, operations, request)
    except FhirError as error:
        return error_response(error)
    headers = {"Allow": allowed_methods(methods)}
    if "PATCH" in methods:
        headers["Accept-Patch"] = ", ".join(READERS)
    return Response(204, b"", headers)


def _methods(
    routes: Mapping[str, Route], operations: Mapping[tuple[str, str, str], Operation], request: Request
) -> frozenset[str]:
    if request.segments in PUBLIC:
        return frozenset({"GET"})
    if not routes:
        raise _nothing_there()
    methods = frozenset(routes)
    template = request.template
    if template.startswith("{type}"):
        check_type(request.segments[0])
        if request.segments[0] == AUDIT_TYPE:
            methods = frozenset(method for method in methods if routes[method].read_only_types)
    if template.endswith("${operation}"):
        return _of_operation(operations, request)
    if template.startswith("{type}/{id}/") and ("{member}" in template or template.endswith("_search")):
        _check_member(request.segments)
    return methods


def _of_operation(operations: Mapping[tuple[str, str, str], Operation], request: Request) -> frozenset[str]:
    level = _LEVELS[len(request.segments)]
    type_ = "" if level == "system" else request.segments[0]
    found = operations.get((level, type_, request.segments[-1][1:]))
    if found is None:
        raise refuse("unknown-operation", "There is no such operation at this address.", "http.url")
    return frozenset({"GET", "POST"} if found.definition.takes_get else {"POST"})


def _check_member(segments: tuple[str, ...]) -> None:
    owner, member = segments[0], segments[2]
    if owner not in compartment_types() or (member not in {_EVERY_TYPE, "_search"} and member not in member_types(owner)):
        raise _nothing_there()


def _nothing_there() -> FhirError:
    return refuse("unknown-address", "There is nothing at this address.", "http.url")
