"""Packages over REST, on both engines: installed whole or not at all, found as anything else is, removed without a trace but the history."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import httpx
import pytest
from in_process import House, running_house
from packages_made import ACME, NAME, code_system, package, profile, questionnaire, search_parameter, usual, value_set
from tokens import bearer

from operations.packages.contents import read_contents
from operations.packages.package_name import PackageName
from operations.policy.library.bundled import bundled_libraries
from profiles.base_validation import validate_resource

GZIP = {"Content-Type": "application/gzip"}
FHIR = {"Content-Type": "application/fhir+json"}
SHOES = {"url": "urn:shoe", "valueInteger": 42}
KINDS = ("CodeSystem", "ValueSet", "StructureDefinition", "Questionnaire", "SearchParameter")


async def send(client: httpx.AsyncClient, data: bytes, **headers: str) -> httpx.Response:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.post("/ImplementationGuide/$install", content=data, headers=GZIP | given)


async def installed(client: httpx.AsyncClient, data: bytes) -> dict[str, Any]:
    answer = await send(client, data)
    assert answer.status_code == 200, answer.text
    return told(answer.json())


async def uninstall(client: httpx.AsyncClient, **named: str) -> httpx.Response:
    body = {
        "resourceType": "Parameters",
        "parameter": [{"name": name, "valueString": text} for name, text in named.items()],
    }
    return await client.post("/ImplementationGuide/$uninstall", json=body)


def told(body: dict[str, Any]) -> dict[str, Any]:
    """Parameters by name; resources as {type: count}."""
    assert validate_resource(body) == []
    found: dict[str, Any] = {"resources": {}}
    for row in body.get("parameter", []):
        if row["name"] == "resources":
            kind, count = row["part"]
            found["resources"][kind["valueCode"]] = count["valueInteger"]
        else:
            found[row["name"]] = next(value for key, value in row.items() if key != "name")
    return found


def refused(answer: httpx.Response) -> tuple[int, str]:
    assert answer.json()["resourceType"] == "OperationOutcome", answer.text
    return answer.status_code, answer.json()["issue"][0]["details"]["coding"][0]["code"]


async def found(client: httpx.AsyncClient, question: str) -> list[dict[str, Any]]:
    answer = await client.get(question)
    assert answer.status_code == 200, answer.text
    return [entry["resource"] for entry in answer.json().get("entry", [])]


async def numbers(client: httpx.AsyncClient) -> dict[str, int]:
    """How many there are of each type, records and provenances among them."""
    types = (*KINDS, "ImplementationGuide", "Library", "Provenance", "Patient")
    return {type_: (await client.get(f"/{type_}?_summary=count")).json()["total"] for type_ in types}


async def test_a_package_is_installed_found_and_used(house: House) -> None:
    async with house.client(subject="root", fhir_user="Practitioner/boss") as client:
        done = await installed(client, usual())
        assert (done["name"], done["version"], done["installed"]) == (NAME, "1.0.0", True)
        assert done["sha256"] == read_contents(usual()).sha256
        assert done["resources"] == dict.fromkeys(KINDS, 1)
        assert "outcome" not in done
        await client.put("/Patient/shod", json={"resourceType": "Patient", "id": "shod", "extension": [SHOES]})
        assert [one["id"] for one in await found(client, "/Patient?shoe-size=gt41")] == ["shod"]
        assert (await client.delete("/Patient/shod")).is_success
        assert await numbers(client) == dict.fromkeys((*KINDS, "ImplementationGuide", "Provenance"), 1) | {
            "Library": 0,
            "Patient": 0,
        }
        (system,) = await found(client, f"/CodeSystem?url={ACME}/CodeSystem/fruit")
        assert system["meta"]["source"] == f"https://assent.example/fhir/package/{NAME}#1.0.0"
        assert await found(client, f"/CodeSystem?_source=https://assent.example/fhir/package/{NAME}%231.0.0") == [system]
        (record,) = await found(client, f"/ImplementationGuide?url={ACME}/ImplementationGuide/{NAME}")
        assert record["id"] == done["record"]["reference"].partition("/")[2]
        assert [item["id"] for item in await found(client, f"/ImplementationGuide?resource=CodeSystem/{system['id']}")] == [
            record["id"]
        ]
        check = {"url": f"{ACME}/ValueSet/fruit", "system": f"{ACME}/CodeSystem/fruit", "code": "lime"}
        assert told((await client.get("/ValueSet/$validate-code", params=check)).json())["result"] is True
        (provenance,) = await found(client, f"/Provenance?target={done['record']['reference']}")
        assert provenance["agent"][0]["who"] == {"reference": "Practitioner/boss"}
        assert provenance["entity"][0]["what"]["identifier"]["value"] == f"{NAME}#1.0.0"
        (event,) = await found(client, "/AuditEvent?subtype=install")
        assert f"CodeSystem/{system['id']}/_history/1" in str(event["entity"])


async def test_stored_profiles_of_a_package_are_what_validate_goes_by(app: House) -> None:
    async with app.client() as client:
        await installed(client, usual())
        address = f"/Patient/$validate?profile={ACME}/StructureDefinition/acme-patient"
        answer = await client.post(address, json={"resourceType": "Patient"})
        assert "birthDate" in str([issue for issue in answer.json()["issue"] if issue["severity"] == "error"]), answer.text
        answer = await client.post(address, json={"resourceType": "Patient", "birthDate": "2000-01-01"})
        assert [issue for issue in answer.json()["issue"] if issue["severity"] == "error"] == [], answer.text


async def test_twice_changes_nothing_and_other_content_is_a_conflict(house: House) -> None:
    async with house.client() as client:
        await installed(client, usual())
        before = await numbers(client)
        again = await installed(client, usual())
        assert (again["installed"], again["resources"]) == (False, dict.fromkeys(KINDS, 1))
        assert await numbers(client) == before
        assert {item["meta"]["versionId"] for kind in KINDS for item in await found(client, f"/{kind}")} == {"1"}
        assert refused(await send(client, usual(title="changed"))) == (409, "package-differs")


async def test_every_way_to_bring_the_bytes(app: House) -> None:
    def inside(**value: Any) -> dict[str, Any]:
        return {"resourceType": "Parameters", "parameter": [{"name": "package", **value}]}

    def packed(number: int) -> str:
        return base64.b64encode(usual(f"{number}.0.0")).decode()

    async with app.client() as client:
        binary = {"resourceType": "Binary", "contentType": "application/gzip"}
        bodies = [
            inside(valueBase64Binary=packed(1)),
            inside(resource={**binary, "data": packed(2)}),
            {**binary, "data": packed(3)},
        ]
        for body in bodies:
            answer = await client.post("/ImplementationGuide/$install", json=body, headers=FHIR)
            assert told(answer.json())["installed"] is True, answer.text
        assert refused(await client.post("/Binary", content=usual(), headers=GZIP)) == (415, "document-type")
        for value, status, code in (
            ({"valueBase64Binary": "no base64!"}, 400, "primitive-format"),
            ({"valueString": "x"}, 400, "parameter-value"),
            ({"valueReference": {"reference": "Binary/none"}}, 404, "not-found"),
            ({"valueReference": {"reference": "Patient/x"}}, 400, "reference-format"),
            ({"valueReference": {"reference": "https://elsewhere.example/Binary/1"}}, 400, "reference-format"),
            ({"resource": {"resourceType": "Binary"}}, 400, "required-element"),
            ({"valueUrl": "https://packages.example/x.tgz"}, 400, "parameter-value"),
        ):
            answer = await client.post("/ImplementationGuide/$install", json=inside(**value), headers=FHIR)
            assert refused(answer) == (status, code), value
        nothing = await client.post("/ImplementationGuide/$install", json={"resourceType": "Parameters"}, headers=FHIR)
        assert refused(nothing) == (400, "required-element")
        assert refused(await client.post("/ImplementationGuide/$install", content=b"x", headers={"Content-Type": "text/plain"})) == (
            415, "content-type"
        )  # fmt: skip


async def test_a_stored_binary_is_installed(tmp_path: Any) -> None:
    async with (
        running_house(tmp_path / "data", ASSENT_DOCUMENT_TYPES="+application/gzip") as house,
        house.client() as client,
    ):
        large = code_system(
            concept=[{"code": f"{n * 7919 % 100_003:x}", "display": f"{n * n % 99_991}"} for n in range(12_000)]
        )
        stored = await client.post("/Binary", content=package(large), headers=GZIP)
        assert stored.status_code == 201, stored.text
        for address in (f"Binary/{stored.json()['id']}", f"{house.base}/Binary/{stored.json()['id']}"):
            body = {
                "resourceType": "Parameters",
                "parameter": [{"name": "package", "valueReference": {"reference": address}}],
            }
            answer = await client.post("/ImplementationGuide/$install", json=body)
            assert told(answer.json())["resources"] == {"CodeSystem": 1}, answer.text


async def test_versions_stand_side_by_side_and_each_is_removed_alone(house: House) -> None:
    async with house.client() as client:
        mine = {**code_system("0.9.0"), "id": "mine"}
        assert (await client.put("/CodeSystem/mine", json=mine)).status_code == 201
        await installed(client, usual())
        await installed(client, usual("2.0.0"))
        assert refused(await uninstall(client, name=NAME)) == (400, "parameter-value")
        listing = (await client.get("/ImplementationGuide/$installed")).json()
        assert validate_resource(listing) == []
        assert [row["part"][1]["valueString"] for row in listing["parameter"]] == ["1.0.0", "2.0.0"]
        gone = await uninstall(client, name=NAME, version="1.0.0")
        assert gone.status_code == 200, gone.text
        assert {item["version"] for item in await found(client, "/CodeSystem")} == {"0.9.0", "2.0.0"}
        assert {item["version"] for item in await found(client, "/StructureDefinition")} == {"2.0.0"}
        assert (await uninstall(client, name=NAME)).status_code == 200
        assert [item["id"] for item in await found(client, "/CodeSystem")] == ["mine"]
        assert (await numbers(client))["ImplementationGuide"] == 0
        assert refused(await uninstall(client, name=NAME)) == (404, "not-found")
        activities = [
            item["activity"]["coding"][0]["code"] for item in await found(client, "/Provenance?_sort=_lastUpdated")
        ]
        assert sorted(activities) == ["CREATE", "CREATE", "DELETE", "DELETE"]


async def test_what_was_removed_can_be_installed_again(house: House) -> None:
    async with house.client() as client:
        first = await installed(client, usual())
        (system,) = await found(client, "/CodeSystem")
        assert (await uninstall(client, name=NAME)).status_code == 200
        assert (await client.get(f"/CodeSystem/{system['id']}")).status_code == 410
        second = await installed(client, usual(title="now with a title"))
        assert (second["installed"], second["record"]) == (True, first["record"])
        (again,) = await found(client, "/CodeSystem")
        assert (again["id"], again["meta"]["versionId"]) == (system["id"], "3")
        assert (await uninstall(client, name=NAME)).status_code == 200
        assert (await numbers(client))["CodeSystem"] == 0


async def test_nothing_is_removed_that_something_rests_on_or_that_was_changed(app: House) -> None:
    async with app.client() as client:
        await installed(client, usual())
        before = await numbers(client)
        child = {
            **profile(),
            "id": "child",
            "url": "urn:child",
            "baseDefinition": f"{ACME}/StructureDefinition/acme-patient",
        }
        assert (await client.put("/StructureDefinition/child", json=child)).status_code == 201
        answer = await uninstall(client, name=NAME)
        assert refused(answer) == (409, "package-in-use")
        assert "StructureDefinition/child rest on" in answer.text
        twin = {**profile("0.5.0"), "id": "twin"}  # another version of what the child builds on: then it loses nothing
        assert (await client.put("/StructureDefinition/twin", json=twin)).status_code == 201
        assert (await uninstall(client, name=NAME)).status_code == 200
        await client.delete("/StructureDefinition/twin")
        await client.delete("/StructureDefinition/child")
        await installed(client, usual())
        response = {
            "resourceType": "QuestionnaireResponse",
            "id": "r",
            "status": "completed",
            "questionnaire": f"{ACME}/Questionnaire/ask|1.0.0",
        }
        assert (await client.put("/QuestionnaireResponse/r", json=response)).status_code == 201
        assert "QuestionnaireResponse/r rest on" in (await uninstall(client, name=NAME)).text
        await client.delete("/QuestionnaireResponse/r")
        await installed(
            client, package(value_set(id="other", url="urn:other"), name="acme.more", dependencies={NAME: "1.0.x"})
        )
        assert "built on by acme.more#1.0.0" in (await uninstall(client, name=NAME)).text
        assert (await uninstall(client, name="acme.more")).status_code == 200
        (system,) = await found(client, "/CodeSystem")
        assert (await client.put(f"/CodeSystem/{system['id']}", json={**system, "title": "Mine"})).status_code == 200
        answer = await uninstall(client, name=NAME)
        assert refused(answer) == (409, "package-in-use")
        assert f"CodeSystem/{system['id']} was changed since" in answer.text
        assert {kind: count for kind, count in (await numbers(client)).items() if kind in KINDS} == {
            kind: count for kind, count in before.items() if kind in KINDS
        }
        assert (await client.put(f"/CodeSystem/{system['id']}", json=system)).status_code == 200  # put back as it was
        assert (await uninstall(client, name=NAME)).status_code == 200


async def test_a_missing_dependency_is_told_until_it_is_there(app: House) -> None:
    async with app.client() as client:
        dependent = package(code_system(), name="acme.more", dependencies={NAME: "1.0.0", "hl7.fhir.r4.core": "4.0.1"})
        done = await installed(client, dependent)
        (issue,) = done["outcome"]["issue"]
        assert (issue["severity"], issue["details"]["coding"][0]["code"]) == ("warning", "package-dependency")
        assert f"{NAME}#1.0.0" in issue["details"]["text"]
        await installed(client, usual())
        assert "outcome" not in await installed(client, dependent)


async def test_an_id_that_somebody_else_has_refuses_all_of_it(app: House) -> None:
    system = next(one for one in read_contents(usual()).resources if one.type == "CodeSystem")
    async with app.client() as client:
        assert (await client.put(f"/CodeSystem/{system.id}", json={**code_system(), "id": system.id})).status_code == 201
        answer = await send(client, usual())
        assert refused(answer) == (409, "id-in-use")
        assert system.reference in answer.text
        counts = await numbers(client)
        assert (counts.pop("CodeSystem"), set(counts.values())) == (1, {0})


async def test_a_package_whose_record_was_deleted_is_taken_up_again(house: House) -> None:
    async with house.client() as client:
        record = (await installed(client, usual()))["record"]["reference"]
        (system,) = await found(client, "/CodeSystem")
        assert (await client.delete(f"/{record}")).status_code == 204
        assert (await installed(client, usual()))["installed"] is True
        assert await found(client, "/CodeSystem") == [system]
        assert (
            await client.put(f"/{record}", json={**(await client.get(f"/{record}")).json(), "packageId": "x"})
        ).status_code == 200
        assert refused(await send(client, usual())) == (409, "id-in-use")
        assert refused(await uninstall(client, name=NAME)) == (404, "not-found")


async def test_two_callers_at_once_end_with_one_winner(house: House) -> None:
    async with house.client() as client:
        answers = await asyncio.gather(
            *[send(client, usual()) for _ in range(4)], *[send(client, usual("2.0.0")) for _ in range(3)]
        )
        assert {answer.status_code for answer in answers} == {200}, [answer.text for answer in answers]
        assert sum(told(answer.json())["installed"] for answer in answers) == 2
        counts = await numbers(client)
        assert (counts["CodeSystem"], counts["ImplementationGuide"], counts["Provenance"]) == (2, 2, 2)


async def test_who_may(app: House) -> None:
    for role, options in (
        ("doctor", {}), ("staff", {}), ("payer", {}), ("auditor", {}), ("patient", {"patient": "p"}),
        ("administrator", {"scope": "user/ImplementationGuide.cruds user/Binary.r"}),
        ("administrator", {"scope": "patient/*.cruds", "patient": "p"}),
    ):  # fmt: skip
        async with app.client(role, **options) as client:
            for _ in range(2):
                assert refused(await send(client, usual())) == (403, "forbidden"), role
                assert refused(await send(client, usual(), Prefer="respond-async")) == (403, "forbidden"), role
            assert refused(await uninstall(client, name=NAME)) == (403, "forbidden"), role
    async with app.client() as client:
        assert refused(await client.get("/ImplementationGuide/$install")) == (405, "method-not-allowed")
        assert set((await numbers(client)).values()) == {0}


async def test_another_tenant_sees_nothing_of_it(app: House) -> None:
    async with app.client() as client, app.client(tenant="north") as north:
        await installed(client, usual())
        base, headers = f"{app.root}/t/north/fhir", bearer(app.token(tenant="north"))
        for address in ("CodeSystem", "ImplementationGuide", "StructureDefinition", "ImplementationGuide/$installed"):
            answer = await north.get(f"{base}/{address}", headers=headers)
            assert "fruit" not in answer.text
            assert NAME not in answer.text
        body = {"resourceType": "Parameters", "parameter": [{"name": "name", "valueString": NAME}]}
        assert refused(await north.post(f"{base}/ImplementationGuide/$uninstall", json=body)) == (404, "not-found")
        answer = await north.post(f"{base}/ImplementationGuide/$install", content=usual(title="theirs"), headers=GZIP)
        assert told(answer.json())["installed"] is True


async def test_a_policy_of_a_package_is_a_policy(app: House) -> None:
    policy = bundled_libraries()[0]
    async with app.client() as client:
        rules = {**policy, "id": "My.Rules_2"[:8], "url": f"{ACME}/Library/My.Rules"}
        await installed(client, package(rules, name="acme.rules"))
        (library,) = await found(client, "/Library")
        body = {"resourceType": "Parameters", "parameter": [{"name": "evidence", "valueString": "{}"}]}
        answer = await client.post(f"/Library/{library['id']}/$evaluate", json=body)
        assert answer.status_code == 200, answer.text
        assert told(answer.json())["all-criteria-met"] is False


async def test_later_by_prefer_respond_async(house: House) -> None:
    async with house.client() as client:
        accepted = await send(client, usual(), Prefer="respond-async")
        assert accepted.status_code == 202, accepted.text
        for _ in range(600):
            answer = await client.get(accepted.headers["Content-Location"])
            if answer.status_code != 202:
                break
            await asyncio.sleep(0.1)
        (entry,) = answer.json()["entry"]
        assert entry["response"]["status"].startswith("200"), answer.text
        assert told(entry["resource"])["installed"] is True
        assert (await numbers(client))["CodeSystem"] == 1


async def test_a_forged_record_deletes_nothing(app: House) -> None:
    """Whoever may write ImplementationGuides cannot have a removal delete what no package brought."""
    record_id = PackageName(NAME, "1.0.0").record_id
    async with app.client() as client:
        await installed(client, usual())
        await client.put("/Patient/p", json={"resourceType": "Patient", "id": "p"})
        record = (await client.get(f"/ImplementationGuide/{record_id}")).json()
        record["definition"]["resource"][0]["reference"]["reference"] = "Patient/p"
        assert (await client.put(f"/ImplementationGuide/{record_id}", json=record)).status_code == 200
        assert refused(await uninstall(client, name=NAME)) == (409, "package-in-use")
        assert (await client.get("/Patient/p")).status_code == 200


@pytest.mark.parametrize("count", [400])
async def test_a_larger_package_is_one_commit(house: House, count: int) -> None:
    resources = [value_set(id=f"v{n}", url=f"{ACME}/ValueSet/v{n}") for n in range(count)]
    async with house.client() as client:
        assert (await installed(client, package(search_parameter(), *resources)))["resources"] == {
            "SearchParameter": 1,
            "ValueSet": count,
        }
        assert (await numbers(client))["ValueSet"] == count
        assert (await uninstall(client, name=NAME)).json()["parameter"][-1] == {"name": "count", "valueInteger": count + 1}
        assert (await numbers(client))["ValueSet"] == 0


def test_the_usual_questionnaire_is_valid() -> None:
    assert validate_resource(questionnaire()) == []
