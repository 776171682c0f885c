"""What is loaded from files is stored as if it had been sent, once, whatever comes between, on both engines."""

from __future__ import annotations

import base64
import gzip
from pathlib import Path
from typing import Any

import pytest
from in_process import House
from loading import Load, ndjson, patient

from server.load.files import UnreadableFileError, find_sources
from server.load.loader import Counts
from server.store.store import Commit, Store, StoreUnavailableError
from server.upkeep.fsck import Fsck


async def get(house: House, address: str) -> dict[str, Any]:
    async with house.client() as client:
        answer = await client.get(address)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


async def total(house: House, question: str) -> int:
    found: int = (await get(house, f"/{question}&_summary=count"))["total"]
    return found


async def all_is_well(house: House) -> bool:
    services = house.services
    check = Fsck(services.store, services.keyring, lambda tenant: (services.base_url(tenant),), mend=False)
    return [finding async for finding in check.run(lambda looked_at: None)] == []


def observation(id_: str, subject: str = "Patient/a") -> dict[str, Any]:
    return {
        "resourceType": "Observation", "id": id_, "status": "final", "code": {"coding": [{"system": "urn:c", "code": "x"}]},
        "subject": {"reference": subject}, "effectiveDateTime": "2026-01-02",
    }  # fmt: skip


async def test_what_is_loaded_is_found_and_read_and_told_in_the_trail(house: House, tmp_path: Path) -> None:
    file = ndjson(tmp_path / "all.ndjson", patient("a"), observation("o1"), b"", observation("o2"))
    load = Load(house, largest=2)
    assert await load.run(file) == Counts(stored=3)
    assert load.faults == []
    read = await get(house, "/Observation/o2")
    assert read["meta"]["versionId"] == "1"
    assert read["subject"] == {"reference": "Patient/a"}
    assert await total(house, "Observation?subject=Patient/a&code=urn:c|x&date=2026") == 2
    assert await total(house, "Patient?family=quill") == 1
    events = await get(house, "/AuditEvent?subtype=load&patient=Patient/a")
    assert len(events["entry"]) == 1
    assert (await get(house, "/Patient/a/_history"))["total"] == 1
    assert await all_is_well(house)


async def test_the_same_file_is_loaded_once_whatever_it_is_called(house: House, tmp_path: Path) -> None:
    file = ndjson(tmp_path / "one.ndjson", patient("a"), patient("b"))
    copy = tmp_path / "two.ndjson"
    copy.write_bytes(file.read_bytes())
    assert await Load(house).run(file, copy) == Counts(stored=2)
    assert await Load(house).run(copy) == Counts()
    longer = ndjson(tmp_path / "three.ndjson", patient("a"), patient("b"), patient("c"))
    assert await Load(house).run(longer) == Counts(stored=1, same=2)
    assert (await get(house, "/Patient/a"))["meta"]["versionId"] == "1"


async def test_what_is_there_with_another_content_gets_a_new_version(house: House, tmp_path: Path) -> None:
    async with house.client() as client:
        assert (await client.put("/Patient/a", json=patient("a", "Ink"))).status_code == 201
        assert (await client.put("/Patient/gone", json=patient("gone"))).status_code == 201
        assert (await client.delete("/Patient/gone")).status_code == 204
    file = ndjson(
        tmp_path / "f.ndjson", patient("a"), patient("b"), patient("b", "Paper"), patient("gone"), patient("b", "Paper")
    )
    assert await Load(house).run(file) == Counts(stored=1, changed=3, same=1)
    assert (await get(house, "/Patient/b"))["name"] == [{"family": "Paper"}]
    assert (await get(house, "/Patient/gone"))["meta"]["versionId"] == "3"
    assert [await total(house, f"Patient?family={name}") for name in ("ink", "quill", "paper")] == [0, 2, 1]
    assert await all_is_well(house)


async def test_what_no_write_would_take_is_named_and_left_out(house: House, tmp_path: Path) -> None:
    named = ndjson(
        tmp_path / "f.ndjson",
        patient("a"), b"{not json", patient("b", gender="x"), {"resourceType": "AuditEvent", "id": "e"},
        {"resourceType": "Patient"}, patient("a b"), b"[]", b'"Patient"', {"resourceType": "Nothing", "id": "n"},
        b'{"resourceType": "Patient", "id": "two", "gender": "male", "gender": "female"}',
    )  # fmt: skip
    load = Load(house)
    counts = await load.run(named)
    assert (counts.stored, counts.refused) == (1, len(load.faults))
    assert {line for _, line, _, _ in load.faults} == set(range(2, 11))
    for _, _, _, text in load.faults:
        assert "Quill" not in text
    assert await total(house, "Patient?_id=a,b") == 1


class Failing:
    """A store whose n-th commit does not happen, or happens without anybody being told."""

    def __init__(self, store: Store, at: int, *, silently: bool) -> None:
        self._store, self._left, self._silently = store, at, silently

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, commit: Commit) -> None:
        self._left -= 1
        if self._left == 0:
            if self._silently:
                await self._store.commit(commit)
            raise StoreUnavailableError("Not now.")
        await self._store.commit(commit)


