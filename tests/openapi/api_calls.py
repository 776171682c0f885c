"""The calls that the OpenAPI document and `/docs` show, to the synthetic practice, in the order in which they are made."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

BODIES: Final = Path(__file__).parents[2] / "examples" / "bodies"


@dataclass(frozen=True)
class Call:
    name: str
    title: str
    method: str
    path: str
    body: Any = None
    status: int = 200
    content_type: str = "application/fhir+json"


def body(name: str) -> Any:
    return json.loads((BODIES / name).read_text("utf-8"))


def given(**values: Any) -> dict[str, Any]:
    """Parameters: `name_valueX=value`, or `name_resource=...`."""
    listed = []
    for key, value in values.items():
        name, _, kind = key.rpartition("_")
        listed.append({"name": name, kind: value})
    return {"resourceType": "Parameters", "parameter": listed}


QUILL: Final = {
    "resourceType": "Patient",
    "identifier": [{"system": "https://maple-clinic.example/mrn", "value": "MS-900"}],
    "name": [{"family": "Quill", "given": ["Ottilie"]}],
    "gender": "female",
    "birthDate": "1990-03-14",
}
TAG: Final = {"tag": [{"system": "https://maple-clinic.example/tag", "code": "follow-up"}]}

CALLS: Final = (
    Call("create", "Store a patient", "POST", "/Patient", QUILL, 201),
    Call("update", "Store one under an id of your own", "PUT", "/Patient/quill", {**QUILL, "id": "quill", "active": True}, 201),
    Call("read", "A patient", "GET", "/Patient/quill"),
    Call("patch", "Change one element", "PATCH", "/Patient/quill", [{"op": "replace", "path": "/active", "value": False}], 200, "application/json-patch+json"),
    Call("vread", "The first version", "GET", "/Patient/quill/_history/1"),
    Call("history", "Its versions", "GET", "/Patient/quill/_history?_count=1"),
    Call("search", "Patients of a family name", "GET", "/Patient?family=quill&_count=2"),
    Call("not-there", "What is not there", "GET", "/Patient/nobody", status=404),
    Call("batch", "Two reads at once", "POST", "", {"resourceType": "Bundle", "type": "batch", "entry": [
        {"request": {"method": "GET", "url": "Patient/quill"}}, {"request": {"method": "GET", "url": "Patient?_summary=count"}}]}),
    Call("submit", "Ask for an MRI of the lumbar spine", "POST", "/Claim/$submit", body("lumbar-mri.json")),
    Call("inquire", "What became of a request", "POST", "/Claim/$inquire", body("inquiry.json")),
    Call("preview-claim", "How ready a request is", "POST", "/Claim/$preview-risk", body("lumbar-mri-gaps.json")),
    Call("preview-patient", "How much work the next request makes", "GET", "/Patient/p01/$preview-risk?urgency=urgent"),
    Call("evaluate", "Judge evidence by a policy", "POST", "/Library/aurora-health-lumbar-mri-2026.1/$evaluate", body("evidence-lumbar.json")),
    Call("validate", "What is wrong with a patient", "POST", "/Patient/$validate", {"resourceType": "Patient", "gender": "f"}),
    Call("everything", "The beginning of a whole record", "GET", "/Patient/p01/$everything?_count=2"),
    Call("everything-encounters", "Encounters alone", "POST", "/Patient/p01/$everything", given(_type_valueCode="Encounter", _count_valuePositiveInt=1)),
    Call("meta-add", "Label a patient", "POST", "/Patient/quill/$meta-add", given(meta_valueMeta=TAG)),
    Call("meta", "The labels of a patient", "GET", "/Patient/quill/$meta"),
    Call("meta-delete", "Take a label away", "POST", "/Patient/quill/$meta-delete", given(meta_valueMeta=TAG)),
    Call("diff", "What the change did", "GET", "/Patient/quill/$diff?fromVersion=1&toVersion=2"),
    Call("diff-of-two", "What tells two patients apart", "GET", "/$diff?from=Patient/p01&to=Patient/quill"),
    Call("lastn", "The newest observation of each kind", "GET", "/Observation/$lastn?patient=Patient/p01"),
    Call("match", "Who may this be?", "POST", "/Patient/$match", QUILL),
    Call("match-certain", "Only who it certainly is", "POST", "/Patient/$match", given(resource_resource=QUILL, onlyCertainMatches_valueBoolean=True)),
    Call("purge", "What an erasure would take", "POST", "/Patient/quill/$purge", given(what_valueCode="record", dryRun_valueBoolean=True)),
    Call("delete-history", "Erase earlier versions", "DELETE", "/Patient/quill/_history"),
    Call("reindex", "Look through all patients", "POST", "/$reindex", given(type_valueCode="Patient"), 202),
    Call("lookup", "What a code means", "GET", "/CodeSystem/$lookup?system=http://hl7.org/fhir/administrative-gender&code=female"),
    Call("validate-code", "Is it in the value set?", "GET", "/ValueSet/$validate-code?url=http://hl7.org/fhir/ValueSet/administrative-gender&system=http://hl7.org/fhir/administrative-gender&code=female"),
    Call("expand", "All codes of a value set", "GET", "/ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender"),
    Call("subsumes", "How two codes stand", "GET", "/CodeSystem/$subsumes?system=http://hl7.org/fhir/administrative-gender&codeA=female&codeB=male"),
    Call("installed", "Which packages are there", "GET", "/ImplementationGuide/$installed"),
    Call("verify", "Is the audit trail whole?", "GET", "/AuditEvent/$verify?scope=recent"),
    Call("disclosures", "Who was shown the record", "GET", "/Patient/quill/$disclosures"),
    Call("cascade", "Delete with what refers to it", "DELETE", "/Patient/quill?_cascade=delete"),
)  # fmt: skip
