"""SearchParameters that a tenant stores: usable at once, indexed in the background, right at every moment, on both stores."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from in_process import House

from profiles.json import Resource, loads
from server.search.catalogue import Catalogue, State
from server.search.own_parameters import Stored, catalogue_of
from server.upkeep.own_index import indexed_now

sys.path.append(str(Path(__file__).parents[1] / "rest"))
from two_engines import ENGINES, house_on  # the folder of another area

RACE: Final = "http://example.org/fhir/StructureDefinition/race"
PATIENCE: Final = 60.0


def parameter(code: str, kind: str, expression: str, *base: str, **more: Any) -> Resource:
    return {
        "resourceType": "SearchParameter",
        "url": f"http://example.org/fhir/SearchParameter/{code}",
        "name": "Made",
        "status": "active",
        "description": "made for a test",
        "code": code,
        "base": list(base or ("Patient",)),
        "type": kind,
        "expression": expression,
        **more,
    }


def patient(number: int, **more: Any) -> Resource:
    return {
        "resourceType": "Patient",
        "id": f"p{number}",
        "multipleBirthInteger": number,
        "extension": [{"url": RACE, "valueCode": "even" if number % 2 == 0 else "odd"}],
        **more,
    }


async def put(client: httpx.AsyncClient, resource: Resource) -> None:
    answer = await client.put(f"/{resource['resourceType']}/{resource['id']}", json=resource)
    assert answer.status_code in {200, 201}, answer.text


async def store(client: httpx.AsyncClient, resource: Resource) -> str:
    answer = await client.post("/SearchParameter", json=resource)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def ids(client: httpx.AsyncClient, query: str) -> list[str]:
    answer = await client.get(f"/{query}")
    assert answer.status_code == 200, answer.text
    return [entry["resource"]["id"] for entry in loads(answer.content).get("entry", ())]


async def catalogue(house: House) -> Catalogue:
    found = house.services.own_parameters.kept(_tenant(house))
    return found if found is not None else Catalogue(is_settled=False)


def _tenant(house: House) -> int:
    tenant = house.services.keyring.get("default")
    assert tenant is not None
    return tenant.number


async def settled(house: House, client: httpx.AsyncClient) -> Catalogue:
    """When every record is indexed by what there is."""
    async with asyncio.timeout(PATIENCE):
        while True:
            await client.get("/Patient?_count=1")
            found = await catalogue(house)
            if found.is_settled:
                return found
            await asyncio.sleep(0.05)


@pytest.fixture(params=ENGINES)
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    async with house_on(request.param, tmp_path / "data") as found:
        yield found


RACE_PARAMETER: Final = parameter("race", "token", f"Patient.extension.where(url = '{RACE}').value.ofType(code)")


async def test_usable_at_once_then_by_the_index_then_gone(house: House) -> None:
    async with house.client() as client:
        for number in range(6):
            await put(client, patient(number))
        id_ = await store(client, RACE_PARAMETER)
        assert await ids(client, "Patient?race=odd&_sort=_id") == ["p1", "p3", "p5"]
        await put(client, patient(7))  # entered at once, whatever is indexed of the rest
        assert (await settled(house, client)).by_type["Patient"].keys() == {"race"}
        assert await ids(client, "Patient?race=odd&_sort=_id") == ["p1", "p3", "p5", "p7"]
        assert await ids(client, "Patient?race:not=odd&_sort=_id") == ["p0", "p2", "p4"]
        await client.delete(f"/SearchParameter/{id_}")
        assert (await client.get("/Patient?race=odd")).status_code == 400
        assert (await settled(house, client)).by_type == {}


KINDS: Final = [
    (RACE_PARAMETER, "race=even", ["p0", "p2"]),
    (parameter("births", "number", "Patient.multipleBirth.ofType(integer)"), "births=gt1", ["p2", "p3"]),
    (
        parameter("spouse", "reference", "Patient.contact.organization", target=["Organization"]),
        "spouse.name=alpha",
        ["p1"],
    ),
    (
        parameter("spouse", "reference", "Patient.contact.organization", target=["Organization"]),
        "spouse=Organization/o1",
        ["p1"],
    ),
    (parameter("called", "string", "Patient.name.select(given.first() & ' ' & family)"), "called=ann", ["p3"]),
    (parameter("since", "date", "Patient.identifier.period"), "since=lt2020", ["p0"]),
    (parameter("page", "uri", "Patient.identifier.system"), "page:below=http://example.org/a", ["p0"]),
    (
        parameter(
            "use-system",
            "composite",
            "Patient.identifier",
            component=[
                {"definition": "http://hl7.org/fhir/SearchParameter/Patient-identifier", "expression": "$this"},
                {"definition": "http://example.org/fhir/SearchParameter/page", "expression": "system"},
            ],
        ),
        "use-system=seven$http://example.org/a/b",
        ["p0"],
    ),
]


async def test_every_type_of_parameter_before_and_after_it_is_indexed(house: House) -> None:
    async with house.client() as client:
        await put(client, {"resourceType": "Organization", "id": "o1", "name": "Alpha"})
        identifier = {"system": "http://example.org/a/b", "value": "seven", "period": {"end": "2019-01-01"}}
        await put(client, patient(0, identifier=[identifier]))
        await put(client, patient(1, contact=[{"organization": {"reference": "Organization/o1"}}]))
        await put(client, patient(2))
        await put(client, patient(3, name=[{"given": ["Ann"], "family": "Bell"}]))
        made: set[str] = set()
        for each, _, _ in KINDS:
            if each["code"] not in made:
                made.add(each["code"])
                await store(client, each)
        for _ in range(2):
            for _, query, wanted in KINDS:
                assert await ids(client, f"Patient?{query}&_sort=_id") == wanted, query
            included = await ids(client, "Patient?_id=p1&_include=Patient:spouse")
            assert included == ["p1", "o1"]
            assert await ids(client, "Organization?_has:Patient:spouse:births=1") == ["o1"]
            assert await ids(client, "Patient?_sort=-births&births=ge1") == ["p3", "p2", "p1"]
            assert await ids(client, "Patient?since:missing=false") == ["p0"]
            await settled(house, client)
        assert await ids(client, "Organization?_id=o1&_revinclude=Patient:spouse") == ["o1", "p1"]
        statement = (await client.get("/metadata")).json()
        told = next(one for one in statement["rest"][0]["resource"] if one["type"] == "Patient")
        assert made <= {one["name"] for one in told["searchParam"]}
        assert "Patient:spouse" in told["searchInclude"]
        urls = {one["name"]: one.get("definition") for one in told["searchParam"]}
        assert urls["spouse"] == "http://example.org/fhir/SearchParameter/spouse"
        assert urls["name"] is None


async def test_conditions_and_scopes_name_them(app: House, client: httpx.AsyncClient) -> None:
    await store(client, RACE_PARAMETER)
    await put(client, patient(1))
    await put(client, patient(2))
    again = await client.post("/Patient", json=patient(3), headers={"if-none-exist": "race=odd"})
    assert again.status_code == 200
    async with app.client("doctor", scope="user/Patient.rs?race=odd") as limited:
        assert await ids(limited, "Patient") == ["p1"]
        assert (await limited.get("/Patient/p2")).status_code == 404
    await settled(app, client)
    async with app.client("doctor", scope="user/Patient.rs?race=even") as limited:
        assert await ids(limited, "Patient") == ["p2"]


async def test_a_scope_follows_the_parameter_that_it_names(app: House, client: httpx.AsyncClient) -> None:
    await put(client, patient(1))
    await put(client, patient(2))
    async with app.client("doctor", scope="user/Patient.rs?race=odd") as limited:
        assert (await limited.get("/Patient")).status_code == 403
        id_ = await store(client, RACE_PARAMETER)
        assert await ids(limited, "Patient") == ["p1"]
        await settled(app, client)
        assert await ids(limited, "Patient") == ["p1"]
        other = f"Patient.extension.where(url = '{RACE}' and value = 'even').select('odd')"
        await put(client, {**RACE_PARAMETER, "id": id_, "expression": other})
        assert await ids(limited, "Patient") == ["p2"]
        await client.delete(f"/SearchParameter/{id_}")
        assert (await limited.get("/Patient")).status_code == 403


async def test_tenants_know_nothing_of_each_others(app: House, client: httpx.AsyncClient) -> None:
    await app.services.keyring.make("other")
    await store(client, RACE_PARAMETER)
    assert (await client.get("/Patient?race=odd")).status_code == 200
    async with app.client(tenant="other") as other:
        answer = await other.get(f"{app.root}/t/other/fhir/Patient?race=odd")
    assert answer.status_code == 400, answer.text


REFUSED: Final = {
    "clash with R4": parameter("name", "string", "Patient.address.city"),
    "other type than R4": parameter("birthdate", "string", "Patient.birthDate"),
    "no FHIRPath": parameter("x", "token", "Patient.where("),
    "unknown function": parameter("x", "token", "Patient.gender.surprise()"),
    "no such type of value": parameter("x", "quantity", "Patient.gender"),
    "underscore": parameter("_x", "token", "Patient.gender"),
    "a chain": parameter("x.y", "token", "Patient.gender"),
    "a modifier": parameter("x:y", "token", "Patient.gender"),
    "of another type alone": parameter("x", "token", "Observation.code"),
    "the trail": parameter("x", "token", "AuditEvent.type", "AuditEvent"),
    "special": parameter("x", "special", "Patient.gender"),
    "too long": parameter("x", "token", "Patient.gender" + " | Patient.gender" * 1000),
    "too deep": parameter("x", "token", "(" * 200 + "Patient" + ")" * 200),
    "no components": parameter("x", "composite", "Patient"),
    "phonetic": parameter("x", "string", "Patient.name", xpathUsage="phonetic"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_cannot_be_applied_is_refused(client: httpx.AsyncClient, name: str) -> None:
    answer = await client.post("/SearchParameter", json=REFUSED[name])
    assert answer.status_code in {400, 422}, answer.text
    assert loads(answer.content)["issue"][0]["expression"][0].startswith("SearchParameter.")


async def test_the_very_same_as_r4_and_retired_ones_are_kept_and_change_nothing(client: httpx.AsyncClient) -> None:
    await store(client, parameter("gender", "token", "Patient.gender"))
    await store(client, parameter("other", "token", "Patient.gender", status="retired"))
    await put(client, patient(1, gender="other"))
    assert await ids(client, "Patient?gender=other") == ["p1"]
    assert (await client.get("/Patient?other=other")).status_code == 400
    first = await store(client, parameter("sex", "token", "Patient.gender"))
    clash = await client.post("/SearchParameter", json=parameter("sex", "token", "Patient.language"))
    assert clash.status_code == 422
    await put(client, {**parameter("sex", "token", "Patient.maritalStatus"), "id": first})
    assert await ids(client, "Patient?sex=other") == []


HOSTILE: Final = [
    "Patient.descendants().descendants().descendants().descendants()",
    "Patient.repeat($this | extension)",
    "Patient.name.given.select($this & $this & $this & $this & $this).repeat($this & $this)",
    "Patient.name.given.where($this.matches('(a+)+$')) | Patient.descendants().where($this.toString().matches('(.*)*x'))",
    "1 / 0 | Patient.name.single()",
]


@pytest.mark.parametrize("number", range(len(HOSTILE)))
async def test_hostile_expressions_neither_fail_nor_hold_up_what_is_written(client: httpx.AsyncClient, number: int) -> None:
    answer = await client.post("/SearchParameter", json=parameter("hostile", "string", HOSTILE[number]))
    assert answer.status_code in {201, 400, 422}, answer.text
    names = [{"given": ["a" * 40] * 20, "extension": [{"url": "http://e", "valueString": "x"}] * 20}] * 20
    async with asyncio.timeout(PATIENCE):
        await put(client, patient(1, name=names))
        found = await client.get("/Patient?hostile=a")
    assert found.status_code in {200, 400}


def test_what_is_indexed_follows_from_versions_and_from_when_the_work_began() -> None:
    old, new, other = State(1, "a"), State(2, "a"), State(3, "b")
    assert indexed_now({}, {"x": old}, frozenset(), {"x": old}) == {"x": old}
    assert indexed_now({}, {"x": old}, frozenset(), {"x": new}) == {"x": new}  # said the same again
    assert indexed_now({}, {"x": old}, frozenset(), {"x": State(3, "a")}) == {}  # was gone in between
    assert indexed_now({}, {"x": old}, frozenset(), {"x": other}) == {}
    assert indexed_now({"x": old}, {}, frozenset({"x"}), {}) == {}
    assert indexed_now({"x": old}, {"x": old}, frozenset(), {}) == {"x": old}  # the next job lets go of its entries


def test_one_more_parameter_makes_none_of_the_others_anew() -> None:
    first = Stored("1", 1, 1, parameter("tagged", "token", "Resource.meta.tag", "Resource"))
    wrong = Stored("2", 1, 2, parameter("wrong", "token", "Patient.(("))
    before = catalogue_of([first, wrong], {}, b"")
    after = catalogue_of([first, wrong, Stored("3", 1, 3, parameter("sex", "token", "Patient.gender"))], {}, b"")
    assert after.by_type["Patient"]["tagged"] is before.by_type["Patient"]["tagged"]
    assert after.states["1"] == before.states["1"]
    assert sorted(after.by_type["Patient"]) == ["sex", "tagged"]


def test_a_composite_one_follows_what_its_components_are_like() -> None:
    def like(kind: str, expression: str) -> Stored:
        return Stored("1", 1, 1, parameter("part", kind, expression))

    parts = [
        {"definition": "http://example.org/fhir/SearchParameter/part", "expression": "family"},
        {"definition": "http://hl7.org/fhir/SearchParameter/individual-gender", "expression": "use"},
    ]
    both = Stored("2", 1, 2, parameter("both", "composite", "Patient.name", component=parts))
    kinds = [
        catalogue_of([each, both], {}, b"").by_type["Patient"]["both"].components[0].type
        for each in (like("string", "Patient.name.family"), like("token", "Patient.name.use"))
    ]
    assert kinds == ["string", "token"]
