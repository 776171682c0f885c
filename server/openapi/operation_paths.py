"""The path items of operations, from their Definitions (FHIR R4 operations.html)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from operations.definition import Definition, Level, Parameter
from operations.ports import Operation
from profiles.json import Resource
from server.openapi.examples import Example
from server.openapi.interactions import FHIR
from server.openapi.schemas import PATH_PARAMETERS, schema_of

_SIMPLE: Final[dict[str, Resource]] = {
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer"},
    "positiveInt": {"type": "integer", "minimum": 1},
    "unsignedInt": {"type": "integer", "minimum": 0},
    "decimal": {"type": "number"},
}
_FORMATS: Final = {"date": "date", "instant": "date-time"}


def operation_paths(operation: Operation, examples: Sequence[Example]) -> Iterator[tuple[str, Resource]]:
    """(path, path item) of every address; one for all types where it is on every type."""
    definition = operation.definition
    for level in definition.levels:
        types = ("{type}",) if definition.on == ("Resource",) else definition.types
        for type_ in types if level != "system" else ("",):
            path = "/" + "/".join(
                part for part in (type_, "{id}" if level == "instance" else "", f"${definition.code}") if part
            )
            own = [each for each in examples if fits(path, each.path)]
            item: Resource = {"post": _call(operation, level, type_, "post", own)}
            if definition.takes_get:
                item = {"get": _call(operation, level, type_, "get", own), **item}
            yield path, {**item, **path_parameters(path)}


def fits(template: str, path: str) -> bool:
    """Whether an example's path has the shape of a template."""
    wanted, given = template.split("/"), path.partition("?")[0].split("/")
    return len(wanted) == len(given) and all(a.startswith("{") or a == b for a, b in zip(wanted, given, strict=True))


def path_parameters(path: str) -> Resource:
    """What of a path item says the names in its template."""
    named = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    listed = [{"name": name, "in": "path", "required": True, "schema": PATH_PARAMETERS[name]} for name in named]
    return {"parameters": listed} if listed else {}


def _call(operation: Operation, level: Level, type_: str, method: str, examples: Sequence[Example]) -> Resource:
    definition = operation.definition
    made: Resource = {
        "operationId": "-".join(part for part in (method, definition.id, level, type_.strip("{}")) if part),
        "summary": f"${definition.code}: {definition.title}",
        "description": _description(operation),
        "tags": [f"${definition.code}"],
    }
    if method == "get":
        made["parameters"] = [_query(each) for each in definition.takes if each.is_simple]
    else:
        made["requestBody"] = _body(operation, [each for each in examples if each.method == "POST"])
    answered = [each for each in examples if each.method == method.upper()]
    made["responses"] = {**_answers(operation, answered), "default": {"$ref": "#/components/responses/Refused"}}
    return made


def _description(operation: Operation) -> str:
    definition = operation.definition
    parts = [definition.text]
    if operation.roles:
        parts.append(f"For: {', '.join(sorted(operation.roles))}.")
    parts.append("Changes what is stored." if definition.affects_state else "Stores nothing but the audit record.")
    return " ".join(parts)


def _query(parameter: Parameter) -> Resource:
    type_ = next(each for each in (parameter.type, *parameter.also) if each[:1].islower())
    schema = _SIMPLE.get(type_, {"type": "string", **({"format": _FORMATS[type_]} if type_ in _FORMATS else {})})
    if parameter.most != 1:
        schema = {"type": "array", "items": schema}
    made: Resource = {"name": parameter.name, "in": "query", "schema": schema}
    if parameter.text:
        made["description"] = parameter.text
    return {**made, "required": True} if parameter.least else made


def _body(operation: Operation, examples: Sequence[Example]) -> Resource:
    """Parameters; and where a body may stand for one of them, that as well."""
    definition = operation.definition
    schemas = [schema_of("Parameters")]
    alone = definition.parameter(definition.body) if definition.body else None
    if alone is not None and (alone.is_resource or alone.type == "Element"):
        schemas.append(schema_of(alone.type))
    if operation.plain_json:
        schemas.append(schema_of("Json"))
    content: Resource = {"schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}}
    if examples:
        content["examples"] = {each.name: {"summary": each.title, "value": each.body} for each in examples}
    required = any(each.least for each in definition.takes)
    return {"required": required, "description": _inputs(definition), "content": {FHIR: content}}


def _inputs(definition: Definition) -> str:
    return "; ".join(f"{each.name}: {each.type or 'parts'}" for each in definition.takes) or "No parameters."


def _answers(operation: Operation, examples: Sequence[Example]) -> Resource:
    definition = operation.definition
    if operation.streams:
        return {"200": {"description": "A stream.", "content": {"*/*": {"schema": {}}}}}
    alone = definition.gives[0] if len(definition.gives) == 1 and definition.gives[0].name == "return" else None
    schema = schema_of(alone.type if alone is not None and alone.is_resource and alone.most == 1 else "Parameters")
    if alone is not None and alone.is_resource and alone.most != 1:
        schema = schema_of("Resource")
    if operation.plain_json:
        schema = {"anyOf": [schema, schema_of("Json")]}
    content: Resource = {"schema": schema}
    if examples:
        content["examples"] = {each.name: {"summary": each.title, "value": each.answer} for each in examples}
    return {
        "200": {"description": "The answer.", "content": {FHIR: content}},
        "202": {"$ref": "#/components/responses/Accepted"},
    }
