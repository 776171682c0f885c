"""`Prefer: respond-async` (R4 async.html): 202 and an address, progress, the answer, cancelling; and who may know of it."""

from __future__ import annotations

import asyncio
import base64
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from in_process import House, running_house
from tokens import bearer

from profiles import json
from profiles.base_validation import validate_resource
from server.auth.access_token import Grant, issue_token
from server.auth.signing_key import load_or_create
from server.jobs.asked import KIND, handle_of
from server.jobs.request_job import do_request
from server.jobs.runner import JobRunner
from server.jobs.step import Step, open_step
from server.jobs.workers import own_workers
from server.store.jobs import JobStatus

SUBMISSION = Path(__file__).parents[2] / "examples" / "bodies" / "lumbar-mri.json"
ASYNC = {"Prefer": "respond-async"}
Bundle = dict[str, Any]


def post(type_: str, **fields: Any) -> dict[str, Any]:
    return {"resource": {"resourceType": type_, **fields}, "request": {"method": "POST", "url": type_}}


def get(url: str) -> dict[str, Any]:
    return {"request": {"method": "GET", "url": url}}


def bundle(kind: str, *entries: dict[str, Any]) -> Bundle:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


async def accepted(client: httpx.AsyncClient, method: str, url: str, **options: Any) -> str:
    """The address of the status of a request that was accepted."""
    answer = await client.request(method, url, headers=ASYNC | options.pop("headers", {}), **options)
    assert answer.status_code == 202, answer.text
    assert validate_resource(answer.json()) == []
    return str(answer.headers["Content-Location"])


async def answered(client: httpx.AsyncClient, address: str) -> httpx.Response:
    """Polls as it is told to, only more often."""
    for _ in range(1000):
        answer = await client.get(address)
        if answer.status_code != 202:
            return answer
        assert int(answer.headers["Retry-After"]) >= 1
        assert len(answer.headers["X-Progress"]) <= 100
        await asyncio.sleep(0.02)
    raise AssertionError("it is never done")


async def result(client: httpx.AsyncClient, address: str) -> Bundle:
    answer = await answered(client, address)
    assert answer.status_code == 200, answer.text
    assert "Expires" in answer.headers
    content: Bundle = answer.json()
    assert validate_resource(content) == []
    assert content["type"] == "batch-response"
    return content


def statuses(content: Bundle) -> list[str]:
    return [entry["response"]["status"] for entry in content.get("entry", [])]


async def job_of(house: House, address: str, tenant: str = "default") -> JobStatus:
    found = house.services.keyring.get(tenant)
    assert found is not None
    job = await house.services.store.jobs.find(handle_of(found, address.rsplit("/", 1)[1]))
    assert job is not None
    return job


class Resting:
    """In the place of the application's runner: does nothing."""

    def __init__(self, *_: object) -> None:
        pass

    async def run(self) -> None:
        await asyncio.Event().wait()


async def work(house: House) -> None:
    """Do what is due, once."""
    await JobRunner(house.services, house.services.jobs, own_workers()).run_due()


@pytest.fixture
async def idle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """An application that accepts jobs and does none by itself, so that they stay as they are."""
    monkeypatch.setattr("server.app.JobRunner", Resting)
    async with running_house(tmp_path / "idle", ASSENT_JOBS_PER_CALLER="3", ASSENT_JOBS_PER_TENANT="5") as house:
        yield house


# -- what can be asked for in this way -------------------------------------------------------------------------------------


