"""What is old enough goes, the trail proves itself without it, and an event tells of it; on both engines."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from audit_help import Audited, Row, audited_on
from two_engines import ENGINES

from server.audit.retention import DAY
from server.store.store import StoreUnavailableError
from server.upkeep.fsck import Fsck


@pytest.fixture(params=ENGINES)
async def audited(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Audited]:
    async with audited_on(request.param, tmp_path / "data") as made:
        yield made


async def used(audited: Audited, count: int, start: int = 0) -> None:
    await audited.house.services.keyring.make("other")
    async with audited.house.client() as own, audited.house.client(tenant="other") as other:
        for number in range(start, start + count):
            await own.get(f"/Patient/n{number}")
            await other.get(f"{audited.house.root}/t/other/fhir/Patient/n{number}")


async def patients(audited: Audited) -> list[str]:
    """Whose records the events say were asked for, in the order of the trail."""
    async with audited.house.client("auditor") as client:
        found = (await client.get("/AuditEvent?_count=100&_sort=date&subtype=read")).json().get("entry", [])
    return [entry["resource"]["entity"][0]["what"]["reference"] for entry in found]


async def test_old_records_go_and_the_rest_still_proves_itself(audited: Audited) -> None:
    services = audited.house.services
    await used(audited, 5)
    assert len(await patients(audited)) == 5
    await audited.keeper().checkpoint()
    middle = services.now()
    await used(audited, 3, start=5)
    before = await audited.verify()
    gone = await audited.retention().prune(middle)
    assert gone == 11  # five reads of each tenant, and the search
    assert await patients(audited) == [f"Patient/n{number}" for number in range(5, 8)]
    found = await audited.verify()
    assert (found["result"], found["pruned"]) == (True, 6)
    assert found["records"] > before["records"]
    assert (await audited.verify(witness=before["head"]))["result"] is True
    async with audited.house.client("auditor") as client:
        (told,) = (await client.get("/AuditEvent?subtype=audit-retention")).json()["entry"]
        assert told["resource"]["action"] == "D"
        assert told["resource"]["agent"][0]["altId"] == "assent"
    async with audited.house.client("auditor", tenant="other") as other:
        answer = await other.get(f"{audited.house.root}/t/other/fhir/AuditEvent/$verify")
        assert answer.json()["parameter"][0]["valueBoolean"] is True
    check = Fsck(services.store, services.keyring, lambda tenant: (audited.house.base,), mend=False)
    assert [finding.sentence async for finding in check.run(lambda _: None)] == []


async def test_what_comes_before_the_beginning_cannot_be_compared(audited: Audited) -> None:
    await used(audited, 3)
    early = (await audited.verify())["head"]
    await used(audited, 3, start=3)
    await audited.retention().prune(audited.house.services.now())
    async with audited.house.client("auditor") as client:
        assert (await client.get("/AuditEvent/$verify", params={"witness": early})).status_code == 400


async def test_a_beginning_that_somebody_else_took_away_shows(audited: Audited) -> None:
    await used(audited, 6)
    await audited.retention().prune(audited.house.services.now())
    await used(audited, 3, start=6)

    def without_the_first(rows: list[Row]) -> list[Row]:
        return [row for row in rows if row != next(row for row in rows if row.tenant == 1)]

    audited.change(without_the_first)
    broken = (await audited.verify())["broken"]
    assert (broken["kind"], broken["position"]) == ("missing", 7)


async def test_nothing_is_pruned_twice_nor_by_less_than_the_policy(audited: Audited) -> None:
    await used(audited, 3)
    retention = audited.retention(days=2192)
    assert await retention.apply() == 0
    assert await audited.retention(days=0).apply() == 0
    now = audited.house.services.now()
    assert await audited.retention().prune(now - 1 * DAY) == 0
    assert await audited.retention().prune(now) > 0
    rows = audited.rows.read()
    assert await audited.retention().prune(now) == 0
    assert audited.rows.read() == rows


async def test_one_that_was_broken_off_is_finished(audited: Audited, monkeypatch: pytest.MonkeyPatch) -> None:
    """The statement is there and the batches are, too: as after a kill between the two."""
    await used(audited, 5)
    services = audited.house.services
    now, rows = services.now(), audited.rows.read()

    async def dies(*_: object) -> None:
        raise StoreUnavailableError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(services.store.upkeep, "drop_audit", dies)
        with pytest.raises(StoreUnavailableError):
            await audited.retention().prune(now)
    assert audited.rows.read()[: len(rows)] == rows
    found = await audited.verify()
    assert (found["result"], found["pruned"]) == (True, 5)
    await audited.retention().prune(now)
    assert audited.rows.read()[0].seq > rows[-1].seq
    assert (await audited.verify())["result"] is True


async def test_a_trail_that_is_pruned_whole_goes_on(audited: Audited) -> None:
    """Numbers are never given again: an event is always younger than what goes."""
    await used(audited, 4)
    last = audited.rows.read()[-1].seq
    await audited.retention().prune(audited.house.services.now())
    await used(audited, 2)
    assert audited.rows.read()[0].seq > last
    assert (await audited.verify())["result"] is True
