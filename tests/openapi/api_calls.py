"""The calls that the OpenAPI document and `/docs` show, to the synthetic practice, in the order in which they are made."""

from __future__ import annotations

import base64
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from server.subscriptions.names import CHANGED, CONTENT, FILTER

sys.path.append(str(Path(__file__).parents[1] / "packages"))
from packages_made import package  # the folder of another area

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
    later: bool = False
    """Whether it is asked for with `Prefer: respond-async`, without which there is no answer."""


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

GENDER: Final = "http://hl7.org/fhir/administrative-gender"
V3_GENDER: Final = "http://terminology.hl7.org/CodeSystem/v3-AdministrativeGender"
MAP: Final = {
    "resourceType": "ConceptMap",
    "id": "to-v3",
    "url": "https://maple-clinic.example/ConceptMap/to-v3",
    "status": "active",
    "group": [{"source": GENDER, "target": V3_GENDER, "element": [{"code": "female", "target": [{"code": "F", "equivalence": "equivalent"}]}]}],
}  # fmt: skip
GROUP: Final = {
    "resourceType": "Group",
    "id": "back-pain",
    "type": "person",
    "actual": True,
    "member": [{"entity": {"reference": "Patient/p01"}}],
}
LINES: Final = base64.b64encode(b'{"resourceType":"Patient","id":"imported"}\n').decode()
FILE: Final = {"resourceType": "Binary", "id": "lines", "contentType": "text/plain", "data": LINES}
IMPORT: Final = given(
    inputFormat_valueCode="application/fhir+ndjson",
    input_part=[{"name": "type", "valueCode": "Patient"}, {"name": "url", "valueUri": "Binary/lines"}],
)
LIBRARY: Final = {
    "resourceType": "Library",
    "id": "acme",
    "url": "https://acme.example/fhir/Library/acme",
    "status": "active",
    "type": {"text": "policy"},
}
PACKAGE: Final = given(
    package_resource={
        "resourceType": "Binary",
        "contentType": "application/gzip",
        "data": base64.b64encode(package(LIBRARY)).decode(),
    }
)
WATCH: Final = {
    "resourceType": "Subscription",
    "id": "results",
    "status": "requested",
    "reason": "New results on the ward's screen",
    "criteria": CHANGED,
    "_criteria": {"extension": [{"url": FILTER, "valueString": "Observation?status=final"}]},
    "channel": {
        "type": "websocket",
        "payload": "application/fhir+json",
        "_payload": {"extension": [{"url": CONTENT, "valueCode": "id-only"}]},
    },
}
ICD: Final = "http://hl7.org/fhir/sid/icd-10-cm"
WITHIN: Final = {
    "resourceType": "Parameters",
    "parameter": [
        {"name": "name", "valueString": "back-pain"},
        {"name": "concept", "valueCoding": {"system": ICD, "code": "M54.5"}},
        {"name": "concept", "valueCoding": {"system": ICD, "code": "M54.50"}},
    ],
}
ONE_OF_MANY: Final = given(
    validation_resource=given(
        url_valueUri="http://hl7.org/fhir/ValueSet/administrative-gender",
        coding_valueCoding={"system": GENDER, "code": "female"},
    )
)

NICKNAME: Final = {
    "resourceType": "SearchParameter",
    "id": "nickname",
    "url": "https://maple-clinic.example/SearchParameter/nickname",
    "name": "Nickname",
    "status": "active",
    "description": "By what a patient is called",
    "code": "nickname",
    "base": ["Patient"],
    "type": "string",
    "expression": "Patient.name.where(use = 'nickname')",
}

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
    Call("disclosures-of", "Who was shown whose record", "GET", "/AuditEvent/$disclosures?patient=quill"),
    Call("validate-code-system", "Is it a code of the system?", "GET", f"/CodeSystem/$validate-code?url={GENDER}&code=female"),
    Call("batch-validate-code", "Many codes at once", "POST", "/ValueSet/$batch-validate-code", ONE_OF_MANY),
    Call("concept-map", "Store a map between codes", "PUT", "/ConceptMap/to-v3", MAP, 201),
    Call("translate", "A code of another system", "GET", f"/ConceptMap/$translate?url={MAP['url']}&system={GENDER}&code=female"),
    Call("closure-begin", "Begin a table of what lies within what", "POST", "/$closure", given(name_valueString="back-pain")),
    Call("closure", "Add codes to it", "POST", "/$closure", WITHIN),
    Call("encounter-everything", "All about a visit", "GET", "/Encounter/p01-encounter-1/$everything?_count=2"),
    Call("group", "Name the patients of a group", "PUT", "/Group/back-pain", GROUP, 201),
    Call("group-everything", "The records of a group", "GET", "/Group/back-pain/$everything?_count=2"),
    Call("export", "Export two types (Prefer: respond-async)", "GET", "/$export?_type=Patient,Observation", None, 202, later=True),
    Call("export-patients", "Export all patients' records (Prefer: respond-async)", "GET", "/Patient/$export?_since=2026-01-01T00:00:00Z", None, 202, later=True),
    Call("export-group", "Export a group's records (Prefer: respond-async)", "GET", "/Group/back-pain/$export", None, 202, later=True),
    Call("file", "Store a file of lines", "PUT", "/Binary/lines", FILE, 201),
    Call("signed-link", "An address of a document that is good for five minutes", "GET", "/Binary/lines/$signed-link?lifetime=300"),
    Call("import", "Import a file (Prefer: respond-async)", "POST", "/$import", IMPORT, 202, later=True),
    Call("install", "Install a package", "POST", "/ImplementationGuide/$install", PACKAGE),
    Call("uninstall", "Take it away", "POST", "/ImplementationGuide/$uninstall", given(name_valueString="acme.policies")),
    Call("search-parameter", "Search by something of your own", "PUT", "/SearchParameter/nickname", NICKNAME, 201),
    Call("search-parameter-status", "How far the index is with it", "GET", "/SearchParameter/nickname/$status"),
    Call("topics", "What can be subscribed to", "GET", "/Subscription/$topics"),
    Call("subscribe", "Subscribe to final results", "PUT", "/Subscription/results", WATCH, 201),
    Call("subscription-status", "How a subscription stands", "GET", "/Subscription/results/$status"),
    Call("subscription-events", "Its earlier events once more", "GET", "/Subscription/results/$events?eventsSinceNumber=1&content=id-only"),
    Call("subscription-undelivered", "What was not taken", "GET", "/Subscription/results/$undelivered"),
    Call("subscription-token", "Where and with what to open the websocket", "GET", "/Subscription/results/$get-ws-binding-token"),
    Call("subscription-replay", "Send events to the endpoint once more; a websocket has none", "POST", "/Subscription/results/$replay", given(eventsSinceNumber_valueString="1"), 422),
    Call("cascade", "Delete with what refers to it", "DELETE", "/Patient/quill?_cascade=delete"),
)  # fmt: skip
