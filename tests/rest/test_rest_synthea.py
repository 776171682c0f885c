"""Whole patients of Synthea as transactions: everything is stored, everything is linked, totals are the sums."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest
from live_server import LiveServer
from rest_help import FHIR, bundle, ids
from shared import shared_data

from profiles import json
from profiles.references import iter_references

STEP = 8


def read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()))
    return content


@pytest.fixture(scope="module")
def client(empty_server: LiveServer) -> httpx.Client:
    return empty_server.client()


@pytest.mark.slow
def test_totals_are_the_sums_and_every_link_leads_somewhere(client: httpx.Client) -> None:
    folder = shared_data() / "synthea" / "smart-2019"
    patients = sorted(path for path in folder.glob("*.json.gz") if "Information" not in path.name)[::STEP]
    wanted: Counter[str] = Counter()
    stored: list[str] = []
    for path in [*sorted(folder.glob("*Information.json.gz")), *patients]:
        content = read(path)
        answer = client.post("", content=json.dumps(content), headers=FHIR)
        assert answer.status_code == 200, (path.name, answer.text[:2000])
        wanted.update(entry["resource"]["resourceType"] for entry in content["entry"])
        stored += [
            entry["response"]["location"].split("/fhir/")[1].split("/_history")[0] for entry in answer.json()["entry"]
        ]
    assert len(stored) == sum(wanted.values()) > 1000
    for type_, total in wanted.items():
        assert client.get(f"/{type_}?_summary=count").json()["total"] == total, type_
    known = set(stored)
    for type_ in wanted:
        answer = client.get(f"/{type_}?_count=40")
        for item in answer.json()["entry"]:
            for holder, key, place in iter_references(item["resource"]):
                reference = holder[key]
                assert reference in known or reference.startswith("#") or ":" in reference.partition("/")[0], (
                    place,
                    reference,
                )


@pytest.mark.slow
def test_each_patient_s_record_is_found_by_patient(client: httpx.Client) -> None:
    folder = shared_data() / "synthea" / "smart-2019"
    content = read(min(folder.glob("*[0-9a-f].json.gz"), key=lambda path: path.stat().st_size))
    sums = Counter(entry["resource"]["resourceType"] for entry in content["entry"])
    answer = client.post("", content=json.dumps(content), headers=FHIR)
    (who,) = [
        entry["response"]["location"].split("/fhir/")[1].split("/_history")[0]
        for entry, sent in zip(answer.json()["entry"], content["entry"], strict=True)
        if sent["resource"]["resourceType"] == "Patient"
    ]
    for type_ in ("Observation", "Claim", "Encounter", "Condition"):
        found = client.get(f"/{type_}", params={"patient": who, "_count": "1000"})
        assert len(ids(found)) == sums[type_]
        if type_ == "Observation":
            dates = [e["resource"]["effectiveDateTime"] for e in found.json()["entry"]]
            first, last = min(dates)[:10], max(dates)[:10]
            for query, size in [
                (f"ge{first}", sums[type_]),
                (f"gt{last}", 0),
                (f"lt{first}", 0),
                (f"le{last}", sums[type_]),
            ]:
                assert (
                    client.get(f"/{type_}", params={"patient": who, "date": query, "_summary": "count"}).json()["total"]
                    == size
                )


@pytest.mark.slow
def test_a_patient_with_one_broken_entry_is_not_stored_at_all(client: httpx.Client) -> None:
    folder = shared_data() / "synthea" / "smart-2019"
    content = read(min(folder.glob("*[0-9a-f].json.gz"), key=lambda path: path.stat().st_size))
    before = {
        type_: client.get(f"/{type_}?_summary=count").json()["total"] for type_ in ("Patient", "Observation", "Claim")
    }
    broken = bundle("transaction", *content["entry"])
    broken["entry"][-1] = {**broken["entry"][-1], "resource": {**broken["entry"][-1]["resource"], "nmae": 1}}
    answer = client.post("", content=json.dumps(broken), headers=FHIR)
    assert answer.status_code == 400
    assert answer.json()["issue"][0]["expression"] == [f"Bundle.entry[{len(content['entry']) - 1}].resource.nmae"]
    after = {type_: client.get(f"/{type_}?_summary=count").json()["total"] for type_ in before}
    assert after == before
