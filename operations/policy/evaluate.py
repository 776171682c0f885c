"""`Library/[id]/$evaluate`: the criteria of a stored policy against any evidence (DESIGN section 7, docs/policies.md).

Evidence JSON as the body (an object without resourceType) gives the result JSON of section 7 back, as it is. Parameters with
`evidence` (the JSON as a string) or `patient` (a stored Patient, whose record is then read) give Parameters: `result` with the
same JSON, and its parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from operations.evidence.collect import collect_from_resources
from operations.policy.criteria_result import CriteriaResult, RuleResult
from operations.policy.evaluate_definition import LIBRARY_EVALUATE_DEFINITION
from operations.policy.fhir_parameters import Given, boolean, code, group, parameters, read_parameters, text
from operations.policy.json_reading import part
from operations.policy.library.convert import criteria_of
from operations.policy.patient_record import patient_entries
from operations.ports import Context, Operation, OperationInput, OperationOutput
from profiles.json import Json, JsonError, Resource, dumps, loads
from profiles.outcome import refuse


async def evaluate_library(given: OperationInput, context: Context) -> OperationOutput:
    """Evaluate. Raises `FhirError`: not-found (404), policy-invalid and criteria-* (422), parameter faults (400)."""
    library = await context.records.read("Library", given.resource_id or "")
    if library is None:
        raise refuse("not-found", "There is no such Library.")
    criteria = criteria_of(library)
    if given.resource is not None and "resourceType" not in given.resource:
        return OperationOutput(criteria.evaluate(given.resource).document())
    evidence = await _evidence(given, context)
    return OperationOutput(_answer(criteria.evaluate(evidence)))


async def _evidence(given: OperationInput, context: Context) -> Json:
    named = read_parameters(given.resource, ("evidence", "patient"), given.query)
    if len(named) != 1:
        words = "Give either 'evidence' (evidence JSON as a string) or 'patient' (a reference to a stored Patient)."
        raise refuse("parameter-value", words, "Parameters.parameter")
    if "evidence" in named:
        return _parsed(named["evidence"])
    reference = _patient_id(named["patient"])
    context.note_entity(f"Patient/{reference}")
    entries = await patient_entries(reference, context)
    return collect_from_resources(entries, context.now().date()).document()


def _parsed(given: Given) -> Json:
    if not isinstance(given.value, str):
        raise refuse("parameter-value", "'evidence' must be a string that holds JSON.", given.expression)
    try:
        return loads(given.value)
    except JsonError as error:
        raise refuse("parameter-value", "'evidence' does not hold JSON.", given.expression) from error


def _patient_id(given: Given) -> str:
    value = part(given.value, "reference") if isinstance(given.value, dict) else given.value
    kind, _, rest = value.partition("/") if isinstance(value, str) else ("", "", "")
    patient_id = rest.partition("/")[0]
    if kind != "Patient" or not patient_id:
        raise refuse("parameter-value", "'patient' must be a reference such as Patient/123.", given.expression)
    return patient_id


def _answer(result: CriteriaResult) -> Resource:
    document = result.document()
    return parameters(
        [
            {"name": "result", "valueString": dumps(document).decode()},
            boolean("all-criteria-met", result.all_met),
            *({"name": name.replace("_", "-"), "valueInteger": document[name]} for name in _COUNTS),
            *(_rule(rule) for rule in result.results),
        ]
    )


_COUNTS: Final = ("total_rules", "rules_met", "rules_failed")


def _rule(rule: RuleResult) -> Resource:
    return group(
        "rule",
        [
            text("rule-id", rule.rule_id),
            text("description", rule.description),
            boolean("met", rule.met),
            code("state", rule.state.replace("_", "-")),
            code("logic", rule.logic),
            *_conditions(rule),
        ],
    )


def _conditions(rule: RuleResult) -> Iterator[Resource]:
    for detail in rule.details():
        value = detail["patient_value"]
        yield group(
            "condition",
            [
                text("condition", detail["condition"]),
                text("patient-value", None if value is None else dumps(value).decode()),
                boolean("met", detail["met"]),
                text("reason", detail.get("reason")),
            ],
        )


LIBRARY_EVALUATE: Final = Operation(LIBRARY_EVALUATE_DEFINITION, evaluate_library, "r", discloses=True, plain_json=True)
