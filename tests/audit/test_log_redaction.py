"""A day's work with marked names, ids, tokens, passwords, searches, bodies and hostile paths: no log line and no error text holds
any of it. (There are no metrics that could.)"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from live_server import LiveServer

MARK = "Qzx7"
"""In everything that must not come out; in no word of ours."""

NAME, PHONE, ID, SECRET = f"{MARK}-Müllér", f"+1-{MARK}-0100", f"id-{MARK}", f"s3cret-{MARK}"
BUNDLE = Path(__file__).parents[2] / "examples/bodies/lumbar-mri.json"

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": ID,
    "name": [{"family": NAME, "given": [MARK]}],
    "telecom": [{"system": "phone", "value": PHONE}],
    "identifier": [{"system": f"urn:{MARK}", "value": f"ssn-{MARK}"}],
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    made = LiveServer(tmp_path_factory.mktemp(f"{MARK.lower()}day") / "data", ASSENT_LOG_LEVEL="debug")
    made.start()
    yield made
    made.stop()


def day(client: httpx.Client) -> Iterator[httpx.Response]:
    """What is asked: well, wrongly, and with ill intent."""
    yield client.put(f"/Patient/{ID}", json=PATIENT)
    yield client.get(f"/Patient/{ID}")
    yield client.get(f"/Patient/{ID}", headers={"X-Request-Id": f"{NAME.encode()!r}"})
    yield client.get("/Patient", params={"name": NAME, "identifier": f"urn:{MARK}|ssn-{MARK}", "phone": PHONE})
    yield client.post("/Patient/_search", data={"family": NAME})
    yield client.post("/Patient", json={**PATIENT, "birthDate": MARK})
    yield client.post("/Patient", json={**PATIENT, "wrongName": MARK})
    yield client.post("/Patient", json={**PATIENT, "gender": MARK})
    yield client.post("/Patient", content=b'{"resourceType":"Patient","name":"' + MARK.encode(), headers=FHIR)
    yield client.post("/Observation", json={"resourceType": "Observation", "status": MARK, "valueString": SECRET})
    yield client.put(f"/Patient/{ID}", json={**PATIENT, "id": f"other-{MARK}"})
    yield client.put(f"/Patient/{ID}", json=PATIENT, headers={"If-Match": f'W/"{MARK}"'})
    yield client.patch(f"/Patient/{ID}", json=[{"op": "test", "path": f"/{MARK}", "value": SECRET}], headers=PATCH)
    yield client.get("/Patient", params={"wrong-name": SECRET})
    yield client.get("/Patient", params={"birthdate": f"eq{MARK}", "_count": MARK, "_sort": "wrong"})
    yield client.get("/Patient", params={"_cursor": SECRET})
    yield client.get(f"/Patient/%2e%2e/{MARK}/../../etc/passwd")
    yield client.get(f"/Patient/{MARK}%00%0d%0aSet-Cookie:x")
    yield client.get(f"/../../{MARK}%2f..%2f/<script>{MARK}</script>")
    yield client.get(f"/Patient/{'a' * 70}{MARK}")
    yield client.get("/Patient", headers={"Authorization": f"Bearer {SECRET}"})
    yield client.get("/Patient", headers={"Authorization": f"Basic {SECRET}"})
    yield client.get("/Patient", headers={"Authorization": f"Bearer eyJhbGciOiJub25lIn0.{SECRET}.{SECRET}"})
    yield client.get("/Patient", headers={"Cookie": f"session={SECRET}", "Referer": f"https://x/{MARK}"})
    yield client.get("/Patient", headers={"X-Purpose-Of-Use": MARK, "Accept": f"text/{MARK}", "Prefer": SECRET})
    yield client.post("", json=batch(("GET", f"Patient?name={NAME}"), ("DELETE", f"Patient/{MARK}"), (MARK, MARK)))
    yield client.post("", json=batch(("PUT", f"Patient/{MARK}"), kind="transaction"))
    yield client.post("/Claim/$submit", json=marked_request())
    yield client.post("/Claim/$submit", json={"resourceType": "Bundle", "type": MARK})
    yield client.post("/Claim/$preview-risk", json=marked_request())
    yield client.get(f"/Patient/{ID}/$disclosures", params={"from": MARK})
    yield client.get("/AuditEvent/$verify", params={"witness": SECRET})
    yield client.get("/ValueSet/$expand", params={"url": "urn:none", "filter": NAME})
    yield client.delete(f"/Patient/{ID}")


FHIR = {"Content-Type": "application/fhir+json"}
PATCH = {"Content-Type": "application/json-patch+json"}


def batch(*requests: tuple[str, str], kind: str = "batch") -> dict[str, Any]:
    entry = [{"request": {"method": method, "url": url}, "resource": PATIENT} for method, url in requests]
    return {"resourceType": "Bundle", "type": kind, "entry": entry}


def marked_request() -> Any:
    """A PAS request whose people and notes are marked."""
    bundle = json.loads(BUNDLE.read_text())
    for entry in bundle["entry"]:
        resource = entry["resource"]
        if resource["resourceType"] == "Patient":
            resource["name"] = [{"family": NAME}]
        if resource["resourceType"] == "Claim":
            resource["item"][0]["productOrService"]["text"] = SECRET
    return bundle


def outside(server: LiveServer) -> Iterator[httpx.Response]:
    """Pages and endpoints outside FHIR."""
    with httpx.Client(base_url=server.root, timeout=60) as client:
        yield client.get(f"/{MARK}", params={"code": SECRET})
        yield client.get(f"/documents/{SECRET}")
        yield client.post("/oauth/token", data={"grant_type": "password", "username": NAME, "password": SECRET})
        yield client.post("/oauth/token", data={"grant_type": "authorization_code", "code": SECRET, "client_id": MARK})
        yield client.get("/oauth/authorize", params={"client_id": MARK, "redirect_uri": f"https://{MARK}.example/"})


def test_no_log_line_and_no_error_text_holds_what_was_sent(server: LiveServer) -> None:
    statuses = set()
    for role in ("administrator", "staff"):
        with server.client(role, subject=f"user-{MARK}") as client:
            for answer in day(client):
                statuses.add(answer.status_code)
                if answer.status_code >= 400:
                    texts = [issue.get("details", {}).get("text", "") for issue in answer.json().get("issue", ())]
                    assert not [text for text in texts if MARK in text], (answer.request.url, texts)
    for answer in outside(server):
        statuses.add(answer.status_code)
        assert SECRET not in answer.text
    assert {200, 201, 400, 401, 404} <= statuses
    assert 500 not in statuses
    log = server.log.read_bytes()
    assert log.count(b'"event":"request"') > 60
    for marked in (MARK.encode(), b"M\xc3\xbcll", b"eyJ", b"Bearer", b"lumbar"):
        assert marked.lower() not in log.lower(), marked
