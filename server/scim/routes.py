"""All addresses of SCIM as data: below `/scim/v2` of a tenant's root."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Literal

from server.oauth.wire import Answer
from server.scim import documents, users
from server.scim.errors import ScimError
from server.scim.users import Asked, scim_answer

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Handler = Callable[[Asked], Awaitable[Answer]]
ID: Final = "/{id}"


@dataclass(frozen=True, slots=True)
class ScimRoute:
    """`activity` is what a refusal is called in the audit trail."""

    method: Method
    path: str
    handler: Handler
    activity: str = ""


async def _features(asked: Asked) -> Answer:
    return scim_answer(documents.service_provider_config(asked.root))


async def _resource_types(asked: Asked) -> Answer:
    found = documents.resource_type(asked.root)
    if asked.id and asked.id != found["id"]:
        raise ScimError("There is no such resource type.", status=404)
    return scim_answer(found if asked.id else documents.listed([found]))


async def _schemas(asked: Asked) -> Answer:
    known = documents.schemas(asked.root)
    if not asked.id:
        return scim_answer(documents.listed(known))
    for schema in known:
        if schema["id"].lower() == asked.id.lower():
            return scim_answer(schema)
    raise ScimError("There is no such schema.", status=404)


async def _not_here(asked: Asked) -> Answer:
    raise ScimError("The server does not do this.", status=501)


SCIM_ROUTES: Final[tuple[ScimRoute, ...]] = (
    ScimRoute("GET", "/Users", users.search, "user-list"),
    ScimRoute("POST", "/Users", users.create, "user-add"),
    ScimRoute("POST", "/Users/.search", users.search_posted, "user-list"),
    ScimRoute("POST", "/.search", users.search_posted, "user-list"),
    ScimRoute("GET", f"/Users{ID}", users.read, "user-read"),
    ScimRoute("PUT", f"/Users{ID}", users.replaced, "user-modify"),
    ScimRoute("PATCH", f"/Users{ID}", users.patch, "user-modify"),
    ScimRoute("DELETE", f"/Users{ID}", users.delete, "user-remove"),
    ScimRoute("GET", "/ServiceProviderConfig", _features),
    ScimRoute("GET", "/ResourceTypes", _resource_types),
    ScimRoute("GET", f"/ResourceTypes{ID}", _resource_types),
    ScimRoute("GET", "/Schemas", _schemas),
    ScimRoute("GET", f"/Schemas{ID}", _schemas),
    *(ScimRoute(method, "/Me", _not_here) for method in ("GET", "POST", "PUT", "PATCH", "DELETE")),
    ScimRoute("POST", "/Bulk", _not_here),
)


def routes_of(path: str) -> tuple[dict[str, ScimRoute], str]:
    """The routes of an address by method, and the id in it."""
    whole = _at(path)
    if whole:
        return whole, ""
    parent, _, id_ = path.rpartition("/")
    return _at(f"{parent}{ID}"), id_


def _at(path: str) -> dict[str, ScimRoute]:
    return {route.method: route for route in SCIM_ROUTES if route.path == path}
