"""An installation that is killed is either not there or there whole, and a job goes on with it; servers that race end with one."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import httpx
import pytest
from in_process import House
from live_server import LiveServer
from packages_made import ACME, package, usual, value_set
from program import assent
from workers import eventually

from operations.packages import install as installing
from operations.packages.install import install
from operations.packages.package_name import PackageName
from operations.packages.remove import remove
from operations.ports import Context, VersionConflictError
from profiles.outcome import FhirError
from server.jobs.business import job_context
from server.repository import Repository
from server.rest.request import Base

COUNT = 600


def context_on(house: House) -> Context:
    services = house.services
    tenant = services.keyring.get("default")
    assert tenant is not None
    repository = Repository(services.store, tenant, house.base, services.clock)
    return job_context(services, repository, Base("default", house.base), "install", "racer")


async def test_racers_who_do_not_take_turns_end_with_one_package(house: House) -> None:
    done = await asyncio.gather(*[install(usual(), context_on(house)) for _ in range(4)])
    assert sorted(one.is_new for one in done) == [False, False, False, True]
    async with house.client() as client:
        for type_ in ("CodeSystem", "ImplementationGuide", "Provenance"):
            assert (await client.get(f"/{type_}?_summary=count")).json()["total"] == 1
    gone = await asyncio.gather(
        *[remove("acme.policies", None, context_on(house)) for _ in range(3)], return_exceptions=True
    )
    assert sum(isinstance(one, FhirError) and one.issues[0].code == "not-found" for one in gone) == 2


async def test_racers_with_other_content_under_one_name_end_with_one_of_them(house: House) -> None:
    files = [usual(), usual(title="other")]
    done = await asyncio.gather(*[install(data, context_on(house)) for data in files], return_exceptions=True)
    refusals = [one for one in done if isinstance(one, FhirError)]
    assert [issue.code for one in refusals for issue in one.issues] == ["package-differs"]


async def test_the_command_beside_a_server_of_either_store(house: House, tmp_path: Path) -> None:
    (tmp_path / "a.tgz").write_bytes(usual())
    store = house.services.settings.store
    added = await asyncio.to_thread(assent, "package", "add", str(tmp_path / "a.tgz"), data=house.data, ASSENT_STORE=store)
    assert added.returncode == 0, added.stderr
    async with house.client() as client:
        check = {"url": f"{ACME}/ValueSet/fruit", "system": f"{ACME}/CodeSystem/fruit", "code": "lime"}
        answer = await client.get("/ValueSet/$validate-code", params=check)
        assert answer.json()["parameter"][0] == {"name": "result", "valueBoolean": True}, answer.text


async def test_who_never_wins_is_told(app: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def lose(*_: object) -> None:
        raise VersionConflictError

    context = context_on(app)
    object.__setattr__(context, "commit", lose)
    with pytest.raises(FhirError) as refused:
        await install(usual(), context)
    assert refused.value.issues[0].code == "edit-conflict"
    assert installing.ATTEMPTS == 3
    assert await context.records.read("ImplementationGuide", PackageName("acme.policies", "1.0.0").record_id) is None


@pytest.mark.slow
def test_a_job_that_is_killed_again_and_again_is_done_once(tmp_path: Path) -> None:
    server = LiveServer(tmp_path / "data", ASSENT_SAMPLE="0")
    server.start()
    data = package(*[value_set(id=f"v{n}", url=f"{ACME}/ValueSet/v{n}") for n in range(COUNT)])
    headers = {"Content-Type": "application/gzip", "Prefer": "respond-async"}
    try:
        accepted = server.client().post("/ImplementationGuide/$install", content=data, headers=headers)
        assert accepted.status_code == 202, accepted.text
        status = accepted.headers["Content-Location"]
        for pause in (0.0, 0.2):
            time.sleep(pause)
            server.kill()
            server.start()
            there = server.client().get("/ValueSet?_summary=count").json()["total"]
            assert there in {0, COUNT}

        def over() -> bool:
            return server.client().get(status).status_code != 202

        eventually(over, "the job is done")
        answer: httpx.Response = server.client().get(status)
        (entry,) = answer.json()["entry"]
        assert entry["response"]["status"].startswith("200"), answer.text
        for type_, count in (("ValueSet", COUNT), ("ImplementationGuide", 1), ("Provenance", 1)):
            found = server.client().get(f"/{type_}?_summary=count").json()["total"]
            assert found == count, type_
    finally:
        server.stop()