@pytest.mark.parametrize("silently", [False, True])
@pytest.mark.slow
async def test_a_load_that_was_interrupted_goes_on_where_it_was(house: House, tmp_path: Path, silently: bool) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    ndjson(folder / "1.ndjson", *[patient(f"p{n}") for n in range(900)])
    ndjson(folder / "2.ndjson", *[observation(f"o{n}", f"Patient/p{n}") for n in range(900)])
    for at in (1, 2, 2):
        failing: Any = Failing(house.services.store, at, silently=silently)
        with pytest.raises(StoreUnavailableError):
            await Load(house, failing, largest=300).run(folder)
    await Load(house, largest=300).run(folder)
    assert await Load(house, largest=300).run(folder) == Counts()
    assert await total(house, "Patient?_id:not=x") == 900
    assert await total(house, "Observation?status=final") == 900
    assert (await get(house, "/Patient/p899/_history"))["total"] == 1
    assert await all_is_well(house)


async def test_somebody_elses_write_at_the_same_time_is_not_lost(house: House, tmp_path: Path) -> None:
    class Overtaken(Failing):
        async def commit(self, commit: Commit) -> None:
            self._left -= 1
            if self._left == 0:
                async with house.client() as client:
                    assert (await client.put("/Patient/a", json=patient("a", "Ink"))).status_code == 201
            await self._store.commit(commit)

    overtaken: Any = Overtaken(house.services.store, 1, silently=True)
    file = ndjson(tmp_path / "f.ndjson", patient("a"), patient("b"))
    assert await Load(house, overtaken).run(file) == Counts(stored=1, changed=1)
    history = await get(house, "/Patient/a/_history")
    assert [entry["resource"]["name"][0]["family"] for entry in history["entry"]] == ["Quill", "Ink"]


def bundle(*entries: dict[str, Any], type_: str = "transaction") -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": type_, "entry": list(entries)}


def entry(resource: dict[str, Any], number: int, **request: Any) -> dict[str, Any]:
    address = f"urn:uuid:5a1b3c0e-0000-4000-8000-{number:012}"
    return {"fullUrl": address, "resource": resource, "request": {"method": "POST", "url": "x", **request}}


async def test_a_bundle_brings_what_is_in_it_under_its_own_ids(house: House, tmp_path: Path) -> None:
    nameless = {key: value for key, value in patient("").items() if key != "id"}
    content = bundle(
        entry(nameless, 1),
        entry(observation("o", "urn:uuid:5a1b3c0e-0000-4000-8000-000000000001"), 2, method="PUT"),
        entry(observation("c", "Patient?identifier=urn:x|1"), 3),
        entry(patient("n"), 4, ifNoneExist="identifier=x"),
        entry(patient("d"), 5, method="DELETE"),
        {"resource": {"resourceType": "Patient"}},
    )
    file = ndjson(tmp_path / "b.json", content)
    packed = tmp_path / "c.json.gz"
    packed.write_bytes(gzip.compress(ndjson(tmp_path / "c.json", patient("alone")).read_bytes()))
    load = Load(house)
    assert await load.run(file, packed) == Counts(stored=3, refused=4)
    assert [number for _, _, number, _ in load.faults] == [3, 4, 5, 6]
    assert (await get(house, "/Observation/o"))["subject"]["reference"] == "Patient/5a1b3c0e-0000-4000-8000-000000000001"
    assert (await get(house, "/Patient/alone"))["id"] == "alone"
    assert await Load(house).run(file, packed) == Counts()


async def test_large_content_is_kept_apart_as_ever(house: House, tmp_path: Path) -> None:
    data = base64.b64encode(b"%PDF-1.7\n" + b"x" * 200_000).decode()
    binary = {"resourceType": "Binary", "id": "pdf", "contentType": "application/pdf", "data": data}
    liar = {**binary, "id": "liar", "contentType": "image/png"}
    file = ndjson(tmp_path / "f.ndjson", patient("a"), binary, liar)
    load = Load(house)
    assert await load.run(file) == Counts(stored=2, refused=1)
    async with house.client() as client:
        assert (await client.get("/Binary/pdf")).content == base64.b64decode(data)
    longer = ndjson(tmp_path / "g.ndjson", binary, patient("b"))
    assert await Load(house).run(longer) == Counts(stored=1, same=1)
    assert await all_is_well(house)


def test_files_that_cannot_be_loaded_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    for path, sentence in (
        (tmp_path / "none.ndjson", "There is no file"),
        (tmp_path / "a.txt", "is neither"),
        (tmp_path, "holds no .ndjson or .json file"),
    ):
        with pytest.raises(UnreadableFileError, match=sentence):
            find_sources([path])


async def test_a_torn_file_is_named(house: House, tmp_path: Path) -> None:
    torn = tmp_path / "f.ndjson.gz"
    torn.write_bytes(gzip.compress(ndjson(tmp_path / "f", *[patient(f"p{n}") for n in range(500)]).read_bytes())[:-20])
    with pytest.raises(UnreadableFileError, match="is it whole"):
        await Load(house).run(torn)