async def test_a_batch_is_answered_entry_by_entry_as_it_would_be_at_once(app: House, client: httpx.AsyncClient) -> None:
    entries = [
        post("Patient", name=[{"family": "Adams"}]),
        post("Patient", birthDate="not a day"),
        get("Patient/nobody"),
        get("Patient?family=adams"),
        {"request": {"method": "SING", "url": "Patient"}},
        {"resource": {"resourceType": "Basic", "id": "b1", "code": {"text": "x"}}, "request": {"method": "PUT", "url": "Basic/b1"}},
        {"request": {"method": "DELETE", "url": "Basic/b1"}},
    ]  # fmt: skip
    later = await result(client, await accepted(client, "POST", "", json=bundle("batch", *entries)))
    at_once = (await client.post("", json=bundle("batch", *entries))).json()
    assert statuses(later) == ["201", "400", "404", "200", "400", "201", "204"] == statuses(at_once)
    assert later["entry"][0]["resource"]["name"] == [{"family": "Adams"}]
    assert later["entry"][0]["response"]["location"].startswith(f"{app.base}/Patient/")
    assert len(later["entry"][3]["resource"]["entry"]) == 1
    for one, other in zip(later["entry"], at_once["entry"], strict=True):
        assert one.get("response", {}).get("outcome") == other.get("response", {}).get("outcome")
        assert {"etag", "lastModified"} & set(one["response"]) == {"etag", "lastModified"} & set(other["response"])
    made = later["entry"][0]
    assert made["response"]["lastModified"] == made["resource"]["meta"]["lastUpdated"]
    assert {"etag", "lastModified"} < set(later["entry"][6]["response"])


async def test_an_empty_batch_is_done(client: httpx.AsyncClient) -> None:
    address = await accepted(client, "POST", "", json={"resourceType": "Bundle", "type": "batch"})
    assert statuses(await result(client, address)) == []


async def test_a_transaction_is_one_answer(client: httpx.AsyncClient) -> None:
    patient = post("Patient", name=[{"family": "Baker"}]) | {"fullUrl": "urn:uuid:0b1c1c7a-8c57-4b60-9d0a-000000000001"}
    visit = post(
        "Encounter", status="finished", subject={"reference": "urn:uuid:0b1c1c7a-8c57-4b60-9d0a-000000000001"},
        **{"class": {"code": "AMB"}},
    )  # fmt: skip
    body = bundle("transaction", patient, visit, get("Patient?family=baker"))
    content = await result(client, await accepted(client, "POST", "", json=body))
    assert statuses(content) == ["200"]
    inner = content["entry"][0]["resource"]
    assert inner["type"] == "transaction-response"
    assert statuses(inner) == ["201", "201", "200"]
    assert len(inner["entry"][2]["resource"]["entry"]) == 1
    broken = bundle("transaction", patient, post("Encounter", status="finished"))
    content = await result(client, await accepted(client, "POST", "", json=broken))
    assert statuses(content) == ["400"]
    assert content["entry"][0]["response"]["outcome"]["issue"][0]["expression"] == ["Bundle.entry[1].resource.class"]
    assert (await client.get("/Patient?family=baker&_summary=count")).json()["total"] == 1


async def test_a_search_is_answered_with_its_bundle(client: httpx.AsyncClient) -> None:
    for family in ("Clark", "Clarke", "Davis"):
        await client.post("/Patient", json={"resourceType": "Patient", "name": [{"family": family}]})
    for method, url, options in (
        ("GET", "/Patient?family=clark", {}),
        ("POST", "/Patient/_search", {"data": {"family": "clark"}}),
    ):
        content = await result(client, await accepted(client, method, url, **options))
        assert statuses(content) == ["200"]
        assert content["entry"][0]["resource"]["type"] == "searchset"
        assert len(content["entry"][0]["resource"]["entry"]) == 2


async def test_operations_are_done_later_where_they_permit_it(practice: House) -> None:
    async with practice.client() as client:
        content = await result(
            client, await accepted(client, "POST", "/Claim/$preview-risk", json={"resourceType": "Bundle"})
        )
        assert statuses(content) == ["400"]
        at_once = await client.post("/Claim/$preview-risk", json={"resourceType": "Bundle"})
        assert content["entry"][0]["response"]["outcome"] == at_once.json()


