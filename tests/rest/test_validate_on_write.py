"""Validation on write: off, base and profile, by tenant and type, in every way of storing; on both stores where state matters."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from in_process import House, running_house
from rest_help import FHIR, bundle, code_of, entry, statuses
from two_engines import ENGINES, house_on
from validation_help import EXAMPLE, found, profile, required, store

sys.path.append(str(Path(__file__).parents[1] / "pas"))
from pas_examples import request as pas_request  # the folder of another area

from server.seal.tenant_entries import validating
from server.validation_levels import level_of, parse_levels

BROKEN = {"resourceType": "Patient", "contact": [{"gender": "male"}]}
"""Breaks pat-1."""
CLAIMING = {"resourceType": "Patient", "meta": {"profile": [f"{EXAMPLE}/own"]}}
FINE = {**CLAIMING, "birthDate": "1970-01-01"}
OWN = profile("own", required("Patient.birthDate"))
PATCH = {"Content-Type": "application/json-patch+json"}


async def level(house: House, level: str | None, type_: str = "*", tenant: str = "default") -> None:
    await house.services.keyring.change(validating(tenant, type_, level))


@pytest.fixture
async def strict(tmp_path: Path) -> AsyncIterator[House]:
    """A house that stores Patients by profile."""
    async with running_house(tmp_path / "data", ASSENT_VALIDATION="off,Patient=profile") as house:
        async with house.client() as client:
            await store(client, OWN)
        yield house


async def test_levels(app: House) -> None:
    async with app.client() as client:
        await store(client, OWN)
        expected = {"off": (201, 201), "base": (422, 201), "profile": (422, 422)}
        for name, (broken, claiming) in expected.items():
            await level(app, name)
            assert (await client.post("/Patient", json=BROKEN)).status_code == broken, name
            assert (await client.post("/Patient", json=CLAIMING)).status_code == claiming, name
            assert (await client.post("/Patient", json={"resourceType": "Patient", "x": 1})).status_code == 400
            assert (await client.post("/Patient", json=FINE)).status_code == 201


async def test_a_level_is_of_a_tenant_and_of_a_type(app: House) -> None:
    north = f"{app.root}/t/north/fhir"
    async with app.client(tenant="north") as there, app.client() as here:
        assert (await there.post(f"{north}/Patient", json=BROKEN)).status_code == 201
        await level(app, "base", tenant="north")
        await level(app, "off", "Patient", tenant="north")
        assert (await there.post(f"{north}/Patient", json=BROKEN)).status_code == 201
        await level(app, None, "Patient", tenant="north")
        assert (await there.post(f"{north}/Patient", json=BROKEN)).status_code == 422
        assert (await here.post("/Patient", json=BROKEN)).status_code == 201


def test_which_word_comes_first() -> None:
    server = parse_levels("base, Claim=profile")
    assert level_of("Claim", {}, server) == "profile"
    assert level_of("Patient", {}, server) == "base"
    assert level_of("Claim", {"*": "off"}, server) == "off"
    assert level_of("Claim", {"*": "off", "Claim": "base"}, server) == "base"
    assert level_of("Claim", {"Patient": "off"}, server) == "profile"


async def test_a_refusal_says_what_a_validation_would(strict: House) -> None:
    async with strict.client() as client:
        refused = await client.post("/Patient", json={**CLAIMING, **BROKEN})
        validated = await client.post("/Patient/$validate", json={**CLAIMING, **BROKEN})
        assert found(refused.json()) == found(validated.json()) == [
            ("invariant", "Patient.contact[0]"), ("required-element", "Patient.birthDate"),
        ]  # fmt: skip
        assert refused.json()["issue"][0]["extension"]
        unknown = await client.post("/Patient", json={"resourceType": "Patient", "meta": {"profile": [f"{EXAMPLE}/none"]}})
        assert (unknown.status_code, found(unknown.json())) == (422, [("profile-unknown", "Patient.meta.profile")])


@pytest.mark.parametrize("engine", ENGINES)
async def test_every_way_of_storing_is_held_to_it(engine: str, tmp_path: Path) -> None:
    async with house_on(engine, tmp_path / "data") as house, house.client() as client:
        await store(client, OWN, {**CLAIMING, "id": "one", "birthDate": "1970"})
        await level(house, "profile", "Patient")
        bad, at_one = CLAIMING, {**CLAIMING, "id": "one"}
        remove = json.dumps([{"op": "remove", "path": "/birthDate"}])
        binary = {
            "resourceType": "Binary",
            "contentType": PATCH["Content-Type"],
            "data": base64.b64encode(remove.encode()).decode(),
        }
        ways = {
            "create": await client.post("/Patient", json=bad),
            "conditional create": await client.post("/Patient", json=bad, headers={"If-None-Exist": "_id=none"}),
            "update": await client.put("/Patient/one", json=at_one),
            "create by update": await client.put("/Patient/two", json={**bad, "id": "two"}),
            "conditional update": await client.put("/Patient?_id=one", json=bad),
            "patch": await client.patch("/Patient/one", content=remove, headers=PATCH),
            "conditional patch": await client.patch("/Patient?_id=one", content=remove, headers=PATCH),
        }
        for way, answer in ways.items():
            assert (answer.status_code, code_of(answer)) == (422, "required-element"), way
        entries = [
            entry("POST", "Patient", bad),
            entry("PUT", "Patient/one", at_one),
            entry("PATCH", "Patient/one", binary),
        ]
        assert statuses(await client.post("", json=bundle("batch", *entries))) == ["422"] * 3
        for place, one in enumerate([entry("POST", "Patient", FINE), *entries]):
            whole = await client.post("", json=bundle("transaction", entry("POST", "Patient", FINE), one))
            assert whole.status_code == (422 if place else 200), place
            if place:
                assert found(whole.json()) == [("required-element", "Bundle.entry[1].resource.birthDate")]
        stored = (await client.get("/Patient?_total=accurate")).json()
        assert stored["total"] == 3
        assert (await client.get("/Patient/one")).headers["etag"] == 'W/"1"'
        assert (await client.delete("/Patient/one")).status_code == 204


async def test_definitions_hold_also_for_those_who_may_not_read_them(strict: House) -> None:
    async with strict.client("staff", scope="user/Patient.cruds") as client:
        assert found((await client.post("/Patient", json=CLAIMING)).json()) == [("required-element", "Patient.birthDate")]


async def test_a_definition_counts_from_its_storing_on(strict: House) -> None:
    async with strict.client() as client:
        assert (await client.post("/Patient", json=FINE)).status_code == 201
        await store(client, profile("own", required("Patient.name")))
        assert (await client.post("/Patient", json=FINE)).status_code == 422
        await client.delete("/StructureDefinition/own")
        assert code_of(await client.post("/Patient", json=FINE)) == "profile-unknown"


async def test_what_an_operation_stores_is_its_own_matter(app: House) -> None:
    async with app.client() as client:
        await level(app, "profile")
        request = {**pas_request(), "meta": {"profile": [f"{EXAMPLE}/none"]}}
        assert (await client.post("/Claim/$submit", json=request)).status_code == 200


async def test_it_is_validated_by_a_job_as_well(strict: House) -> None:
    async with strict.client() as client:
        asked = await client.post(
            "", json=bundle("batch", entry("POST", "Patient", CLAIMING)), headers={"Prefer": "respond-async", **FHIR}
        )
        assert asked.status_code == 202
        status = asked.headers["content-location"]
        for _ in range(600):
            answer = await client.get(status)
            if answer.status_code != 202:
                break
        told: Any = answer.json()["entry"][0]
        assert told["response"]["status"].startswith("422"), told


@pytest.mark.parametrize("base", ["/fhir", "/pas-2.0.1/fhir"])
async def test_pas_requests_are_held_against_their_profiles_whatever_the_level(app: House, base: str) -> None:
    body = pas_request()
    body["entry"][0]["resource"]["diagnosis"][0]["type"] = [{"text": "a"}, {"text": "b"}]
    async with app.client() as client:
        for operation in ("$submit", "$inquire"):
            refused = await client.post(f"{app.root}{base}/Claim/{operation}", json=body)
            assert refused.status_code == 422
            assert found(refused.json()) == [("pas-profile", "Bundle.entry[0].resource.diagnosis[0].type[1]")]
        assert (await client.get("/Claim?_summary=count")).json()["total"] == 0
