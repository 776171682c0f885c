"""The parts of the OpenAPI document that its paths refer to: schemas, parameters, answers, the way in."""

from __future__ import annotations

from typing import Final

from profiles.json import Resource
from profiles.structure import resource_types

ID: Final = "^[A-Za-z0-9\\-.]{1,64}$"
_TEXT: Final[Resource] = {"type": "string"}

PATH_PARAMETERS: Final[dict[str, Resource]] = {
    "type": {"$ref": "#/components/schemas/ResourceType"},
    "member": {"$ref": "#/components/schemas/ResourceType"},
    "id": {"type": "string", "pattern": ID},
    "version": {"type": "string", "pattern": "^[1-9][0-9]{0,8}$"},
}
QUERY_PARAMETERS: Final[dict[str, tuple[str, Resource]]] = {
    "_at": ("Versions in force at some time in this interval.", _TEXT),
    "_cascade": ("`delete`: what refers to it as well.", {"type": "string", "enum": ["delete", "none"]}),
    "_count": ("Entries on a page.", {"type": "integer", "minimum": 1, "maximum": 1000}),
    "_elements": ("Only these elements, several behind commas.", _TEXT),
    "_id": ("Ids, several behind commas.", _TEXT),
    "_include": ("Resources that matches refer to, as in Claim:patient.", _TEXT),
    "_lastUpdated": ("As in ge2026-01-01.", _TEXT),
    "_revinclude": ("Resources that refer to matches, as in Provenance:target.", _TEXT),
    "_since": ("Stored at that time or later.", {"type": "string", "format": "date-time"}),
    "_sort": ("Search parameters in order, with - for descending.", _TEXT),
    "_summary": ("A view of each resource.", {"type": "string", "enum": ["true", "text", "data", "count", "false"]}),
    "_total": ("Whether matches are counted.", {"type": "string", "enum": ["none", "estimate", "accurate"]}),
    "_type": ("Types, several behind commas.", _TEXT),
    "identifier": ("As in system|value.", _TEXT),
}
HEADERS: Final[dict[str, str]] = {
    "If-Match": 'The version that is expected, as in W/"3".',
    "If-None-Exist": "Create only where nothing matches these criteria.",
    "If-None-Match": 'A version that the caller has, as in W/"3".',
    "X-Cascade": "`delete`: what refers to it as well.",
}


def components() -> Resource:
    """OpenAPI `components`."""
    return {
        "schemas": {
            "ResourceType": {"type": "string", "enum": sorted(resource_types())},
            "Resource": {
                "type": "object",
                "required": ["resourceType"],
                "properties": {"resourceType": {"$ref": "#/components/schemas/ResourceType"}, "id": {"type": "string"}},
                "description": "Any FHIR R4 resource: https://hl7.org/fhir/R4/resourcelist.html",
            },
            "Bundle": _named("Bundle"),
            "Parameters": _named("Parameters"),
            "OperationOutcome": {
                **_named("OperationOutcome"),
                "required": ["resourceType", "issue"],
                "properties": {
                    "resourceType": {"const": "OperationOutcome"},
                    "issue": {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Issue"}},
                },
            },
            "Issue": {
                "type": "object",
                "required": ["severity", "code"],
                "properties": {
                    "severity": {"enum": ["fatal", "error", "warning", "information"]},
                    "code": {"type": "string"},
                    "details": {"type": "object"},
                    "expression": {"type": "array", "items": {"type": "string"}},
                },
            },
            "Json": {"type": "object"},
            "Patch": {"oneOf": [{"type": "array", "items": {"type": "object"}}, {"type": "object"}]},
        },
        "securitySchemes": {
            "token": {
                "type": "http",
                "scheme": "bearer",
                "description": "An access token of SMART App Launch 2.2: see .well-known/smart-configuration under the base.",
            }
        },
        "responses": {
            "Refused": {
                "description": "Refused, with the reason: docs/errors.md lists the codes.",
                "content": {"application/fhir+json": {"schema": {"$ref": "#/components/schemas/OperationOutcome"}}},
            }
        },
    }


def _named(type_: str) -> Resource:
    return {"type": "object", "required": ["resourceType"], "properties": {"resourceType": {"const": type_}}}


def schema_of(type_: str) -> Resource:
    """A reference to the schema of a resource: of its own where there is one."""
    known = ("Bundle", "Parameters", "OperationOutcome", "Json", "Patch")
    return {"$ref": f"#/components/schemas/{type_ if type_ in known else 'Resource'}"}
