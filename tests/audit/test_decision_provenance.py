"""Every decision comes with a Provenance in its own commit: what it rests on, by version, who sent it, who decided."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from in_process import House

from profiles.base_validation import validate_resource

BUNDLE = json.loads((Path(__file__).parents[2] / "examples/bodies/lumbar-mri.json").read_text())


async def provenances(house: House) -> list[dict[str, Any]]:
    async with house.client("auditor") as client:
        found = (await client.get("/Provenance?_count=100&_sort=_lastUpdated")).json().get("entry", [])
    return [entry["resource"] for entry in found]


async def test_a_first_decision(practice: House) -> None:
    async with practice.client("staff", subject="nurse", fhir_user="Practitioner/n1") as staff:
        answer = (await staff.post("/Claim/$submit", json=BUNDLE)).json()
        again = await staff.post("/Claim/$submit", json=BUNDLE)
        assert again.status_code == 200
    response = next(e["resource"] for e in answer["entry"] if e["resource"]["resourceType"] == "ClaimResponse")
    target = {"reference": f"ClaimResponse/{response['id']}/_history/1"}
    (made,) = [each for each in await provenances(practice) if target in each["target"]]  # the repetition decided nothing
    assert validate_resource(made) == []
    assert made["target"] == [target]
    assert made["agent"][0]["who"] == {"reference": "Practitioner/n1"}
    assert made["agent"][1]["who"]["reference"].startswith("Organization/")
    sources = [entity["what"]["reference"] for entity in made["entity"]]
    types = {source.partition("/")[0] for source in sources}
    assert {"Claim", "Patient", "Coverage"} <= types
    assert all("/_history/" in source for source in sources)
    async with practice.client() as client:
        for source in sources:
            assert (await client.get(f"/{source}")).status_code == 200, source
        found = await client.get(f"/Provenance?target=ClaimResponse/{response['id']}")
        assert len(found.json()["entry"]) == 1
        (event,) = (await client.get(f"/AuditEvent?entity=Provenance/{made['id']}&subtype=submit")).json()["entry"]
    written = {entity.get("what", {}).get("reference") for entity in event["resource"]["entity"]}
    assert {f"Provenance/{made['id']}/_history/1", f"ClaimResponse/{response['id']}/_history/1"} <= written
