"""All FHIR addresses as data: (method, path template, interaction, handler, scope letter).

Routing, the CapabilityStatement and docs/rest.md are made from this table, so that none can claim what is not there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from server.auth.decision import Letter
from server.bulk.download import download
from server.rest.exchange import Exchange
from server.rest.interactions import conditional
from server.rest.interactions.bundle import bundle
from server.rest.interactions.delete_history import delete_history
from server.rest.interactions.history import history_instance, history_system, history_type
from server.rest.interactions.job_status import cancel, status
from server.rest.interactions.operation import operation
from server.rest.interactions.patch import conditional_patch, patch
from server.rest.interactions.read import read, vread
from server.rest.interactions.search import search
from server.rest.interactions.write import delete, update
from server.rest.response import Response

Handler = Callable[[Exchange], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Route:
    """`interaction` is a FHIR restful-interaction code; `action` the AuditEvent action; `letter` the SMART v2 scope letter.

    A route without a letter decides for itself who may call (each entry of a Bundle, each operation, each type of a search).
    """

    method: str
    template: str
    interaction: str
    action: str
    handler: Handler
    letter: Letter | None = None
    read_only_types: bool = True
    """Whether the route also serves the types that only the server writes (AuditEvent)."""
    later: bool = False
    """Whether `Prefer: respond-async` is heeded (R4 async.html)."""


ROUTES: tuple[Route, ...] = (
    Route("POST", "", "batch", "E", bundle, later=True),
    Route("GET", "", "search-system", "E", search, later=True),
    Route("POST", "_search", "search-system", "E", search, later=True),
    Route("GET", "{type}", "search-type", "E", search, "s", later=True),
    Route("POST", "{type}/_search", "search-type", "E", search, "s", later=True),
    Route("POST", "{type}", "create", "C", conditional.create, "c", read_only_types=False),
    Route("PUT", "{type}", "update", "U", conditional.update, "u", read_only_types=False),
    Route("PATCH", "{type}", "patch", "U", conditional_patch, "u", read_only_types=False),
    Route("DELETE", "{type}", "delete", "D", conditional.delete, "d", read_only_types=False),
    Route("GET", "{type}/{id}", "read", "R", read, "r"),
    Route("PUT", "{type}/{id}", "update", "U", update, "u", read_only_types=False),
    Route("PATCH", "{type}/{id}", "patch", "U", patch, "u", read_only_types=False),
    Route("DELETE", "{type}/{id}", "delete", "D", delete, "d", read_only_types=False),
    Route("GET", "{type}/{id}/{member}", "search-type", "E", search, later=True),
    Route("POST", "{type}/{id}/{member}/_search", "search-type", "E", search, later=True),
    Route("POST", "{type}/{id}/_search", "search-system", "E", search, later=True),
    Route("GET", "_history", "history-system", "E", history_system),
    Route("GET", "{type}/_history", "history-type", "E", history_type, "s", read_only_types=False),
    Route("GET", "{type}/{id}/_history", "history-instance", "R", history_instance, "r", read_only_types=False),
    Route("DELETE", "{type}/{id}/_history", "$delete-history", "D", delete_history, "d", read_only_types=False),
    Route("GET", "{type}/{id}/_history/{version}", "vread", "R", vread, "r"),
    Route("GET", "_async/{id}", "$async-status", "R", status),
    Route("DELETE", "_async/{id}", "$async-cancel", "D", cancel),
    Route("GET", "_async/{id}/{member}", "$async-file", "R", download),
    Route("POST", "${operation}", "operation", "E", operation, later=True),
    Route("GET", "${operation}", "operation", "E", operation, later=True),
    Route("POST", "{type}/${operation}", "operation", "E", operation, later=True),
    Route("GET", "{type}/${operation}", "operation", "E", operation, later=True),
    Route("POST", "{type}/{id}/${operation}", "operation", "E", operation, later=True),
    Route("GET", "{type}/{id}/${operation}", "operation", "E", operation, later=True),
)


class RouteTable:
    """Finds the route of an address; knows which methods an address has."""

    def __init__(self, routes: tuple[Route, ...]) -> None:
        self._by_shape: dict[str, dict[str, Route]] = {}
        for route in routes:
            self._by_shape.setdefault(route.template, {})[route.method] = route

    def methods(self, template: str) -> Mapping[str, Route]:
        """The routes of an address by method; empty when nothing is defined there."""
        return self._by_shape.get(template, {})
