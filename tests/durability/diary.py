"""What writers asked of a server over HTTP until it died, and whether what was acknowledged is there afterwards, whole."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
from pas_examples import request
from rest_help import FHIR, bundle, entry

SYSTEM = "urn:kill-test"
ENTRIES = 4
LARGE = 100_000
"""Characters; more than what stays in a record."""


@dataclass
class Diary:
    """One writer's. Each value: whether the write was acknowledged."""

    name: str
    created: dict[str, bool] = field(default_factory=dict)
    conditional: dict[str, bool] = field(default_factory=dict)
    transactions: dict[str, bool] = field(default_factory=dict)
    deleted: dict[str, bool] = field(default_factory=dict)
    submitted: dict[str, bool] = field(default_factory=dict)
    versions: dict[int, str] = field(default_factory=dict)
    """Acknowledged versions of the writer's own record, and what they say."""
    contents: dict[str, bytes] = field(default_factory=dict)
    """Acknowledged Binaries by their address, large enough to be kept apart, and what they hold."""
    asked_later: list[str] = field(default_factory=list)
    """What was asked for as a job, each entry to be done once."""

    def acknowledged(self) -> int:
        kinds = (self.created, self.conditional, self.transactions, self.deleted, self.submitted)
        return sum(sum(kind.values()) for kind in kinds) + len(self.versions) + len(self.contents)


def person(identifier: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "identifier": [{"system": SYSTEM, "value": identifier}], **more}


def basic(id_: str) -> dict[str, Any]:
    return {"resourceType": "Basic", "id": id_, "code": {"text": id_}, "identifier": [{"system": SYSTEM, "value": id_}]}


def submission(trace: str) -> dict[str, Any]:
    made = request(trace=trace)
    made["identifier"]["value"] = f"urn:uuid:{uuid4()}"
    return made


def write(client: httpx.Client, diary: Diary, stop: threading.Event, *, most: int, submits: bool) -> None:
    """Everything in turn, `most` times or until the connection breaks."""
    try:
        for number in range(most):
            if stop.is_set():
                return
            _write_each(client, diary, f"{diary.name}-{number}")
            if submits:
                diary.submitted[f"{diary.name}-{number}"] = False
                answer = client.post("/Claim/$submit", json=submission(f"{diary.name}-{number}"))
                diary.submitted[f"{diary.name}-{number}"] = answer.status_code == 200
                later = [f"{diary.name}-{number}-later-{each}" for each in range(ENTRIES)]
                diary.asked_later += later
                batch = bundle("batch", *[entry("POST", "Patient", person(name)) for name in later])
                client.post("", json=batch, headers={"Prefer": "respond-async"})
    except httpx.TransportError:
        return


def _write_each(client: httpx.Client, diary: Diary, name: str) -> None:
    diary.created[name] = False
    diary.created[name] = client.post("/Patient", json=person(name)).status_code == 201
    own = person(diary.name, id=diary.name, name=[{"text": name}])
    answer = client.put(f"/Patient/{diary.name}", json=own)
    if answer.is_success:
        diary.versions[int(answer.json()["meta"]["versionId"])] = name
    client.get(f"/Patient/{diary.name}")
    client.post(str(client.base_url).partition("/fhir")[0] + "/oauth/launch", json={"patient": diary.name})
    once = f"{name}-once"
    diary.conditional[once] = False
    headers = {"If-None-Exist": f"identifier={SYSTEM}|{once}"}
    diary.conditional[once] = client.post("/Patient", json=person(once), headers=headers).status_code == 201
    all_ = f"{name}-all"
    diary.transactions[all_] = False
    parts = [entry("POST", "Patient", person(all_)) for _ in range(ENTRIES - 1)]
    together = bundle("transaction", *parts, entry("PUT", f"Basic/{all_}", basic(all_)))
    diary.transactions[all_] = client.post("", json=together).status_code == 200
    content = os.urandom(LARGE // 2).hex().encode()
    answer = client.post("/Binary", content=content, headers={"Content-Type": "text/plain"})
    if answer.status_code == 201:
        diary.contents[answer.headers["Location"].partition("/_history")[0]] = content
    gone = f"{name}-gone"
    if client.put(f"/Basic/{gone}", json=basic(gone)).status_code == 201:
        diary.deleted[gone] = False
        diary.deleted[gone] = client.delete(f"/Basic/{gone}").status_code == 204


def client_of(base: str, token: str) -> httpx.Client:
    return httpx.Client(base_url=base, headers={**FHIR, "Authorization": f"Bearer {token}"}, timeout=60)


def verify(client: httpx.Client, diary: Diary) -> None:
    """What was acknowledged is there once, what was not is there whole or not at all, and both are found alike."""
    for name, acknowledged in diary.created.items():
        assert len(found(client, "Patient", name)) in ({1} if acknowledged else {0, 1}), name
    for name, acknowledged in diary.conditional.items():
        before = len(found(client, "Patient", name))
        assert before in ({1} if acknowledged else {0, 1}), name
        headers = {"If-None-Exist": f"identifier={SYSTEM}|{name}"}
        again = client.post("/Patient", json=person(name), headers=headers)
        assert again.status_code == (200 if before else 201), again.text
        assert len(found(client, "Patient", name)) == 1, name
    for name, acknowledged in diary.transactions.items():
        parts = len(found(client, "Patient", name)) + len(found(client, "Basic", name))
        assert parts in ({ENTRIES} if acknowledged else {0, ENTRIES}), name
        assert client.get(f"/Basic/{name}").status_code == (200 if parts else 404), name
    for name, acknowledged in diary.deleted.items():
        status = client.get(f"/Basic/{name}").status_code
        assert status in ({410} if acknowledged else {200, 410}), name
        assert len(found(client, "Basic", name)) == (status == 200), name
    for name, acknowledged in diary.submitted.items():
        query = {"identifier": f"urn:trnorg:9012345678|{name}"}
        claims = client.get("/Claim", params=query).json().get("entry", [])
        assert len(claims) in ({1} if acknowledged else {0, 1}), name
        if claims:
            answers = client.get("/ClaimResponse", params={"request": f"Claim/{claims[0]['resource']['id']}"}).json()
            assert len(answers["entry"]) == 1, json.dumps(answers)
    for address, content in diary.contents.items():
        answer = client.get(address, headers={"Accept": "text/plain"})
        assert answer.content == content, address
    for name in diary.asked_later:
        assert len(found(client, "Patient", name)) <= 1, name
    _verify_versions(client, diary)


def _verify_versions(client: httpx.Client, diary: Diary) -> None:
    if not diary.versions:
        return
    current = int(client.get(f"/Patient/{diary.name}").json()["meta"]["versionId"])
    assert max(diary.versions) <= current <= max(diary.versions) + 1
    for version, say in diary.versions.items():
        answer = client.get(f"/Patient/{diary.name}/_history/{version}")
        assert answer.json()["name"][0]["text"] == say
    assert [one["id"] for one in found(client, "Patient", diary.name)] == [diary.name]


def found(client: httpx.Client, type_: str, identifier: str) -> list[dict[str, Any]]:
    answer = client.get(f"/{type_}", params={"identifier": f"{SYSTEM}|{identifier}", "_count": "100"})
    assert answer.status_code == 200, answer.text
    return [item["resource"] for item in answer.json().get("entry", [])]
