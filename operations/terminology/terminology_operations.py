"""`$lookup`, `$validate-code`, `$subsumes`, `$expand`, `$batch-validate-code` and `$translate`, on types and on instances.

FHIR R4 codesystem-, valueset- and conceptmap-operations. What is refused is answered with HL7's issue types and message ids
(terminology/issues.py), which clients of terminology servers go by. docs/terminology.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from operations.definition import Level
from operations.ports import Context, Operation, OperationInput, OperationOutput
from operations.terminology.closure import closure_operation
from operations.terminology.content import StoredContent
from operations.terminology.definitions import definition
from profiles.json import Resource
from profiles.outcome import refuse
from terminology.catalogue import Catalogue
from terminology.elements import rows
from terminology.expand import expand
from terminology.expansion_r4 import r4_expansion
from terminology.issues import TerminologyError, outcome
from terminology.lookup import lookup
from terminology.question import Question, read_question
from terminology.subsumes import subsumes
from terminology.translate import translate
from terminology.validate_code import validate_in_code_system, validate_in_value_set, validate_many

_OFFERED: Final[tuple[tuple[str, str, tuple[Level, ...]], ...]] = (
    ("CodeSystem", "lookup", ("type",)),
    ("CodeSystem", "validate-code", ("type", "instance")),
    ("CodeSystem", "subsumes", ("type", "instance")),
    ("ValueSet", "expand", ("type", "instance")),
    ("ValueSet", "validate-code", ("type", "instance")),
    ("ValueSet", "batch-validate-code", ("type",)),
    ("ConceptMap", "translate", ("type", "instance")),
)
_SIMPLE: Final[Mapping[str, Callable[[Catalogue, Question], Resource]]] = {
    "CodeSystem-lookup": lookup,
    "CodeSystem-validate-code": validate_in_code_system,
    "CodeSystem-subsumes": subsumes,
    "ValueSet-validate-code": validate_in_value_set,
    "ConceptMap-translate": translate,
}
_FEW: Final = 5
"""Codings that are checked without a thread."""
_MOST_SYSTEMS: Final = 20
"""Systems of one CodeableConcept that maps are looked for."""
_BODIES: Final = {"ValueSet": "valueSet", "CodeSystem": "codeSystem", "ConceptMap": "conceptMap"}
"""A definition sent as the body itself stands for the parameter of that name."""


def terminology_operations(content: StoredContent) -> tuple[Operation, ...]:
    """All of them, answering from `content`."""
    offered = [_operation(content, type_, code, levels) for type_, code, levels in _OFFERED]
    return (*offered, closure_operation(content))


def _operation(content: StoredContent, type_: str, code: str, levels: tuple[Level, ...]) -> Operation:
    async def run(given: OperationInput, context: Context) -> OperationOutput:
        try:
            parameters = await _parameters(given, type_, context)
            return OperationOutput(
                await _answer(content, type_, code, parameters, given.headers.get("accept-language"), context)
            )
        except TerminologyError as error:
            return OperationOutput(outcome(error.issues), error.status)

    defined = definition(type_, code, levels)
    return Operation(defined, run, "r", discloses=True, header_names=("accept-language",), reads_itself=True)


async def _answer(
    content: StoredContent, type_: str, code: str, parameters: Resource, language: str | None, context: Context
) -> Resource:
    if code == "batch-validate-code":
        return await content.answer(lambda catalogue: validate_many(catalogue, parameters, language), context)
    question = read_question(parameters, language)
    if code == "expand":
        now = context.now()
        found = await content.answer(lambda catalogue: expand(catalogue, question, now), context)
        return r4_expansion(found, question.texts("property"))
    simple = _SIMPLE[f"{type_}-{code}"]
    if type_ == "ConceptMap":
        return await content.answer(lambda catalogue: simple(catalogue, question), context, _map_queries(question))
    small = not question.resources and len(rows(question.object("codeableConcept") or {}, "coding")) <= _FEW
    return await content.answer(lambda catalogue: simple(catalogue, question), context, small=small)


def _map_queries(question: Question) -> list[tuple[str, str]]:
    """Where the concept maps of a question can be found: by URL, or by the systems of its codes."""
    url = question.text("url")
    if url is not None:
        return [("url", url.partition("|")[0])]
    concepts = [question.object(name) or {} for name in ("sourceCodeableConcept", "codeableConcept")]
    codings = [question.object(name) or {} for name in ("sourceCoding", "coding", "targetCoding")]
    codings += [one for concept in concepts for one in rows(concept, "coding")]
    systems = [one.get("system") for one in codings]
    systems += [question.text("sourceSystem", "system"), question.text("targetSystem")]
    found = [one for one in dict.fromkeys(systems) if isinstance(one, str)][:_MOST_SYSTEMS]
    return [(name, one) for one in found for name in ("source-system", "target-system")]


async def _parameters(given: OperationInput, type_: str, context: Context) -> Resource:
    """The input as Parameters: the body, what the query says, and the definition at the address. Raises FhirError."""
    rows: list[Resource] = [
        {"name": name, "valueString": value}
        for name, values in given.query.items()
        if not name.startswith("_")
        for value in values
    ]
    body = given.resource
    if body is not None and body.get("resourceType") == "Parameters":
        listed = body.get("parameter", [])
        rows += [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
    elif body is not None and body.get("resourceType") == type_:
        rows.append({"name": _BODIES[type_], "resource": body})
    elif body is not None:
        raise refuse("structure", f"The body must be Parameters or a {type_}.", "Parameters")
    if given.resource_id is not None:
        rows += await _instance(given.resource_id, type_, context)
    return {"resourceType": "Parameters", "parameter": rows}


async def _instance(id_: str, type_: str, context: Context) -> list[Resource]:
    stored = await context.records.read(type_, id_)
    if stored is None:
        raise refuse("not-found", f"There is no such {type_}.", "http.url")
    url = stored.get("url")
    named: list[Resource] = [{"name": "system", "valueUri": url}] if type_ == "CodeSystem" and isinstance(url, str) else []
    return [*named, {"name": "tx-resource", "resource": stored}, {"name": _BODIES[type_], "resource": stored}]
