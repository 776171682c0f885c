"""`SearchParameter/$status`: what is applied, what is not and why, how far the index is, for those who may read SearchParameters."""

from __future__ import annotations

from typing import Any

import httpx
from in_process import House
from test_own_parameters import RACE_PARAMETER, parameter, patient, put, settled, store


async def told(client: httpx.AsyncClient, path: str = "/SearchParameter") -> dict[str, dict[str, Any]]:
    """By id, the parts of each by name."""
    answer = await client.get(f"{path}/$status")
    assert answer.status_code == 200, answer.text
    found = {}
    for each in answer.json().get("parameter", ()):
        parts = {part["name"]: next(v for k, v in part.items() if k != "name") for part in each["part"]}
        found[parts["id"]] = parts
    return found


async def test_each_tells_whether_it_is_applied_and_indexed(app: House, client: httpx.AsyncClient) -> None:
    await put(client, patient(1))
    race = await store(client, RACE_PARAMETER)
    before = (await told(client, f"/SearchParameter/{race}"))[race]
    assert before["applied"] is True
    assert before["type"] == "Patient"
    assert before["state"] in {"queued", "indexing", "indexed"}
    retired = await store(client, {**parameter("gone", "token", "Patient.gender"), "status": "retired"})
    born = await store(client, parameter("born", "date", "Patient.birthDate"))
    await settled(app, client)
    after = await told(client)
    assert after.keys() == {race, retired, born}
    assert after[race]["state"] == "indexed"
    assert after[race]["since"] <= before["since"]  # the version's again; before, perhaps that of the work
    assert after[born]["state"] == "looked-at"
    assert after[retired]["applied"] is False
    assert "status" in after[retired]["reason"]
    assert "state" not in after[retired]
    assert (await client.get("/SearchParameter/nobody/$status")).status_code == 404


async def test_work_that_waits_is_told_with_its_counts(app: House, client: httpx.AsyncClient) -> None:
    race = await store(client, RACE_PARAMETER)
    seen = set()
    while "indexed" not in seen:
        one = (await told(client))[race]
        seen.add(one["state"])
        assert ("done" in one) == ("of" in one)
        assert one.get("done", 0) <= one.get("of", 0) or one["state"] == "indexed"
    assert seen <= {"queued", "indexing", "indexed"}


async def test_who_may_read_them_and_nobody_else(app: House, client: httpx.AsyncClient) -> None:
    race = await store(client, RACE_PARAMETER)
    async with app.client("doctor", scope="user/SearchParameter.rs") as reader:
        assert (await told(reader)).keys() == {race}
    async with app.client("doctor", scope="user/Patient.rs") as other:
        assert (await other.get("/SearchParameter/$status")).status_code == 403
        assert (await other.get(f"/SearchParameter/{race}/$status")).status_code == 403
