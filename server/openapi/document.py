"""The OpenAPI 3.1 document of a FHIR base, made from the route table and the operations' Definitions, so that it cannot lie.

It is public, as the CapabilityStatement is: it says what the program does, and nothing of what is stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import Final

from operations.ports import Operation
from profiles.json import Resource
from server.openapi.examples import Example, examples
from server.openapi.interactions import FHIR, FORM, INTERACTIONS, Told
from server.openapi.operation_paths import fits, operation_paths, path_parameters
from server.openapi.schemas import HEADERS, QUERY_PARAMETERS, components, schema_of
from server.rest.request import Base
from server.rest.routes import ROUTES

ADDRESS: Final = "openapi.json"
_ABOUT: Final = (
    "FHIR R4 with Da Vinci PAS for prior authorization. Bodies and answers are JSON here; XML is taken and given as well, as "
    "Content-Type and Accept say. Every call but this one and /metadata needs a bearer token."
)
_TEXT: Final[Resource] = {"type": "string"}
_PLAIN: Final = str.maketrans({"{": "", "}": "", "/": "-"})


def openapi_document(base: Base, operations: Mapping[tuple[str, str, str], Operation]) -> Resource:
    """Everything that can be asked at `base`."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Assent", "version": version("assent"), "description": _ABOUT},
        "servers": [{"url": base.url}],
        "security": [{"token": []}],
        "tags": [{"name": "FHIR", "description": "The interactions of FHIR R4, for every resource type."}],
        "paths": {**_interactions(), **_operations(operations.values())},
        "components": _components(),
    }


def _components() -> Resource:
    made = components()
    made["responses"]["Accepted"] = {
        "description": "Accepted (`Prefer: respond-async`); Content-Location says where to ask for the answer.",
        "content": {FHIR: {"schema": schema_of("OperationOutcome")}},
    }
    return made


def _operations(operations: Iterable[Operation]) -> Resource:
    by_id = {each.definition.id: each for each in operations}
    paths: Resource = {}
    for id_ in sorted(by_id):
        paths.update(operation_paths(by_id[id_], examples()))
    return paths


def _interactions() -> Resource:
    """The routes, but those of operations."""
    paths: Resource = {}
    for route in ROUTES:
        told = INTERACTIONS.get((route.method, route.template))
        if told is None:
            continue
        path = f"/{route.template}"
        item = paths.setdefault(path, path_parameters(path))
        item[route.method.lower()] = _call(route.method, path, told)
    return paths


def _call(method: str, path: str, told: Told) -> Resource:
    own = [each for each in examples() if each.method == method and fits(path, each.path) and "$" not in each.path]
    made: Resource = {
        "operationId": f"{method.lower()}-{path.strip('/').translate(_PLAIN) or 'base'}",
        "summary": told.summary,
        "description": told.text,
        "tags": ["FHIR"],
        "responses": _answers(told, own),
    }
    parameters = [_query(name) for name in told.query]
    parameters += [{"name": name, "in": "header", "description": HEADERS[name], "schema": _TEXT} for name in told.headers]
    if parameters:
        made["parameters"] = parameters
    if told.body:
        made["requestBody"] = {"required": True, "content": {kind: _sent(kind, told, own) for kind in told.body}}
    return made


def _query(name: str) -> Resource:
    text, schema = QUERY_PARAMETERS[name]
    return {"name": name, "in": "query", "description": text, "schema": schema}


def _sent(kind: str, told: Told, own: Sequence[Example]) -> Resource:
    if kind == FORM:
        return {"schema": {"type": "object", "additionalProperties": _TEXT}}
    content: Resource = {"schema": schema_of("Patch" if "patch" in kind else told.body_schema)}
    bodies = {each.name: {"summary": each.title, "value": each.body} for each in own if each.body is not None}
    return {**content, "examples": bodies} if bodies and kind == FHIR else content


def _answers(told: Told, own: Sequence[Example]) -> Resource:
    made: Resource = {}
    for status, schema in told.answers.items():
        shown = {each.name: {"summary": each.title, "value": each.answer} for each in own if each.status == status}
        content: Resource = {"schema": schema_of(schema)}
        if shown:
            content["examples"] = shown
        answer: Resource = {"description": told.summary}
        made[str(status)] = {**answer, "content": {FHIR: content}} if schema else answer
    return {
        **made,
        "202": {"$ref": "#/components/responses/Accepted"},
        "default": {"$ref": "#/components/responses/Refused"},
    }
