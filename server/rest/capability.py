"""The CapabilityStatement, made from the route table, the search registry and the operations, so that it cannot lie."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Final

from operations.definition import Definition
from operations.ports import Operation
from profiles.json import Resource
from profiles.search_parameters import SearchParameter
from profiles.structure import resource_types
from server.bulk.definitions import CAPABILITIES as BULK_DATA
from server.rest.exchange import AUDIT_TYPE
from server.rest.formats import FHIR_XML
from server.rest.interactions.patch import READERS
from server.rest.own_definitions import address_of, link_to
from server.rest.request import FHIR_JSON, Base
from server.rest.routes import ROUTES
from server.rest.search_capabilities import include_claims, own_urls, system_claims
from server.search.registry import offered_parameters
from server.subscriptions.owner import TYPE as SUBSCRIPTION
from server.subscriptions.topics import subscription_claims

_WHOLE_SYSTEM: Final = ("transaction", "batch", "search-system", "history-system")
SINCE: Final = "2026-11-22"
_COMMON: Final = {"_content": "string", "_filter": "special", "_has": "special", "_list": "special", "_text": "string"}
"""What every type can be searched by beside its parameters, with the nearest type that R4 has a code for."""

_BINARY: Final = (
    "POST and PUT with the content's own Content-Type store it as it is, with X-Security-Context; a read answers with the content "
    "unless Accept or _format names a FHIR format, and heeds Range and If-Range."
)


def capability_statement(
    base: Base,
    operations: Mapping[tuple[str, str, str], Operation],
    endpoints: Mapping[str, str],
    conditional_delete: str = "single",
) -> Resource:
    """What this base does, for FHIR R4 (capabilitystatement.html). `conditional_delete`: single or multiple.

    `endpoints` are those of the authorization server, by the names of SMART's extension: authorize, token, ...
    """
    by_type: dict[str, list[Operation]] = {}
    for (_, type_, _), operation in operations.items():
        by_type.setdefault(type_, []).append(operation)
    urls = own_urls()
    rest: Resource = {
        "mode": "server",
        "security": {
            "extension": [_oauth_uris(endpoints)],
            "cors": True,
            "service": [
                {
                    "coding": [
                        {
                            "system": "http://terminology.hl7.org/CodeSystem/restful-security-service",
                            "code": "SMART-on-FHIR",
                        },
                        {"system": "http://terminology.hl7.org/CodeSystem/restful-security-service", "code": "OAuth"},
                    ],
                    "text": "SMART App Launch 2.2: see .well-known/smart-configuration under this base",
                }
            ],
            "description": "Every call but this one needs a bearer token; its tenant, roles and scopes decide what it may do.",
        },
        "documentation": _later(operations.values()),
        "resource": [
            _resource(type_, _operations(by_type.get(type_, []), base.url), conditional_delete, urls)
            for type_ in sorted(resource_types())
        ],
        "interaction": [{"code": code} for code in _WHOLE_SYSTEM],
        **system_claims(),
    }
    if by_type.get(""):
        rest["operation"] = _operations(by_type[""], base.url)
    return {
        "resourceType": "CapabilityStatement",
        "url": f"{base.url}/metadata",
        "version": version("assent"),
        "name": "Assent",
        "title": "Assent: a FHIR server for prior authorization",
        "status": "active",
        "date": SINCE,
        "kind": "instance",
        "instantiates": [BULK_DATA],
        "software": {"name": "Assent", "version": version("assent")},
        "implementation": {"description": f"Assent, Da Vinci PAS {base.pas_version}", "url": base.url},
        "fhirVersion": "4.0.1",
        "format": ["json", FHIR_JSON, "xml", FHIR_XML],
        "patchFormat": list(READERS),
        "rest": [rest],
    }


def _oauth_uris(endpoints: Mapping[str, str]) -> Resource:
    """SMART App Launch 1.0, the way in which older apps find the authorization server."""
    return {
        "url": "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris",
        "extension": [{"url": name, "valueUri": address} for name, address in endpoints.items()],
    }


def _later(operations: Iterable[Operation]) -> str:
    """What may be asked for with respond-async: R4 has no element for it."""
    able = {route.interaction for route in ROUTES if route.later and route.interaction != "operation"} | {"transaction"}
    able |= {f"${operation.code}" for operation in operations if is_able_later(operation)}
    return (
        "Prefer: respond-async (FHIR asynchronous request pattern; the answer is a Bundle of type batch-response) is heeded "
        f"on: {', '.join(sorted(able))}."
    )


def is_able_later(operation: Operation) -> bool:
    """Whether `Prefer: respond-async` is heeded on it."""
    return not (operation.streams or operation.makes_job) and (operation.repeatable or not operation.affects_state)


def _resource(
    type_: str, operations: list[Resource], conditional_delete: str, urls: Mapping[tuple[str, str], str]
) -> Resource:
    own = type_ == AUDIT_TYPE
    codes = {route.interaction for route in ROUTES if route.letter is not None and (route.read_only_types or not own)}
    codes = {code for code in codes if not code.startswith("$")}  # R4 has no code for the rest
    resource: Resource = {
        "type": type_,
        "interaction": [{"code": code} for code in sorted(codes)],
        "versioning": "no-version" if own else "versioned-update",
        "readHistory": not own,
        "updateCreate": not own,
        "conditionalCreate": not own,
        "conditionalRead": "not-match" if own else "full-support",
        "conditionalUpdate": not own,
        "conditionalDelete": "not-supported" if own else conditional_delete,
        "referencePolicy": ["literal", "logical", "local"],
        **include_claims(type_),
        "searchParam": [
            *({"name": name, "type": kind} for name, kind in _COMMON.items()),
            *(_parameter(one, urls.get((type_, one.code))) for one in offered_parameters(type_).values()),
        ],
    }
    if type_ == "Binary":
        resource["documentation"] = _BINARY
    if type_ == SUBSCRIPTION:
        resource |= subscription_claims()
    if operations:
        resource["operation"] = operations
    return resource


def _parameter(parameter: SearchParameter, url: str | None) -> Resource:
    named = {} if url is None else {"definition": url}
    return {"name": parameter.code, **named, "type": parameter.type}


def _operations(operations: Iterable[Operation], base_url: str) -> list[Resource]:
    seen = {operation.code: operation.definition for operation in operations}
    return [_operation(seen[code], base_url) for code in sorted(seen)]


def _operation(definition: Definition, base_url: str) -> Resource:
    """Clients know a guide's operation by its canonical name, which leads elsewhere: then the text says where ours is."""
    shown: Resource = {"name": definition.code, "definition": link_to(definition, base_url)}
    if not definition.is_ours:
        shown["documentation"] = f"As it is done here: {address_of(definition, base_url)}"
    return shown
