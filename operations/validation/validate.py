"""`$validate` on types, on instances and on the whole server (FHIR R4 resource-operation-validate.html, docs/validation.md).

The answer is 200 with an OperationOutcome whatever is found; only a question that cannot be understood is refused. Nothing is
stored but the audit record. Stored definitions are used for callers who may read StructureDefinitions: for others the answer is that
of R4 and our library, so that nobody learns by trying what is defined here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from operations.ports import Context, Operation, OperationInput, OperationOutput
from operations.validation.checker import Check, Checker
from operations.validation.modes import for_create, for_delete, for_update
from operations.validation.question import Asked, Form, read_asked
from operations.validation.validate_definition import VALIDATE_DEFINITION
from profiles.conformance.context import MAX_FINDINGS
from profiles.json import Json, Resource
from profiles.outcome import Issue, operation_outcome, refuse

_ALL_WELL: Final = Issue("valid", "Nothing wrong was found.", None, "information")
_LEFT_OUT: Final = Issue(
    "definitions-unread",
    "Definitions that are stored here were left out, because the caller may not read StructureDefinition.",
    None,
    "information",
)
_MORE: Final = Issue("validation-limit", "More was found than is told; mend these first, and ask again.", None, "warning")
_UNKNOWN: Final = frozenset({"profile-unknown", "extension-unknown", "questionnaire-unknown", "code-unknown"})


def validate(checker: Checker) -> Operation:
    """At all three levels, on every type."""

    async def run(given: OperationInput, context: Context) -> OperationOutput:
        asked = read_asked(given)
        if given.resource_id is not None:
            return OperationOutput(await _instance(given, asked, checker, context))
        if asked.mode in ("update", "delete"):
            raise refuse(
                "parameter-value", f"mode {asked.mode} is for a resource that is stored: call it there.", "http.mode"
            )
        if not asked.resources and asked.form == "one":
            raise refuse("body-missing", "Send the resource that is to be validated as the body.", "http.body")
        outcomes = [await _outcome(each, asked, given.resource_type, checker, context) for each in asked.resources]
        return OperationOutput(_answer(outcomes, asked.form))

    return Operation(VALIDATE_DEFINITION, run, "r", discloses=True)


async def _outcome(
    resource: Json, asked: Asked, expected_type: str | None, checker: Checker, context: Context, more: Sequence[Issue] = ()
) -> Resource:
    """What is found in one resource."""
    check = Check(resource, asked.profiles, expected_type)
    sees_definitions = context.may("r", "StructureDefinition")
    found = await (checker.findings(check, context) if sees_definitions else checker.findings_by_library(check))
    issues = [*(for_create(resource, context) if asked.mode == "create" else ()), *more, *found]
    if len(found) >= MAX_FINDINGS:
        issues.append(_MORE)
    if not sees_definitions and any(each.code in _UNKNOWN for each in issues):
        issues.append(_LEFT_OUT)
    wrong = any(each.severity != "information" for each in issues)
    return operation_outcome(issues if wrong else [_ALL_WELL, *issues])


async def _instance(given: OperationInput, asked: Asked, checker: Checker, context: Context) -> Resource:
    type_, id_ = given.resource_type or "", given.resource_id or ""
    if asked.form != "one":
        raise refuse("parameter-value", "At an instance, at most one resource can be validated.", "http.body")
    context.note_entity(f"{type_}/{id_}")
    stored = await context.records.read(type_, id_)
    if asked.mode == "delete":
        return operation_outcome(for_delete(type_, stored, context))
    if not asked.resources:
        if stored is None:
            raise refuse("gone", "The resource was deleted; send the content that is to be validated.", "http.url")
        return await _outcome(stored, asked, type_, checker, context)
    (resource,) = asked.resources
    more = list(for_update(resource, type_, id_, stored, context)) if asked.mode == "update" else []
    return await _outcome(resource, asked, type_, checker, context, more)


def _answer(outcomes: list[Resource], form: Form) -> Resource:
    if form == "one":
        return outcomes[0]
    if form == "parameters":
        return {"resourceType": "Parameters", "parameter": [{"name": "return", "resource": each} for each in outcomes]}
    entries = [{"resource": each, "response": {"status": "200"}} for each in outcomes]
    return {"resourceType": "Bundle", "type": "batch-response", **({"entry": entries} if entries else {})}
