"""The FHIR R4 `RiskAssessment` of a previewed item: preliminary, never stored.

`probabilityDecimal` is a fraction from 0 to 1, as in HL7's own R4 examples (the element's comment speaks of percentages; the
rationale gives the percentage in words). Drivers stand in our extension `risk-driver`, since R4 has no place for them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from operations.policy.fhir_parameters import exact
from operations.risk.denial_risk import Band, Driver
from operations.risk.remedies import Remedy, Step
from profiles.json import Resource

DRIVER_EXTENSION: Final = "https://assent.example/fhir/StructureDefinition/risk-driver"
RISK_CODE_SYSTEM: Final = "https://assent.example/fhir/CodeSystem/risk"
_PROBABILITY_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/risk-probability"
_QUALITATIVE: Final[dict[Band, tuple[str, str]]] = {
    "low": ("low", "Low likelihood"),
    "medium": ("moderate", "Moderate likelihood"),
    "high": ("high", "High likelihood"),
}


def risk_assessment(
    *,
    subject: Resource,
    occurrence: str,
    method: str,
    probability: float,
    band: Band,
    rationale: str,
    drivers: Iterable[Driver] = (),
    remedies: Iterable[Remedy] = (),
    without_remedy: str | None = None,
) -> Resource:
    """A RiskAssessment of the risk that the payer denies. `basis` names every resource that a driver rests on."""
    drivers, remedies = tuple(drivers), tuple(remedies)
    qualitative, display = _QUALITATIVE[band]
    prediction: Resource = {
        "outcome": {
            "coding": [{"system": RISK_CODE_SYSTEM, "code": "denial", "display": "Denial"}],
            "text": "The payer denies the authorization",
        },
        "probabilityDecimal": exact(probability),
        "qualitativeRisk": {"coding": [{"system": _PROBABILITY_SYSTEM, "code": qualitative, "display": display}]},
        "rationale": rationale,
    }
    if drivers:
        prediction = {"extension": [_driver(driver) for driver in drivers], **prediction}
    assessment: Resource = {
        "resourceType": "RiskAssessment",
        "status": "preliminary",
        "method": {"text": method},
        "code": {"coding": [{"system": RISK_CODE_SYSTEM, "code": "denial-risk"}], "text": "Risk of denial"},
        "subject": subject,
        "occurrenceDateTime": occurrence,
        "basis": [{"reference": reference} for reference in _references(drivers)],
        "prediction": [prediction],
        "mitigation": mitigation(remedies) or without_remedy,
    }
    return {key: value for key, value in assessment.items() if value}


def mitigation(remedies: Iterable[Remedy]) -> str:
    """What would lower the risk most, in one paragraph."""
    return " ".join(
        f"{' And: '.join(_told(step) for step in remedy.steps)}: {percent(remedy.probability)} ({remedy.band})."
        for remedy in remedies
    )


def _told(step: Step) -> str:
    return f"{step.text} (this helps if it shows {step.provided})" if step.provided else step.text


def percent(probability: float) -> str:
    """`37 %`."""
    return f"{round(probability * 100)} %"


def _references(drivers: Iterable[Driver]) -> list[str]:
    references = (fact.source.reference for driver in drivers for fact in driver.facts)
    return list(dict.fromkeys(reference for reference in references if reference))


def _driver(driver: Driver) -> Resource:
    parts: list[Resource] = [
        {"url": "text", "valueString": driver.text},
        {"url": "kind", "valueCode": driver.kind},
        {"url": "state", "valueCode": driver.state.replace("_", "-")},
        {"url": "direction", "valueCode": driver.direction},
        {"url": "weight", "valueDecimal": exact(driver.weight)},
    ]
    parts += [{"url": "evidence", "valueReference": {"reference": reference}} for reference in _references([driver])]
    return {"url": DRIVER_EXTENSION, "extension": parts}
