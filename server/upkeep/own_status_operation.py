"""`SearchParameter/$status`: which of the tenant's own search parameters are applied, and how far the index is with each (ours).

For whoever may read SearchParameters, and of those alone. Counts are of the tenant's own records; while nothing is waiting, no job is looked for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

from operations.definition import Definition, Parameter, needed
from operations.policy.fhir_parameters import boolean, code, group, parameters, text
from operations.ports import Context, Found, Operation, OperationInput, OperationOutput
from profiles.json import Resource
from profiles.outcome import FhirError, refuse
from profiles.posted_search_parameters import TYPE, parameters_of
from server.repository import Repository, instant
from server.rest.exchange import Services
from server.search.catalogue import Catalogue, has_entries
from server.search.own_parameters import MOST_OF_TYPE
from server.store.jobs import JobStatus
from server.upkeep.own_index import KIND

_AT_ONCE: Final = 200

STATUS: Final = Definition(
    id="searchparameter-status",
    code="status",
    title="Tell how search parameters are",
    text="For each SearchParameter that the tenant stores and the caller may read: whether it is applied, and whether all records are "
    "indexed by it. One that is applied may be searched by whatever its state; until it is indexed each hit is looked at.",
    levels=("type", "instance"),
    on=(TYPE,),
    gives=(
        Parameter(
            "search-parameter",
            text="One of them.",
            most=None,
            parts=(
                needed("id", "id", "Of the SearchParameter."),
                Parameter("url", "uri"),
                Parameter("code", "code", "What it is called in a search."),
                needed("applied", "boolean", "Whether a type at least can be searched by it."),
                Parameter("reason", "string", "Why it is not, or not for all of its types."),
                Parameter("type", "code", "A type that can be searched by it.", most=None),
                Parameter(
                    "state",
                    "code",
                    "indexed; indexing; queued, for work that begins within seconds or goes on after other work; failed, for work "
                    "that an administrator can have tried again (`assent jobs`); looked-at, which is never entered.",
                ),
                Parameter("done", "integer", "Records that were looked at by the work under way."),
                Parameter("of", "integer", "Records that it looks at, about."),
                needed(
                    "since", "instant", "When this version was stored; when the work was asked for, where there is some."
                ),
            ),
        ),
    ),
)


def own_status_operation(services: Services) -> Operation:
    async def status(given: OperationInput, context: Context) -> OperationOutput:
        """Raises FhirError: not-found (404)."""
        tenant = services.keyring.get(context.tenant)
        if tenant is None:
            raise refuse("not-found", "There is no such tenant.")
        repository = Repository(services.store, tenant, context.base_url, services.clock)
        catalogue = await services.own_parameters.anew(repository)
        jobs = [job async for job in _jobs(services, tenant.number)] if catalogue.waiting else []
        query = {} if given.resource_id is None else {"_id": given.resource_id}
        told = [_told(found, catalogue, jobs) async for found in context.records.find(TYPE, query)]
        if given.resource_id is not None and not told:
            raise refuse("not-found", "There is no such SearchParameter.")
        return OperationOutput(parameters(told))

    return Operation(STATUS, status, "r", discloses=True)


async def _jobs(services: Services, tenant: int) -> AsyncIterator[JobStatus]:
    """The tenant's work on its index that is not done, in the order in which it was asked for."""
    after = 0
    while jobs := await services.store.jobs.listed(after, _AT_ONCE):
        for job in jobs:
            if job.tenant == tenant and job.kind == KIND and job.closed in {None, "failed"}:
                yield job
        after = jobs[-1].id


def _told(found: Found, catalogue: Catalogue, jobs: Sequence[JobStatus]) -> Resource:
    resource = found.resource()
    name, url = resource.get("code"), resource.get("url")
    types, reason = _applied(found.id, resource, catalogue)
    job = _work(found, jobs) if found.id in catalogue.waiting and types else None
    parts: list[Resource | None] = [
        {"name": "id", "valueId": found.id},
        {"name": "url", "valueUri": url} if isinstance(url, str) else None,
        code("code", name) if isinstance(name, str) else None,
        boolean("applied", bool(types)),
        text("reason", reason),
        *(code("type", type_) for type_ in types),
        code("state", _state(found.id, str(name), types, catalogue, job)) if types else None,
    ]
    if job is not None and job.total > 1:  # it has counted them, and itself as one more
        parts += [{"name": "done", "valueInteger": job.done}, {"name": "of", "valueInteger": job.total - 1}]
    parts.append({"name": "since", "valueInstant": instant(found.updated if job is None else job.created)})
    return group("search-parameter", parts)


def _applied(id_: str, resource: Resource, catalogue: Catalogue) -> tuple[list[str], str]:
    """The types that can be searched by it, and why others cannot."""
    try:
        made = parameters_of(resource, catalogue.like)
    except FhirError as error:
        return [], error.issues[0].text
    if not made:
        given = resource.get("status") in {"active", "draft"}
        return [], "The server has the very same." if given else "Its status is neither active nor draft."
    types = [type_ for type_ in sorted(made) if catalogue.owners.get((type_, made[type_].code)) == id_]
    left = len(made) - len(types)
    why = f"{left} of its types have an older one of that code, or {MOST_OF_TYPE} of their own already."
    return types, why if left else ""


def _work(found: Found, jobs: Sequence[JobStatus]) -> JobStatus | None:
    """The first that was asked for when this version was there: one before may have begun without it."""
    return next((job for job in jobs if job.created >= found.updated), None)


def _state(id_: str, name: str, types: Sequence[str], catalogue: Catalogue, job: JobStatus | None) -> str:
    if not any(has_entries(type_, catalogue.by_type[type_][name]) for type_ in types):
        return "looked-at"
    if id_ not in catalogue.waiting:
        return "indexed"
    if job is None or job.state == "queued":
        return "queued"
    return "failed" if job.closed else "indexing"
