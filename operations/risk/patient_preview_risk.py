"""`Patient/[id]/$preview-risk`: a patient's expected authorization friction, with overrides for what-if (docs/risk.md).

Each figure is taken from the overrides (`given`), else from the record (`counted`), else from a default. Nothing is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final

from operations.policy.fhir_parameters import Given, code, group, parameters, read_parameters, text
from operations.ports import Context, Operation, OperationInput, OperationOutput
from operations.risk.friction import MEASURES, URGENCY, Component, Figure, Friction, friction
from operations.risk.friction_figures import counted_figures
from profiles.json import Resource
from profiles.outcome import refuse

_HIGHEST: Final[Mapping[str, int]] = {
    "age": 130,
    "denials-12-months": 1000,
    "chronic-conditions": 1000,
    "emergency-visits-6-months": 1000,
    "packet-gaps": 1000,
}


async def preview_patient(given: OperationInput, context: Context) -> OperationOutput:
    """Preview. Raises `FhirError`: not-found (404), unknown-parameter and parameter-value (400)."""
    overrides = {
        name: Figure(_override(name, value), "given")
        for name, value in read_parameters(given.resource, MEASURES, given.query).items()
    }
    patient = await context.records.read("Patient", given.resource_id or "")
    if patient is None:
        raise refuse("not-found", "There is no such Patient.")
    figures = await counted_figures(patient, context, overrides) | overrides
    return OperationOutput(_answer(friction(figures)))


def _override(name: str, given: Given) -> int | str:
    if name == "urgency":
        return _urgency(given)
    value, highest = _whole(given), _HIGHEST[name]
    if value is None or not 0 <= value <= highest:
        raise refuse("parameter-value", f"'{name}' must be a whole number from 0 to {highest}.", given.expression)
    return value


def _whole(given: Given) -> int | None:
    """A whole number in one of FHIR's types for it; a GET sends it as text."""
    value = given.value
    if given.kind is None and isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        return int(value)
    usable = given.is_of("valueInteger", "valueUnsignedInt", "valuePositiveInt")
    return value if usable and isinstance(value, int) and not isinstance(value, bool) else None


def _urgency(given: Given) -> str:
    if isinstance(given.value, str) and given.is_of("valueCode"):
        if given.value in URGENCY:
            return given.value
        if close := get_close_matches(given.value, URGENCY, 1):
            raise refuse(
                "parameter-value", f"There is no urgency of that name. Did you mean '{close[0]}'?", given.expression
            )
    raise refuse("parameter-value", f"'urgency' must be a code, one of {', '.join(URGENCY)}.", given.expression)


def _answer(result: Friction) -> Resource:
    return parameters(
        [
            {"name": "score", "valueInteger": result.score},
            code("band", result.band),
            *(_component(component) for component in result.components),
        ]
    )


def _component(component: Component) -> Resource:
    figure = component.figure
    value: Resource | None = None
    if isinstance(figure.value, int):
        value = {"name": "value", "valueInteger": figure.value}
    elif isinstance(figure.value, str):
        value = code("value", figure.value)
    return group(
        "component",
        [
            code("name", component.name),
            value,
            code("origin", figure.origin),
            {"name": "weight", "valueInteger": component.weight},
            {"name": "contribution", "valueInteger": component.contribution},
            *({"name": "basis", "valueReference": {"reference": reference}} for reference in figure.references),
            text("note", figure.note),
        ],
    )


def _in(name: str, kind: str, words: str) -> Resource:
    return {"name": name, "use": "in", "min": 0, "max": "1", "type": kind, "documentation": words}


PATIENT_PREVIEW_RISK_DEFINITION: Final[Resource] = {
    "resourceType": "OperationDefinition",
    "id": "patient-preview-risk",
    "url": "https://assent.example/fhir/OperationDefinition/patient-preview-risk",
    "version": "1.0.0",
    "name": "PatientPreviewRisk",
    "title": "Expected authorization friction of a patient",
    "status": "active",
    "kind": "operation",
    "affectsState": False,
    "description": "How much work the next authorization request of this patient is likely to make, 0 to 100, with the share of "
    "each component. What is not given is counted from the record. Nothing is stored but the audit record.",
    "code": "preview-risk",
    "resource": ["Patient"],
    "system": False,
    "type": False,
    "instance": True,
    "parameter": [
        _in("age", "integer", "Years."),
        _in("denials-12-months", "integer", "Denied requests in the last 12 months."),
        _in("chronic-conditions", "integer", "Active chronic conditions."),
        _in("emergency-visits-6-months", "integer", "Emergency encounters in the last 6 months."),
        _in("urgency", "code", "routine, urgent or emergency."),
        _in("packet-gaps", "integer", "Documents and criteria that the latest request lacks."),
        {"name": "score", "use": "out", "min": 1, "max": "1", "type": "integer", "documentation": "0 to 100."},
        {"name": "band", "use": "out", "min": 1, "max": "1", "type": "code", "documentation": "low, medium or high."},
        {
            "name": "component",
            "use": "out",
            "min": 6,
            "max": "6",
            "documentation": "One figure and its share of the score.",
            "part": [
                {"name": "name", "use": "out", "min": 1, "max": "1", "type": "code"},
                {"name": "value", "use": "out", "min": 0, "max": "1", "type": "Element"},
                {"name": "origin", "use": "out", "min": 1, "max": "1", "type": "code"},
                {"name": "weight", "use": "out", "min": 1, "max": "1", "type": "integer"},
                {"name": "contribution", "use": "out", "min": 1, "max": "1", "type": "integer"},
                {"name": "basis", "use": "out", "min": 0, "max": "*", "type": "Reference"},
                {"name": "note", "use": "out", "min": 0, "max": "1", "type": "string"},
            ],
        },
    ],
}

PATIENT_PREVIEW_RISK: Final = Operation(
    code="preview-risk",
    level="instance",
    resource_types=("Patient",),
    scope="r",
    definition=PATIENT_PREVIEW_RISK_DEFINITION,
    run=preview_patient,
    affects_state=False,
    discloses=True,
)
