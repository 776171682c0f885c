"""No JSON, however odd, makes a collector raise: what has the wrong kind is simply not there."""

from __future__ import annotations

import base64
import copy
from datetime import UTC, datetime
from typing import Any

from evidence_records import AS_OF, CPT, ICD, LOINC, RXNORM, claim, concept, note
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from operations.evidence.collect import collect_evidence, collect_from_resources
from operations.packet import Entry, Packet
from profiles.json import ExactDecimal, dumps

SEEDS: list[dict[str, Any]] = [
    claim(
        extension=[{"url": "http://hl7.org/fhir/us/davinci-pas/StructureDefinition/extension-levelOfServiceCode", "valueCodeableConcept": concept("x", "U")}],
        supportingInfo=[{"sequence": 1, "valueString": "She completed 6 weeks of physical therapy."}],
    ),
    {"resourceType": "Patient", "id": "p1", "birthDate": "1970-01-31", "gender": "female"},
    {"resourceType": "Condition", "id": "1", "clinicalStatus": concept("x", "active"), "verificationStatus": concept("x", "confirmed"), "code": concept(ICD, "I10", "Hypertension"), "recordedDate": "2025-01-01"},
    {"resourceType": "Procedure", "id": "1", "status": "completed", "code": concept(CPT, "97110"), "performedPeriod": {"start": "2026-08-01", "end": "2026-09-20"}, "bodySite": [{"text": "lumbar spine"}]},
    {"resourceType": "MedicationRequest", "id": "1", "status": "stopped", "intent": "order", "medicationCodeableConcept": concept(RXNORM, "5640", "Ibuprofen 200 MG"), "authoredOn": "2026-01-01", "statusReason": {"text": "no relief"}, "reasonCode": [{"text": "migraine"}], "dosageInstruction": [{"timing": {"repeat": {"boundsPeriod": {"start": "2026-01-01", "end": "2026-03-01"}}}}]},
    {"resourceType": "MedicationStatement", "id": "1", "status": "completed", "medicationReference": {"reference": "#m"}, "contained": [{"resourceType": "Medication", "id": "m", "code": {"text": "Methotrexate 2.5 mg"}}], "effectivePeriod": {"start": "2026-01-01", "end": "2026-06-01"}},
    {"resourceType": "MedicationDispense", "id": "1", "status": "completed", "medicationCodeableConcept": {"text": "naproxen"}, "whenHandedOver": "2026-05-01", "daysSupply": {"value": 30}},
    {"resourceType": "Observation", "id": "1", "status": "final", "code": concept(LOINC, "29463-7"), "valueQuantity": {"value": 200, "code": "[lb_av]"}, "effectiveDateTime": "2026-10-01", "component": [{"code": concept(LOINC, "2708-6"), "valueQuantity": {"value": 87}}]},
    {"resourceType": "ServiceRequest", "id": "1", "status": "active", "intent": "order", "authoredOn": "2026-11-01", "note": [{"text": "failed 6 weeks of PT"}]},
    {"resourceType": "ImagingStudy", "id": "1", "status": "available", "started": "2026-06-01", "series": [{"modality": {"code": "MR"}, "bodySite": {"display": "Lumbar spine"}}]},
    {"resourceType": "DiagnosticReport", "id": "1", "status": "final", "code": {"text": "MRI lumbar spine"}, "category": [concept("x", "RAD")], "effectiveDateTime": "2026-06-01", "conclusion": "Disc herniation.", "presentedForm": [{"contentType": "text/plain", "data": "TVJJ"}]},
    {"resourceType": "QuestionnaireResponse", "id": "1", "status": "completed", "authored": "2026-11-01", "item": [{"linkId": "bmi", "answer": [{"valueDecimal": 31}], "item": [{"linkId": "red_flags", "answer": [{"valueBoolean": False}]}]}]},
    {"resourceType": "Encounter", "id": "1", "status": "finished", "class": {"code": "AMB"}, "type": [{"text": "sleep medicine visit"}], "period": {"start": "2026-10-01"}},
    {"resourceType": "AllergyIntolerance", "id": "1", "code": {"text": "naproxen"}, "clinicalStatus": concept("x", "active")},
    note("She has tried ibuprofen without relief."),
    {"resourceType": "Binary", "id": "1", "contentType": "text/plain", "data": base64.b64encode(b"No prior MRI.").decode()},
    {"resourceType": "Communication", "id": "1", "status": "completed", "payload": [{"contentString": "BMI is 31."}], "sent": "2026-11-01"},
]  # fmt: skip

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**400),
    st.sampled_from([ExactDecimal("1E400"), ExactDecimal("-0.0"), ExactDecimal("1E-999999"), ExactDecimal("9" * 60)]),
    st.text(max_size=12),
    st.sampled_from(["2026-13-45", "0000-00-00", "9999-12-31T23:59:60Z", "2026-11", "#", "#x", "Patient/p1", "====", "\ud800".encode("utf-8", "replace").decode()]),
    st.just([]),
    st.just({}),
    st.just([None, 1, "x", [], {}]),
    st.just([[["deep"]]]),
    st.just({"coding": {"code": 1}}),
    st.just({"coding": [None, {"system": 1, "code": ["a"]}]}),
)  # fmt: skip


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(value, dict):
        for key, inner in value.items():
            found += _places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            found += _places(inner, (*path, index))
    return found


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    resource = copy.deepcopy(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 3))):
        places = [place for place in _places(resource) if place != ("resourceType",)]
        if not places:
            break
        *path, last = draw(st.sampled_from(places))
        holder = resource
        for step in path:
            holder = holder[step]
        if draw(st.integers(0, 5)) == 0:
            del holder[last]
        else:
            holder[last] = copy.deepcopy(draw(ODD))
    return resource


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(mutated(), min_size=1, max_size=4))
def test_mutated_resources_never_raise(resources: list[dict[str, Any]]) -> None:
    entries = [Entry(f"urn:uuid:{number}", resource) for number, resource in enumerate(resources)]
    evidence = collect_from_resources(entries, AS_OF)
    dumps(evidence.document())
    evidence.contradictions()
    packet = Packet(entries[0], tuple(entries), lambda reference, holder: entries[-1], datetime(2026, 11, 22, tzinfo=UTC))
    dumps(collect_evidence(packet).document())


def test_entries_that_are_no_resources_never_raise() -> None:
    odd: list[Any] = [None, [], "x", 1, {}, {"resourceType": 1}, {"resourceType": "Unknown"}, {"resourceType": ["Patient"]}]
    entries = [Entry(f"urn:{number}", resource) for number, resource in enumerate(odd)]
    assert collect_from_resources(entries, AS_OF).document() == {}


def test_equal_input_gives_equal_output() -> None:
    entries = [Entry(f"urn:uuid:{number}", resource) for number, resource in enumerate(SEEDS)]
    first, second = (collect_from_resources(entries, AS_OF) for _ in range(2))
    assert first == second
    assert dumps(first.document()) == dumps(second.document())


def test_order_of_resources_does_not_change_single_values() -> None:
    entries = [Entry(f"urn:uuid:{number}", resource) for number, resource in enumerate(SEEDS)]
    forward, backward = (collect_from_resources(some, AS_OF).document() for some in (entries, entries[::-1]))
    for name in ("age", "sex", "body", "imaging", "function", "red_flags"):
        assert forward.get(name) == backward.get(name)
