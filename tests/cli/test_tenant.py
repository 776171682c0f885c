"""`assent tenant`: beside a running server and without one; a retired tenant is no tenant any more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from in_process import running_house
from live_server import LiveServer
from program import assent, refused
from tokens import bearer, make_token
from workers import eventually

from server.repository import Repository
from server.seal.keyring import Keyring
from server.seal.tenant_entries import TenantError, adding, retiring
from server.store.store import Commit

PATIENT = {"resourceType": "Patient", "id": "p", "name": [{"family": "Quill"}]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    server = LiveServer(tmp_path_factory.mktemp("tenants") / "data", ASSENT_SAMPLE="0")
    server.start()
    yield server
    server.stop()


def ask(server: LiveServer, tenant: str, path: str = "Patient/p") -> httpx.Response:
    headers = bearer(make_token(server.data, "staff", tenant=tenant))
    return httpx.get(f"{server.root}/t/{tenant}/fhir/{path}", headers=headers)


def put(server: LiveServer, tenant: str) -> int:
    headers = bearer(make_token(server.data, "staff", tenant=tenant)) | {"Content-Type": "application/fhir+json"}
    return httpx.put(f"{server.root}/t/{tenant}/fhir/Patient/p", headers=headers, json=PATIENT).status_code


def test_a_tenant_lives_and_is_retired_while_the_server_runs(server: LiveServer) -> None:
    made = assent("tenant", "create", "north", data=server.data)
    assert (made.returncode, made.stderr) == (0, "")
    assert put(server, "north") == 201
    assert assent("tenant", "list", data=server.data).stdout.splitlines() == ["default", "north"]
    retired = assent("tenant", "retire", "north", data=server.data)
    assert (retired.returncode, retired.stderr) == (0, "")
    assert "north retired" in assent("tenant", "list", data=server.data).stdout.splitlines()
    eventually(lambda: ask(server, "north").status_code != 200, "the server knows")
    answers = [ask(server, "north", path) for path in ("Patient/p", "Patient", "Patient/p/_history", "AuditEvent")]
    assert [answer.status_code for answer in answers] == [401] * 4
    assert all("Quill" not in answer.text for answer in answers)
    assert put(server, "north") == 401
    assert server.client().get("/Patient").status_code == 200
    server.kill()
    server.start()
    assert ask(server, "north").status_code == 401
    told = server.client().get("/AuditEvent", params={"altid": "assent-cli"}).json()
    kinds = {event["resource"]["subtype"][0]["code"] for event in told["entry"]}
    assert kinds >= {"tenant-create", "tenant-retire"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("create", "default"), "already"),
        (("create", "No-Name"), "lower-case"),
        (("create", "../x"), "lower-case"),
        (("retire", "default"), "cannot be retired"),
        (("retire", "nobody"), "no tenant nobody"),
        (("retire", "a b"), "no tenant"),
        ((), "required"),
        (("erase", "x"), "invalid choice"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(server: LiveServer, arguments: tuple[str, ...], words: str) -> None:
    refused(assent("tenant", *arguments, data=server.data), words)


def test_without_a_store_or_with_another_key_nothing_is_made(server: LiveServer, tmp_path: Path) -> None:
    refused(assent("tenant", "create", "x", data=tmp_path / "none"), "no store")
    assert not (tmp_path / "none").exists()
    refused(assent("tenant", "create", "x", data=server.data, ASSENT_MASTER_KEY="00" * 32), "not the one")
    assert "x" not in assent("tenant", "list", data=server.data).stdout.splitlines()


def test_without_a_server(server: LiveServer) -> None:
    server.stop()
    try:
        assert assent("tenant", "create", "south", data=server.data).returncode == 0
        refused(assent("tenant", "create", "south", data=server.data), "already")
    finally:
        server.start()
    assert put(server, "south") == 201


def test_how_much_a_tenant_validates_is_told_and_changed_while_the_server_runs(server: LiveServer) -> None:
    def told(*arguments: str, **environment: str) -> list[str]:
        done = assent("tenant", "validation", "default", *arguments, data=server.data, **environment)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    assert told("show", ASSENT_VALIDATION="base,Claim=profile") == [
        "all others: base (ASSENT_VALIDATION)", "Claim: profile (ASSENT_VALIDATION)",
    ]  # fmt: skip
    assert told("--type", "Basic", "base") == ["all others: off (ASSENT_VALIDATION)", "Basic: base"]
    broken = {
        "resourceType": "Basic",
        "code": {"text": "x"},
        "contained": [{"resourceType": "Basic", "code": {"text": "y"}, "id": "1"}],
    }
    deadline = time.monotonic() + 60
    while (answer := server.client().post("/Basic", json=broken)).status_code != 422:
        assert time.monotonic() < deadline, answer.text
    assert told("--type", "Basic", "default") == ["all others: off (ASSENT_VALIDATION)"]
    for arguments, words in (
        (("default", "--type", "Klaim", "base"), "no such resource type"),
        (("nobody", "base"), "no tenant nobody"),
    ):
        refused(assent("tenant", "validation", *arguments, data=server.data), words)


async def test_a_retired_name_never_comes_back_and_its_jobs_rest(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with running_house(data) as house:
        services = house.services
        tenant = await services.keyring.make("west")
        await services.keyring.change(retiring("west"))
        repository = Repository(services.store, tenant, "http://x/fhir", services.clock)
        job = repository.seal_job(next(iter(services.jobs)), datetime(2020, 1, 1, tzinfo=UTC), {})
        await services.store.commit(Commit(tenant.number, jobs=[job]))
        await asyncio.sleep(1.2)
        assert await services.store.jobs.lease(services.now(), services.now() + 1, 5) == []
        with pytest.raises(TenantError, match="retired"):
            await services.keyring.change(adding("west"))
        with pytest.raises(TenantError, match="retired"):
            await services.keyring.make("west")
        assert b"job failed" not in b"".join(house.log)
    async with running_house(data) as house, house.client(tenant="west") as client:
        answer = await client.get(f"{house.root}/t/west/fhir/Patient")
        assert answer.status_code == 401
        assert isinstance(house.services.keyring, Keyring)
        assert house.services.keyring.get("west") is None
        assert (await house.services.keyring.found(tenant.number)).name == "west"  # its audit trail can be read


def test_what_holds_where_consents_say_nothing_is_told_and_changed(server: LiveServer) -> None:
    def consent(*arguments: str, **environment: str) -> str:
        done = assent("tenant", "consent", "default", *arguments, data=server.data, **environment)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.strip()

    assert put(server, "default") in {200, 201}
    assert consent("show") == "opt-out (ASSENT_CONSENT)"
    assert consent("opt-in") == "opt-in"
    eventually(lambda: ask(server, "default").status_code == 404, "the server knows")
    assert consent("default", ASSENT_CONSENT="opt-in") == "opt-in (ASSENT_CONSENT)"
    eventually(lambda: ask(server, "default").status_code == 200, "the server knows")
    refused(assent("tenant", "consent", "nowhere", "opt-in", data=server.data), "no tenant nowhere")