async def test_what_is_wrong_at_first_sight_is_refused_at_once(client: httpx.AsyncClient, app: House) -> None:
    for method, url, body in (
        ("POST", "", {"resourceType": "Patient"}),
        ("POST", "", bundle("collection")),
        ("GET", "/Patient?no-such=1", None),
        ("POST", "/Claim/$no-such", {}),
        ("GET", "/Nothing?_id=1", None),
    ):
        answer = await client.request(method, url, json=body, headers=ASYNC)
        assert 400 <= answer.status_code < 500, answer.text
    for url in ("", "/Claim/$submit", "/Claim/$preview-risk", "/Patient/_search"):
        for content in (b"\xff\xfe", b'{"resourceType": "B\xe4"}', b"[" * 100_000, b'{"a": "\\ud800"}'):
            for kind in ("application/fhir+json", "application/x-www-form-urlencoded", "text/plain"):
                answer = await client.post(url, content=content, headers=ASYNC | {"Content-Type": kind})
                assert answer.status_code == 202 or 400 <= answer.status_code < 500, (url, content[:20], kind, answer.text)
                if answer.status_code == 202:
                    assert (await client.delete(answer.headers["Content-Location"])).status_code == 202
    assert await app.services.store.jobs.listed(0, 9) == []


async def test_other_interactions_are_answered_at_once(client: httpx.AsyncClient) -> None:
    """A preference need not be heeded (RFC 7240)."""
    made = await client.post("/Patient", json={"resourceType": "Patient"}, headers=ASYNC)
    assert made.status_code == 201
    assert (await client.get(made.headers["Location"], headers=ASYNC)).status_code == 200


async def test_other_preferences_are_heeded_as_well(client: httpx.AsyncClient) -> None:
    body = bundle("batch", post("Patient", name=[{"family": "Evans"}]))
    address = await accepted(client, "POST", "", json=body, headers={"Prefer": "respond-async, return=minimal"})
    (entry,) = (await result(client, address))["entry"]
    assert "resource" not in entry
    address = await accepted(
        client, "GET", "/Patient?no-such=1&family=evans", headers={"Prefer": "respond-async,handling=lenient"}
    )
    assert statuses(await result(client, address)) == ["200"]


async def test_a_submission_twice_is_two_jobs(client: httpx.AsyncClient) -> None:
    body = bundle("batch", post("Patient", name=[{"family": "Frank"}]))
    addresses = [await accepted(client, "POST", "", json=body) for _ in range(2)]
    assert addresses[0] != addresses[1]
    for address in addresses:
        await result(client, address)
    assert (await client.get("/Patient?family=frank&_summary=count")).json()["total"] == 2


async def test_the_capability_statement_names_what_can_be_done_later(practice: House) -> None:
    async with practice.client(None) as nobody:
        (rest,) = (await nobody.get("/metadata")).json()["rest"]
    for name in ("batch", "transaction", "search-type", "$submit", "$inquire", "$preview-risk", "$evaluate"):
        assert name in rest["documentation"]
    async with practice.client() as client:
        for name in re.findall(r"\$[a-z-]+", rest["documentation"]):
            answer = await client.post(f"/Claim/{name}", json={}, headers=ASYNC)
            assert answer.status_code in {202, 404}, name  # 404: at another type


# -- status and cancelling -------------------------------------------------------------------------------------------------


async def test_a_job_that_waits_says_so_and_can_be_cancelled(idle: House) -> None:
    async with idle.client() as client:
        body = bundle("batch", post("Patient"), post("Patient"))
        address = await accepted(client, "POST", "", json=body)
        answer = await client.get(address)
        assert (answer.status_code, answer.headers["X-Progress"]) == (202, "queued: 0 of 2 done")
        gone = await client.delete(address)
        assert gone.status_code == 202
        assert "0 of 2" in gone.json()["issue"][0]["details"]["text"]
        for call in (client.get, client.delete):
            refused = await call(address)
            assert refused.status_code == 404
            assert refused.json()["issue"][0]["details"]["coding"][0]["code"] == "not-found"
        assert (await job_of(idle, address)).state == "cancelled"


