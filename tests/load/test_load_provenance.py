"""What was loaded says so: a Provenance in the commit that carries it, for each patient's record apart, whatever comes between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from in_process import House
from loading import Load, ndjson, patient

from profiles.base_validation import validate_resource
from server.load.files import find_sources
from server.load.provenance import MOST_TARGETS
from server.store.store import Commit, Store, StoreUnavailableError


async def told(house: House, **options: Any) -> list[dict[str, Any]]:
    async with house.client("staff", **options) as client:
        found = (await client.get("/Provenance?_count=200&_sort=_lastUpdated")).json()
    return [entry["resource"] for entry in found.get("entry", ())]


def observation(id_: str, subject: str, status: str = "final") -> dict[str, Any]:
    return {
        "resourceType": "Observation", "id": id_, "status": status, "code": {"text": "x"}, "subject": {"reference": f"Patient/{subject}"},
    }  # fmt: skip


def targets(resource: dict[str, Any]) -> list[str]:
    return [target["reference"] for target in resource["target"]]


async def test_each_record_can_be_followed_to_its_file(house: House, tmp_path: Path) -> None:
    one = ndjson(tmp_path / "one.ndjson", patient("a"), patient("b"), observation("o1", "a"), {"resourceType": "Organization", "id": "o", "name": "O"})  # fmt: skip
    await Load(house).run(one)
    (source,) = find_sources([one])
    found = await told(house)
    assert [validate_resource(each) for each in found] == [[]] * 3
    assert sorted(map(targets, found)) == [
        ["Organization/o/_history/1"], ["Patient/a/_history/1", "Observation/o1/_history/1"], ["Patient/b/_history/1"],
    ]  # fmt: skip
    assert {each["entity"][0]["what"]["identifier"]["value"] for each in found} == {source.digest}
    limited = await told(house, patient="b", scope="patient/*.rs")
    assert list(map(targets, limited)) == [["Patient/b/_history/1"]]
    other = ndjson(tmp_path / "two.ndjson", patient("a"), observation("o1", "a", "amended"), observation("o2", "a"))
    await Load(house).run(other)
    changed, new = sorted((await told(house))[3:], key=lambda each: str(each["activity"]), reverse=True)
    assert (targets(changed), targets(new)) == (["Observation/o1/_history/2"], ["Observation/o2/_history/1"])
    assert changed["entity"][1] == {"role": "revision", "what": {"reference": "Observation/o1/_history/1"}}


async def test_a_load_that_was_broken_off_tells_of_each_resource_once(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = ndjson(tmp_path / "f.ndjson", *(observation(f"o{number}", "a") for number in range(1200)))
    store, commits = house.services.store, 0
    commit = type(store).commit

    async def failing(self: Store, content: Commit) -> None:
        nonlocal commits
        commits += bool(content.puts)
        if commits == 2:
            raise StoreUnavailableError("away")
        await commit(self, content)

    monkeypatch.setattr(type(store), "commit", failing)
    with pytest.raises(StoreUnavailableError):
        await Load(house, largest=400).run(file)
    await Load(house, largest=400).run(file)
    found = await told(house)
    assert max(len(each["target"]) for each in found) == MOST_TARGETS
    named = [target for each in found for target in targets(each)]
    assert sorted(named) == sorted(f"Observation/o{number}/_history/1" for number in range(1200))


async def test_provenance_that_is_loaded_tells_for_itself(house: House, tmp_path: Path) -> None:
    own = {
        "resourceType": "Provenance", "id": "own", "target": [{"reference": "Patient/a"}], "recorded": "2026-01-02T03:04:05Z",
        "agent": [{"who": {"display": "x"}}],
    }  # fmt: skip
    await Load(house).run(ndjson(tmp_path / "f.ndjson", own))
    assert [each["id"] for each in await told(house)] == ["own"]
