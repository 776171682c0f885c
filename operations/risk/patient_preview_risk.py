"""`Patient/[id]/$preview-risk`: a patient's expected authorization friction, with overrides for what-if (docs/risk.md).

Each figure is taken from the overrides (`given`), else from the record (`counted`), else from a default. Nothing is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final

from operations.definition import Definition, Parameter, needed
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


_COMPONENT: Final = (
    needed("name", "code"),
    Parameter("value", "Element"),
    needed("origin", "code"),
    needed("weight", "integer"),
    needed("contribution", "integer"),
    Parameter("basis", "Reference", most=None),
    Parameter("note", "string"),
)

PATIENT_PREVIEW_RISK_DEFINITION: Final = Definition(
    id="patient-preview-risk",
    code="preview-risk",
    title="Expected authorization friction of a patient",
    text="How much work the next authorization request of this patient is likely to make, 0 to 100, with the share of "
    "each component. What is not given is counted from the record. Nothing is stored but the audit record.",
    levels=("instance",),
    on=("Patient",),
    takes=(
        Parameter("age", "integer", "Years."),
        Parameter("denials-12-months", "integer", "Denied requests in the last 12 months."),
        Parameter("chronic-conditions", "integer", "Active chronic conditions."),
        Parameter("emergency-visits-6-months", "integer", "Emergency encounters in the last 6 months."),
        Parameter("urgency", "code", "routine, urgent or emergency."),
        Parameter("packet-gaps", "integer", "Documents and criteria that the latest request lacks."),
    ),
    gives=(
        needed("score", "integer", "0 to 100."),
        needed("band", "code", "low, medium or high."),
        Parameter("component", "", "One figure and its share of the score.", least=6, most=6, parts=_COMPONENT),
    ),
)

PATIENT_PREVIEW_RISK: Final = Operation(PATIENT_PREVIEW_RISK_DEFINITION, preview_patient, "r", discloses=True)