async def test_an_answer_can_be_fetched_again_until_it_is_thrown_away(client: httpx.AsyncClient) -> None:
    address = await accepted(client, "GET", "/Patient?family=x")
    first = await result(client, address)
    assert await result(client, address) == first
    assert (await client.delete(address)).status_code == 202
    assert (await client.get(address)).status_code == 404


async def test_an_answer_is_kept_for_so_long_and_no_longer(idle: House) -> None:
    async with idle.client() as client:
        address = await accepted(client, "GET", "/Patient?family=x")
        await work(idle)
        until = (await job_of(idle, address)).until
        assert until - idle.services.now() <= idle.services.settings.job_result_ttl * 1_000_000
        await result(client, address)
        assert await idle.services.store.jobs.expired(until - 1, 9) == []
        assert len(await idle.services.store.jobs.expired(until, 9)) == 1


async def test_the_status_takes_no_parameters_and_no_strange_names(client: httpx.AsyncClient) -> None:
    address = await accepted(client, "GET", "/Patient?family=x")
    assert (await client.get(f"{address}?x=1")).status_code == 400
    for name in ("no-such", "%00", "a" * 5000, "...", "é"):
        assert (await client.get(f"/_async/{name}")).status_code in {400, 404}
    assert (await client.post(address, json={})).status_code == 405
    assert (await client.get("/_async")).status_code == 404


# -- who may know of it ----------------------------------------------------------------------------------------------------


async def test_only_who_asked_and_an_administrator_learn_of_it(app: House) -> None:
    async with app.client("staff", subject="anna") as owner:
        address = await accepted(owner, "POST", "", json=bundle("batch", post("Patient", name=[{"family": "Grant"}])))
        await result(owner, address)
    strangers: list[tuple[str, dict[str, Any]]] = [
        ("staff", {"subject": "bert"}),
        ("doctor", {"subject": "dora"}),
        ("auditor", {"subject": "anna"}),
        ("staff", {"subject": "anna", "scope": "user/Patient.rs"}),
        ("staff", {"subject": "anna", "patient": "p1", "scope": "patient/*.rs"}),
        ("administrator", {"subject": "root", "scope": "user/Patient.cruds"}),
        ("administrator", {"subject": "root", "patient": "p1"}),
    ]
    for role, options in strangers:
        async with app.client(role, **options) as stranger:
            unknown = await stranger.get("/_async/00000000-0000-0000-0000-000000000000")
            refused = await stranger.get(address)
            assert (refused.status_code, refused.json()) == (unknown.status_code, unknown.json()), (role, options)
            assert refused.status_code == 404
    grant = Grant("default", "anna", "another-client", ["staff"], "user/*.cruds")
    other = bearer(issue_token(load_or_create(app.data), grant, lifetime=600))
    async with app.client(None) as nobody:
        assert (await nobody.get(address, headers=other)).status_code == 404
        assert (await nobody.get(address)).status_code == 401
    async with app.client("administrator", tenant="west") as elsewhere:
        path = address.removeprefix(app.base)
        assert (await elsewhere.get(f"{app.root}/t/west/fhir{path}")).status_code == 404
    async with app.client("administrator", subject="root") as administrator:
        assert (await administrator.get(address)).status_code == 200


async def test_a_stranger_cannot_cancel(idle: House) -> None:
    async with idle.client("staff", subject="anna") as owner, idle.client("staff", subject="bert") as stranger:
        address = await accepted(owner, "GET", "/Patient?family=x")
        assert (await stranger.delete(address)).status_code == 404
        assert (await owner.get(address)).status_code == 202


