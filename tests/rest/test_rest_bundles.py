"""batch and transaction (R4 http.html#transaction): many interactions in one request; all of a transaction or nothing of it."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import httpx
import pytest
from in_process import BASE, House
from rest_help import AS_RESOURCE, FHIR, bundle, code_of, entry, exact, ids, observation, patient, refused, statuses

URN = [f"urn:uuid:00000000-0000-4000-8000-{n:012}" for n in range(10)]


async def count(client: httpx.AsyncClient, type_: str = "Patient") -> int:
    total: int = (await client.get(f"/{type_}?_summary=count")).json()["total"]
    return total


def created_ids(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [
        item["response"]["location"].removeprefix(f"{BASE}/").partition("/_history")[0] for item in answer.json()["entry"]
    ]


# -- transaction -------------------------------------------------------------------------------------------------------------


async def test_temporary_addresses_are_rewritten_wherever_an_address_may_stand(client: httpx.AsyncClient) -> None:
    document = {
        "resourceType": "DocumentReference",
        "status": "current",
        "subject": {"reference": URN[0]},
        "content": [{"attachment": {"contentType": "text/plain", "url": URN[1]}}],
        "text": {
            "status": "generated",
            "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><a href="{URN[0]}">who</a> <img src=\'{URN[1]}\' alt="x"/> {URN[0]}</div>',
        },
        "extension": [
            {"url": "urn:x:1", "valueReference": {"reference": URN[0]}},
            {"url": "urn:x:2", "valueUri": URN[1]},
            {"url": "urn:x:3", "valueString": URN[0]},
            {"url": "urn:x:4", "valueUrl": URN[1]},
        ],
        "contained": [
            {
                "resourceType": "Observation",
                "id": "o",
                "status": "final",
                "code": {"text": "x"},
                "subject": {"reference": URN[0]},
            }
        ],
        "identifier": [{"system": "urn:ietf:rfc:3986", "value": URN[0]}],
    }
    binary = {
        "resourceType": "Binary",
        "contentType": "text/plain",
        "data": base64.b64encode(b"x").decode(),
        "securityContext": {"reference": URN[0]},
    }
    answer = await client.post("", json=bundle(
        "transaction", entry("POST", "DocumentReference", document, URN[2]), entry("POST", "Patient", patient(), URN[0]), entry("POST", "Binary", binary, URN[1]),
    ))  # fmt: skip
    who, what = created_ids(answer)[1:]
    stored = (await client.get(f"/{created_ids(answer)[0]}")).json()
    assert stored["subject"]["reference"] == who
    assert stored["content"][0]["attachment"]["url"] == what
    assert f'href="{who}"' in stored["text"]["div"]
    assert f"src='{what}'" in stored["text"]["div"]
    values = [extension[name] for extension in stored["extension"] for name in extension if name.startswith("value")]
    assert values == [{"reference": who}, what, URN[0], what]
    assert stored["contained"][0]["subject"]["reference"] == who
    assert stored["identifier"][0]["value"] == URN[0]
    assert (await client.get(f"/{what}", headers=AS_RESOURCE)).json()["securityContext"]["reference"] == who
    assert ids(await client.get(f"/DocumentReference?subject={who}")) == [stored["id"]]


async def test_relative_references_resolve_by_the_fullurl_s_base(client: httpx.AsyncClient) -> None:
    answer = await client.post("", json=bundle(
        "transaction",
        entry("POST", "Patient", patient("1"), "http://ehr.example/fhir/Patient/1"),
        entry("POST", "Observation", observation("1", "Patient/1"), "http://ehr.example/fhir/Observation/1"),
        entry("POST", "Observation", observation("2", "Patient/1"), "http://other.example/fhir/Observation/2"),
        entry("POST", "Observation", observation("3", "http://ehr.example/fhir/Patient/1"), URN[0]),
        entry("POST", "Observation", observation("4", "http://ehr.example/fhir/Patient/2"), URN[1]),
    ))  # fmt: skip
    addresses = created_ids(answer)
    subjects = [(await client.get(f"/{address}")).json()["subject"]["reference"] for address in addresses[1:]]
    assert subjects == [addresses[0], "Patient/1", addresses[0], "http://ehr.example/fhir/Patient/2"]


async def test_the_answer_tells_what_became_of_each_entry_in_its_place(client: httpx.AsyncClient) -> None:
    await client.put("/Patient/old", json=patient("old"))
    await client.put("/Patient/bye", json=patient("bye"))
    answer = await client.post("", json=bundle(
        "transaction",
        entry("GET", "Patient/new"),
        entry("PUT", "Patient/old", patient("old", active=True)),
        entry("POST", "Patient", patient()),
        entry("PUT", "Patient/new", patient("new")),
        entry("DELETE", "Patient/bye"),
        entry("DELETE", "Patient/never"),
        entry("GET", "Patient?_id=new,bye"),
    ))  # fmt: skip
    assert statuses(answer) == ["200", "200", "201", "201", "204", "204", "200"]
    body = answer.json()
    assert (body["resourceType"], body["type"]) == ("Bundle", "transaction-response")
    assert body["entry"][0]["resource"]["id"] == "new"  # read after everything was written
    assert body["entry"][1]["response"]["location"] == f"{BASE}/Patient/old/_history/2"
    assert body["entry"][1]["response"]["etag"] == 'W/"2"'
    assert "resource" not in body["entry"][1]
    assert [e["resource"]["id"] for e in body["entry"][6]["resource"]["entry"]] == ["new"]
    assert (await client.get("/Patient/bye")).status_code == 410


@pytest.mark.parametrize(
    ("url", "status", "code"),
    [("Patient/none", 404, "not-found"), ("Patient/bye", 410, "gone"), ("Nothing/x", 404, "unknown-type"), ("Patient/old?x=1", 400, "unknown-parameter")],
)  # fmt: skip
async def test_a_read_that_fails_fails_the_transaction(client: httpx.AsyncClient, url: str, status: int, code: str) -> None:
    await client.put("/Patient/bye", json=patient("bye"))
    await client.delete("/Patient/bye")
    writes = [entry("POST", "Patient", patient()), entry("PUT", "Patient/old", patient("old"))]
    writes = writes if "old" not in url else []
    answer = await client.post("", json=bundle("transaction", *writes, entry("GET", "Patient"), entry("GET", url)))
    refused(answer, status, code)
    assert answer.json()["issue"][0]["expression"] == [f"Bundle.entry[{len(writes) + 1}]"]
    assert (await client.get("/Patient?_summary=count")).json()["total"] == 0


async def test_what_a_transaction_may_have_changed_is_read_after_it(client: httpx.AsyncClient) -> None:
    await client.put("/Patient/p", json=patient("p", identifier=[{"system": "urn:s", "value": "1"}]))
    answer = await client.post("", json=bundle(
        "transaction", entry("DELETE", "Patient?identifier=urn:s|1"), entry("GET", "Patient/p"), entry("GET", "Patient?nmae=x"),
    ))  # fmt: skip
    assert statuses(answer) == ["204", "410", "400"]


async def test_prefer_representation_brings_the_resources(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "",
        json=bundle("transaction", entry("POST", "Patient", patient(active=True))),
        headers={"Prefer": "return=representation"},
    )
    assert answer.json()["entry"][0]["resource"]["active"] is True
    assert answer.json()["entry"][0]["resource"]["meta"]["versionId"] == "1"


FAULTS: list[tuple[dict[str, Any], int, str, str]] = [
    (entry("POST", "Patient", patient(nmae="x")), 400, "unknown-element", "Bundle.entry[1].resource.nmae"),
    (entry("POST", "Patient", patient(name=[{"period": {"start": "x"}}])), 400, "primitive-format", "Bundle.entry[1].resource.name[0].period.start"),
    (entry("POST", "Patient", observation()), 400, "id-mismatch", "Bundle.entry[1].resource.resourceType"),
    (entry("PUT", "Patient/x", patient("y")), 400, "id-mismatch", "Bundle.entry[1].resource.id"),
    (entry("PUT", "Patient/x", patient()), 400, "id-mismatch", "Bundle.entry[1].resource.id"),
    (entry("PUT", "Patient/a_b", patient("a_b")), 400, "id-format", ""),
    (entry("PUT", "Patient/other", patient("other"), ifMatch='W/"9"'), 412, "version-conflict", "Bundle.entry[1]"),
    (entry("PUT", "Patient/other", patient("other"), ifMatch="x"), 400, "if-match-format", "Bundle.entry[1]"),
    (entry("POST", "Nothing", {"resourceType": "Nothing"}), 404, "unknown-type", ""),
    (entry("POST", "Patient"), 400, "bundle-entry", "Bundle.entry[1].resource"),
    (entry("POST", "Patient/x", patient()), 400, "bundle-entry", "Bundle.entry[1].request.url"),
    (entry("PUT", "Patient", patient()), 400, "bundle-entry", "Bundle.entry[1].request.url"),
    (entry("PUT", "Patient?nmae=x", patient()), 400, "unknown-parameter", "Bundle.entry[1].request.url"),
    (entry("DELETE", "Patient?_count=1"), 400, "condition-criteria", "Bundle.entry[1].request.url"),
    (entry("POST", "Patient", patient(), ifNoneExist=""), 400, "condition-criteria", "Bundle.entry[1].request.ifNoneExist"),
    (entry("PATCH", "Patient/x", patient()), 400, "patch-format", "Bundle.entry[1]"),
    (entry("", "Patient/x", patient()), 400, "bundle-entry", "Bundle.entry[1].request.method"),
    (entry("POST", "", patient()), 400, "bundle-entry", "Bundle.entry[1].request.url"),
    ({"resource": patient()}, 400, "bundle-entry", "Bundle.entry[1].request"),
    (entry("POST", "Observation", observation(subject=URN[9])), 400, "reference-unresolved", "Bundle.entry[1].resource.subject.reference"),
    (entry("POST", "AuditEvent", {"resourceType": "AuditEvent"}), 405, "read-only-type", ""),
    (entry("PUT", "Patient/first", patient("first")), 400, "bundle-duplicate", "Bundle.entry[1]"),
    (entry("DELETE", "Patient/first"), 400, "bundle-duplicate", "Bundle.entry[1]"),
    (entry("POST", "Patient", patient(), URN[0]), 400, "bundle-duplicate", "Bundle.entry[1].fullUrl"),
    (entry("POST", "Patient", patient(), 7), 400, "bundle-entry", "Bundle.entry[1].fullUrl"),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "status", "code", "expression"), FAULTS)
async def test_one_bad_entry_and_nothing_is_stored(
    client: httpx.AsyncClient, fault: dict[str, Any], status: int, code: str, expression: str
) -> None:
    first = entry("PUT", "Patient/first", patient("first"), URN[0])
    for entries in ([first, fault], [first, fault, entry("POST", "Patient", patient())]):
        answer = await client.post("", json=bundle("transaction", *entries))
        refused(answer, status, code, expression or None)
        assert await count(client) == 0
        assert (await client.get("/Patient/first")).status_code == 404


async def test_every_fault_of_an_entry_is_told(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "", json=bundle("transaction", entry("POST", "Patient", patient(gender="x", birthDate="x", nmae=1)))
    )
    places = {issue["expression"][0] for issue in answer.json()["issue"]}
    assert places == {f"Bundle.entry[0].resource.{name}" for name in ("gender", "birthDate", "nmae")}


@pytest.mark.parametrize(
    ("body", "code", "expression"),
    [
        ({"resourceType": "Patient"}, "bundle-type", "resourceType"), (bundle("collection"), "bundle-type", "Bundle.type"),
        ({"resourceType": "Bundle"}, "bundle-type", "Bundle.type"), (bundle("history"), "bundle-type", "Bundle.type"),
        ({"resourceType": "Bundle", "type": ["batch"]}, "", ""), ({"resourceType": "Bundle", "type": {}}, "", ""),
        ({"resourceType": "Bundle", "type": "batch", "entry": {}}, "bundle-entry", "Bundle.entry"),
        ({"resourceType": "Bundle", "type": "batch", "entry": None}, "bundle-entry", "Bundle.entry"),
        ({"resourceType": "Bundle", "type": "transaction", "entry": "x"}, "bundle-entry", "Bundle.entry"),
        ({"resourceType": "Bundle", "type": "transaction", "entry": [{}] * 2001}, "bundle-entry", "Bundle.entry"),
        ({"resourceType": "Bundle", "type": "transaction", "entry": [None]}, "bundle-entry", "Bundle.entry[0].request"),
    ],
)  # fmt: skip
async def test_what_is_no_batch_or_transaction(
    client: httpx.AsyncClient, body: dict[str, Any], code: str, expression: str
) -> None:
    answer = await client.post("", json=body)
    refused(answer, 400, code or "bundle-type", expression or "Bundle.type")


async def test_empty_ones_are_answered_without_empty_lists(client: httpx.AsyncClient) -> None:
    for type_ in ("batch", "transaction"):
        for body in (bundle(type_), {**bundle(type_), "entry": []}):
            answer = await client.post("", json=body)
            assert answer.json() == {"resourceType": "Bundle", "type": f"{type_}-response"}


async def test_a_transaction_that_lost_a_race_stores_nothing(client: httpx.AsyncClient) -> None:
    await client.put("/Patient/p", json=patient("p"))

    def attempt(n: int) -> dict[str, Any]:
        return bundle(
            "transaction",
            entry("PUT", "Patient/p", patient("p", name=[{"text": str(n)}])),
            entry("PUT", f"Observation/o{n}", observation(f"o{n}")),
        )

    answers = await asyncio.gather(*[client.post("", json=attempt(n)) for n in range(16)])
    won = [n for n, answer in enumerate(answers) if answer.status_code == 200]
    assert won
    for n, answer in enumerate(answers):
        assert answer.status_code == 200 or code_of(answer) == "edit-conflict"
        assert (await client.get(f"/Observation/o{n}")).status_code == (200 if n in won else 404)
    assert (await client.get("/Patient/p")).json()["meta"]["versionId"] == str(1 + len(won))


async def test_deleted_and_created_again_under_another_id_in_one_transaction(client: httpx.AsyncClient) -> None:
    await client.put("/Patient/p", json=patient("p"))
    answer = await client.post(
        "", json=bundle("transaction", entry("POST", "Patient", patient()), entry("DELETE", "Patient/p", ifMatch='W/"1"'))
    )
    assert statuses(answer) == ["201", "204"]
    assert await count(client) == 1


async def test_each_entry_of_a_transaction_is_authorized(app: House, client: httpx.AsyncClient) -> None:
    await client.put("/Patient/p", json=patient("p"))
    async with app.client("staff", scope="user/Patient.cu user/Observation.c") as narrow:
        ok = await narrow.post(
            "",
            json=bundle(
                "transaction", entry("PUT", "Patient/p", patient("p")), entry("POST", "Observation", observation())
            ),
        )
        assert statuses(ok) == ["200", "201"]
        for entries in (
            [entry("POST", "Observation", observation()), entry("DELETE", "Patient/p")],
            [entry("POST", "Observation", observation()), entry("PUT", "Observation/o", observation("o"))],
            [entry("POST", "Observation", observation()), entry("POST", "Claim", {"resourceType": "Claim"})],
        ):
            refused(await narrow.post("", json=bundle("transaction", *entries)), 403, "forbidden")
        read = await narrow.post(
            "", json=bundle("transaction", entry("POST", "Observation", observation()), entry("GET", "Patient/p"))
        )
        refused(read, 403, "forbidden")
    assert await count(client, "Observation") == 1


async def test_update_as_create_in_a_transaction_needs_both_rights(app: House, client: httpx.AsyncClient) -> None:
    async with app.client("staff", scope="user/Patient.u") as narrow:
        refused(
            await narrow.post("", json=bundle("transaction", entry("PUT", "Patient/p", patient("p")))), 403, "forbidden"
        )
        refused(await narrow.put("/Patient/p", json=patient("p")), 403, "forbidden")


# -- batch -------------------------------------------------------------------------------------------------------------------


async def test_each_entry_of_a_batch_succeeds_or_fails_by_itself(app: House, client: httpx.AsyncClient) -> None:
    await client.put("/Patient/p", json=patient("p"))
    entries = [
        entry("GET", "Patient/p"),
        entry("GET", "Patient/none"),
        entry("POST", "Patient", patient(nmae=1)),
        entry("POST", "Patient", patient(active=True)),
        entry("PUT", "Patient/p", patient("p"), ifMatch='W/"7"'),
        entry("PUT", "Patient/p", patient("p"), ifMatch='W/"1"'),
        entry("GET", "Patient?nmae=x"),
        entry("GET", "Patient?_id=p&_summary=count"),
        entry("NONSENSE", "Patient"),
        entry("DELETE", "Patient/p"),
        entry("GET", "/Patient/p"),
        entry("HEAD", "Patient/p/_history/1"),
        entry("POST", "Observation", observation(), ifNoneExist="x=y"),
    ]
    answer = await client.post("", json=bundle("batch", *entries))
    assert answer.json()["type"] == "batch-response"
    assert statuses(answer) == ["200", "404", "400", "201", "412", "200", "400", "200", "400", "204", "410", "200", "400"]
    for item in answer.json()["entry"]:
        failed = item["response"]["status"] >= "400"
        assert ("outcome" in item["response"]) == failed
        assert not (failed and "resource" in item)
    made = answer.json()["entry"][3]["response"]
    assert (await client.get(made["location"])).json()["active"] is True
    assert made["etag"] == 'W/"1"'
    assert answer.json()["entry"][7]["resource"]["total"] == 1
    assert "resource" not in answer.json()["entry"][11]


@pytest.mark.parametrize("kind", ["batch", "transaction"])
@pytest.mark.parametrize("returns", ["minimal", "representation", "OperationOutcome"])
async def test_entries_tell_which_version_and_exactly_when(client: httpx.AsyncClient, kind: str, returns: str) -> None:
    for id_ in ("old", "read", "bye"):
        await client.put(f"/Patient/{id_}", json=patient(id_))
    answer = await client.post("", headers={"Prefer": f"return={returns}"}, json=bundle(
        kind,
        entry("POST", "Patient", patient()),
        entry("PUT", "Patient/old", patient("old", active=True)),
        entry("GET", "Patient/read"),
        entry("GET", "Patient/read/_history/1"),
        entry("HEAD", "Patient/read"),
        entry("GET", "Patient/read?_elements=active"),
        entry("GET", "Patient/read", ifNoneMatch='W/"1"'),
        entry("DELETE", "Patient/bye"),
        entry("GET", "Patient?_id=read"),
    ))  # fmt: skip
    told = [item["response"] for item in answer.json()["entry"]]
    made = told[0]["location"].split("/")[-3]
    stored = {}
    for id_ in (made, "old", "read", "bye"):
        newest = (await client.get(f"/Patient/{id_}/_history")).json()["entry"][0]
        stored[id_] = (newest["response"]["etag"], newest["response"]["lastModified"])
    for response, id_ in zip(told, [made, "old", *["read"] * 5, "bye"], strict=False):
        assert (response["etag"], response["lastModified"]) == stored[id_], (id_, response)
    assert {"etag", "lastModified"}.isdisjoint(told[8])  # a search has no version


async def test_an_audit_event_tells_when_it_was_recorded(client: httpx.AsyncClient) -> None:
    await client.put("/Patient/p", json=patient("p"))
    event = (await client.get("/AuditEvent?_count=1")).json()["entry"][0]["resource"]
    answer = await client.post("", json=bundle("batch", entry("GET", f"AuditEvent/{event['id']}")))
    told = answer.json()["entry"][0]["response"]
    assert (told["etag"], told["lastModified"]) == ('W/"1"', event["meta"]["lastUpdated"])


@pytest.mark.parametrize("kind", ["batch", "transaction"])
async def test_the_url_of_an_entry_may_begin_with_this_base_and_no_other(client: httpx.AsyncClient, kind: str) -> None:
    base = str(client.base_url).rstrip("/")
    entries = [entry("PUT", f"{base}/Patient/p", patient("p")), entry("GET", f"{base}/Patient?_id=p")]
    answer = await client.post("", json=bundle(kind, *entries, entry("HEAD", "Patient/p")))
    assert sorted(statuses(answer)) in (["200", "200", "200"], ["200", "200", "201"]), answer.text
    assert answer.json()["entry"][1]["resource"]["total"] == 1
    assert "resource" not in answer.json()["entry"][2]
    for url in ("http://elsewhere.example/fhir/Patient/p", "//elsewhere.example/Patient/p", "urn:uuid:x"):
        answer = await client.post("", json=bundle(kind, entry("GET", url)))
        body = answer.json()["entry"][0]["response"]["outcome"] if kind == "batch" else answer.json()
        assert body["issue"][0]["details"]["coding"][0]["code"] == "bundle-entry"


async def test_entries_of_a_batch_are_authorized_one_by_one(app: House, client: httpx.AsyncClient) -> None:
    await client.put("/Patient/p", json=patient("p"))
    async with app.client("staff", scope="user/Patient.r") as narrow:
        answer = await narrow.post(
            "", json=bundle("batch", entry("GET", "Patient/p"), entry("GET", "Patient"), entry("DELETE", "Patient/p"))
        )
        assert statuses(answer) == ["200", "403", "403"]


async def test_a_batch_inside_a_batch_goes_nowhere(client: httpx.AsyncClient) -> None:
    inner = bundle("batch", entry("GET", "Patient"))
    for url in ("/", "?", "//", "./", "."):
        answer = await client.post("", json=bundle("batch", entry("POST", url, inner)))
        assert statuses(answer)[0] in {"400", "404", "405"}


async def test_stored_bundles_keep_their_own_references(client: httpx.AsyncClient) -> None:
    """A Bundle that is itself the resource of an entry: its inside is its own affair."""
    inner = bundle(
        "collection",
        {"fullUrl": URN[5], "resource": patient()},
        {"fullUrl": URN[6], "resource": observation(subject=URN[5])},
    )
    answer = await client.post("", json=bundle("transaction", entry("POST", "Bundle", inner, URN[1])))
    assert answer.status_code == 200, answer.text
    stored = (await client.get(f"/{created_ids(answer)[0]}")).json()
    assert stored["entry"] == inner["entry"]


async def test_a_hundred_entries_are_stored_and_found(client: httpx.AsyncClient) -> None:
    entries = [entry("POST", "Patient", patient(), URN[0])] + [
        entry("POST", "Observation", observation(subject=URN[0])) for _ in range(99)
    ]
    answer = await client.post("", json=bundle("transaction", *entries))
    who = created_ids(answer)[0]
    assert (await client.get(f"/Observation?subject={who}&_summary=count")).json()["total"] == 99
    assert exact(await client.get(f"/{who}"))["meta"]["versionId"] == "1"
    assert (await client.get(f"/AuditEvent?patient={who}&_count=5", headers=FHIR)).json()["entry"]
