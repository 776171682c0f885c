"""Many callers with one condition: exactly one of them makes the resource, on both stores, whatever else happens meanwhile."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Hashable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest
from in_process import House, running_house
from races import CALLERS, create_round, delete_round, numbered, patch, patch_round, play, together
from rest_help import bundle, entry, ids, observation, statuses
from two_engines import ENGINES, house_on, mongodb_environment

from server.rest.turns import Turns

FEW_ROUNDS = 6


@pytest.fixture(params=ENGINES)
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    async with house_on(request.param, tmp_path / "data") as opened:
        yield opened


@pytest.fixture
async def client(house: House) -> AsyncIterator[httpx.AsyncClient]:
    async with house.client() as opened:
        yield opened


async def test_one_of_64_creates_wins(client: httpx.AsyncClient) -> None:
    await play(client, FEW_ROUNDS, create_round)


async def test_one_of_64_updates_creates_and_the_others_update_what_it_made(client: httpx.AsyncClient) -> None:
    for number in range(FEW_ROUNDS):
        query = f"identifier=urn:mrn|{number}"
        answers = await together(
            [client.put(f"/Patient?{query}", json=numbered(str(number), name=[{"text": str(n)}])) for n in range(CALLERS)]
        )
        assert Counter(answer.status_code for answer in answers) == {201: 1, 200: CALLERS - 1}
        versions = sorted(int(answer.json()["meta"]["versionId"]) for answer in answers)
        assert versions == list(range(1, CALLERS + 1))
        assert len(ids(await client.get(f"/Patient?{query}"))) == 1


async def test_one_of_64_patches_that_test_wins(client: httpx.AsyncClient) -> None:
    await play(client, FEW_ROUNDS, patch_round)


async def test_no_patch_of_64_is_lost(client: httpx.AsyncClient) -> None:
    """By id, by criteria and in transactions, mixed: each adds its own, and all are there."""
    await client.put("/Patient/p", json=numbered("p", id="p", name=[{"text": "first"}]))
    calls: list[Awaitable[httpx.Response]] = []
    for caller in range(CALLERS):
        add = {"op": "add", "path": "/name/-", "value": {"text": str(caller)}}
        if caller % 4 == 3:
            data = base64.b64encode(json.dumps([add]).encode()).decode()
            binary = {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": data}
            calls.append(client.post("", json=bundle("transaction", entry("PATCH", "Patient/p", binary))))
        else:
            calls.append(patch(client, "/Patient?identifier=urn:mrn|p" if caller % 2 else "/Patient/p", add))
    answers = await together(calls)
    assert {answer.status_code for answer in answers} == {200}
    names = [name["text"] for name in (await client.get("/Patient/p")).json()["name"]]
    assert sorted(names) == sorted(["first", *map(str, range(CALLERS))])


async def test_one_of_64_deletes_deletes(client: httpx.AsyncClient) -> None:
    await play(client, FEW_ROUNDS, delete_round)


async def test_one_of_many_transactions_creates(client: httpx.AsyncClient) -> None:
    for number in range(FEW_ROUNDS):
        body = bundle(
            "transaction",
            entry("POST", "Patient", numbered(str(number)), "urn:uuid:00000000-0000-4000-8000-000000000000", ifNoneExist=f"identifier=urn:mrn|{number}"),
            entry("PUT", f"Practitioner?identifier=urn:npi|{number}", {"resourceType": "Practitioner", "identifier": [{"system": "urn:npi", "value": str(number)}]}),
            entry("POST", "Observation", observation(subject="urn:uuid:00000000-0000-4000-8000-000000000000", performer=[{"reference": f"Practitioner?identifier=urn:npi|{number}"}])),
        )  # fmt: skip
        answers = await together([client.post("", json=body) for _ in range(16)])
        assert Counter(statuses(answer)[0] for answer in answers) == {"201": 1, "200": 15}
        assert Counter(statuses(answer)[1] for answer in answers) == {"201": 1, "200": 15}
        (who,) = ids(await client.get(f"/Patient?identifier=urn:mrn|{number}"))
        (doctor,) = ids(await client.get(f"/Practitioner?identifier=urn:npi|{number}"))
        found = await client.get(f"/Observation?subject=Patient/{who}&performer=Practitioner/{doctor}&_summary=count")
        assert found.json()["total"] == 16


async def test_creates_updates_transactions_and_deletes_at_once_never_leave_two(client: httpx.AsyncClient) -> None:
    query = "identifier=urn:mrn|x"
    for _ in range(FEW_ROUNDS):
        body = numbered("x")
        calls: list[Awaitable[httpx.Response]] = []
        for _ in range(CALLERS // 4):
            calls += [
                client.post("/Patient", json=body, headers={"If-None-Exist": query}),
                client.put(f"/Patient?{query}", json=body),
                client.delete(f"/Patient?{query}"),
                client.post("", json=bundle("transaction", entry("POST", "Patient", body, ifNoneExist=query))),
            ]
        await together(calls)
        assert len(ids(await client.get(f"/Patient?{query}"))) <= 1


async def test_the_commit_decides_and_not_the_turn(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Turns are a courtesy inside one process. Without them, as between servers, the key alone lets only one through."""

    @asynccontextmanager
    async def nobody_waits(turns: Turns, names: Iterable[Hashable]) -> AsyncIterator[None]:
        yield

    monkeypatch.setattr(Turns, "of", nobody_waits)
    await play(client, FEW_ROUNDS, create_round)


@pytest.mark.slow
async def test_one_of_64_creates_wins_across_two_servers_on_one_mongodb(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        environment = stack.enter_context(mongodb_environment())
        houses = [await stack.enter_async_context(running_house(tmp_path, **environment)) for _ in range(2)]
        clients = [await stack.enter_async_context(house.client()) for house in houses]
        for number in range(FEW_ROUNDS * 4):
            headers = {"If-None-Exist": f"identifier=urn:mrn|{number}"}
            answers = await together(
                [clients[n % 2].post("/Patient", json=numbered(str(number)), headers=headers) for n in range(CALLERS)]
            )
            assert Counter(answer.status_code for answer in answers) == {201: 1, 200: CALLERS - 1}
            assert len(ids(await clients[0].get(f"/Patient?identifier=urn:mrn|{number}"))) == 1


async def test_turns_are_one_at_a_time_and_leave_nothing_behind() -> None:
    turns, inside, most = Turns(), Counter[str](), Counter[str]()

    async def work(names: list[str]) -> None:
        async with turns.of(names):
            for name in set(names):
                inside[name] += 1
                most[name] = max(most[name], inside[name])
            try:
                await asyncio.sleep(0)
            finally:
                inside.subtract(set(names))
            if len(names) == 3:
                raise RuntimeError

    kinds = [["a", "b"], ["b", "a"], ["b", "b"], ["a"], [], ["a", "b", "c"]]
    tasks = [asyncio.create_task(work(kinds[n % len(kinds)])) for n in range(60)]
    await asyncio.sleep(0)
    for task in tasks[::7]:
        task.cancel()
    await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)
    assert most == {"a": 1, "b": 1, "c": 1}
    async with asyncio.timeout(1), turns.of(["a", "b", "c"]):
        assert set(turns.waiting()) == {"a", "b", "c"}
    assert turns.waiting() == []