async def test_it_is_done_with_the_rights_of_who_asked(app: House) -> None:
    async with app.client() as client:
        for id_ in ("p1", "p2"):
            await client.put(f"/Patient/{id_}", json={"resourceType": "Patient", "id": id_})
    async with app.client("doctor", patient="p1", scope="patient/*.rs") as limited:
        body = bundle("batch", get("Patient/p1"), get("Patient/p2"), post("Patient"), get("Patient"))
        content = await result(limited, await accepted(limited, "POST", "", json=body))
        assert statuses(content) == ["200", "404", "403", "200"]
        assert [entry["resource"]["id"] for entry in content["entry"][3]["resource"]["entry"]] == ["p1"]


async def test_only_so_many_may_wait(idle: House) -> None:
    async with idle.client("staff", subject="anna") as anna, idle.client("staff", subject="bert") as bert:
        first = [await accepted(anna, "GET", "/Patient?family=x") for _ in range(3)]
        refused = await anna.get("/Patient?family=x", headers=ASYNC)
        assert refused.status_code == 429
        assert int(refused.headers["Retry-After"]) >= 1
        assert refused.json()["issue"][0]["code"] == "throttled"
        for _ in range(2):
            await accepted(bert, "GET", "/Patient?family=x")
        assert (await bert.get("/Patient?family=x", headers=ASYNC)).status_code == 429  # the tenant's limit
        assert (await anna.get("/Patient?family=x")).status_code == 200
        await anna.delete(first[0])
        await accepted(bert, "GET", "/Patient?family=x")


async def test_answers_that_are_too_large_are_told_without_their_resources(tmp_path: Path) -> None:
    async with running_house(tmp_path / "data", ASSENT_JOB_RESULT_BYTES="5000") as house, house.client() as client:
        entries = [post("Basic", code={"text": "x" * 900}) for _ in range(8)]
        content = await result(client, await accepted(client, "POST", "", json=bundle("batch", *entries)))
        assert statuses(content) == ["201"] * 8
        kept = ["resource" in entry for entry in content["entry"]]
        assert kept == sorted(kept, reverse=True)
        assert any(kept)
        slim = content["entry"][-1]["response"]
        assert slim["outcome"]["issue"][0]["details"]["coding"][0]["code"] == "job-result-size"
        assert (await client.get(slim["location"])).status_code == 200


async def test_everything_is_audited(app: House, client: httpx.AsyncClient) -> None:
    address = await accepted(client, "POST", "", json=bundle("batch", post("Patient"), get("Patient/nobody")))
    await result(client, address)
    await client.delete(address)
    found = (await client.get("/AuditEvent?_count=100")).json()["entry"]
    codes = [entry["resource"]["subtype"][-1]["code"] for entry in found]
    for code, times in (("batch", 2), ("create", 1), ("read", 1), ("async-cancel", 1)):
        assert codes.count(code) == times, code
    assert codes.count("async-status") >= 1
    subjects = {entry["resource"]["agent"][0]["altId"] for entry in found}
    assert subjects == {"administrator"}


async def test_nothing_of_a_job_is_legible_in_the_store(idle: House) -> None:
    async with idle.client() as client:
        secret = post("Patient", name=[{"family": "Villanueva"}], birthDate="1951-07-09")
        address = await accepted(client, "POST", "", json=bundle("batch", secret, get("Patient?family=villanueva")))
        await work(idle)
        await result(client, address)
    stored = b"".join(path.read_bytes() for path in idle.data.iterdir() if path.name.startswith("assent.db"))
    for word in ("Villanueva", "villanueva", "1951-07-09", address.rsplit("/", 1)[1], "administrator"):
        assert word.encode() not in stored
    assert b"Villanueva" not in b"".join(idle.log)


# -- interrupted in the worst moment ---------------------------------------------------------------------------------------


class InterruptionError(Exception):
    """The server is killed here."""


async def interrupted(house: House, after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin the waiting job and die when the effect of the entry number `after` is stored and its answer is not noted yet."""
    services = house.services
    due = await services.store.jobs.lease(services.now(), services.now() + 10**7, 50)
    (job,) = [job for job in due if job.kind == KIND]
    for other in due:  # a practice may have pended requests whose time has come
        if other is not job:
            await services.store.jobs.release(other.id, other.fence, services.now(), untried=True)
    keep = Step.keep

    def dies(step: Step, number: int, content: bytes) -> None:
        if number == after:
            raise InterruptionError
        keep(step, number, content)

    step = open_step(services, services.keyring.by_number(job.tenant), job)
    with monkeypatch.context() as patch:
        patch.setattr(Step, "keep", dies)
        with pytest.raises(InterruptionError):
            await do_request(step)
    await services.store.jobs.release(job.id, job.fence, services.now())


async def test_the_entry_that_was_stored_last_is_not_done_again(idle: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async with idle.client() as client:
        entries = [post("Basic", code={"text": str(number)}) for number in range(4)]
        patch = [{"op": "add", "path": "/birthDate", "value": "1970-01-01"}]
        await client.put("/Patient/p", json={"resourceType": "Patient", "id": "p"})
        patched = {"resource": {"resourceType": "Binary", "contentType": "application/json-patch+json",
                                "data": base64.b64encode(json.dumps(patch)).decode()},
                   "request": {"method": "PATCH", "url": "Patient/p"}}  # fmt: skip
        once = post("Patient", identifier=[{"system": "urn:x", "value": "1"}])
        once["request"]["ifNoneExist"] = "identifier=urn:x|1"
        address = await accepted(client, "POST", "", json=bundle("batch", *entries, patched, once))
        for after in (0, 2, 4, 5):
            await interrupted(idle, after, monkeypatch)
            assert (await job_of(idle, address)).done == after + 1
        await work(idle)
        content = await result(client, address)
        assert statuses(content) == ["201"] * 4 + ["200", "201"]
        assert len((await client.get("/Basic?_count=50")).json()["entry"]) == 4
        assert (await client.get("/Patient/p")).json()["meta"]["versionId"] == "2"
        assert [entry["resource"]["code"]["text"] for entry in content["entry"][:4]] == ["0", "1", "2", "3"]


async def test_a_transaction_that_was_stored_gets_its_reads_and_is_not_done_again(
    idle: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with idle.client() as client:
        body = bundle("transaction", get("Basic"), post("Basic", code={"text": "x"}), get("Basic?nothing=1"))
        address = await accepted(client, "POST", "", json=body)
        await interrupted(idle, 0, monkeypatch)
        assert (await job_of(idle, address)).done == 0
        await work(idle)
        inner = (await result(client, address))["entry"][0]["resource"]
        assert statuses(inner) == ["200", "201", "400"]
        assert len(inner["entry"][0]["resource"]["entry"]) == 1
        assert len((await client.get("/Basic")).json()["entry"]) == 1


async def test_a_submission_finds_the_answer_that_it_was_given(
    practice_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(practice_data, tmp_path / "data")
    monkeypatch.setattr("server.app.JobRunner", Resting)
    async with running_house(tmp_path / "data") as house, house.client() as client:
        address = await accepted(client, "POST", "/Claim/$submit", json=json.loads(SUBMISSION.read_bytes()))
        before = len((await client.get("/ClaimResponse?_count=500")).json().get("entry", []))
        await interrupted(house, 0, monkeypatch)
        await work(house)
        (entry,) = (await result(client, address))["entry"]
        assert entry["response"]["status"] == "200"
        assert entry["resource"]["entry"][0]["resource"]["resourceType"] == "ClaimResponse"
        assert len((await client.get("/ClaimResponse?_count=500")).json()["entry"]) == before + 1
        at_once = await client.post("/Claim/$submit", json=json.loads(SUBMISSION.read_bytes()))
        assert at_once.json()["entry"][0]["resource"]["id"] == entry["resource"]["entry"][0]["resource"]["id"]
