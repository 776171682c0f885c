"""A consent that does not open hides what it may concern, and nothing else; the operator is told, and no caller sees a 500."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from access_help import bundle, consent, entry, ids, labelled, patient, put, refused, statuses
from in_process import House, running_house

from server.access import damaged_consent
from server.search.index_entries import compartment_term
from server.store.sqlite.sqlite_store import FILE_NAME

RECORD = [
    *[patient(who) for who in ("p1", "p2")], *[labelled(f"lab-{who}", "laboratory", who) for who in ("p1", "p2")],
    {"resourceType": "Organization", "id": "org", "name": "x"},
]  # fmt: skip


@asynccontextmanager
async def damaged(data: Path, *consents: dict[str, Any], terms: bool = True) -> AsyncIterator[House]:
    """A house in which the present version of each Consent is damaged; without `terms`, what it is found by names no patient."""
    async with running_house(data) as house:
        tenant = house.services.keyring.by_number(1)
        keys = [tenant.index.record_key("Consent", id_) for id_ in sorted({each["id"] for each in consents})]
        named = compartment_term(tenant.index, "Consent", "p1")
        async with house.client() as client:
            await put(client, *RECORD, *consents)
            await client.get("/AuditEvent?_count=1")
    with closing(sqlite3.connect(data / FILE_NAME)) as connection, connection:
        for key in keys:
            (body, rid) = connection.execute("SELECT body, rid FROM resource WHERE key = ?", (key,)).fetchone()
            connection.execute("UPDATE resource SET body = ? WHERE rid = ?", (body[:-1] + bytes([body[-1] ^ 1]), rid))
    async with running_house(data) as house:
        if not terms:
            real = damaged_consent.compartment_term
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(
                    damaged_consent, "compartment_term", lambda *asked: 0 if real(*asked) == named else real(*asked)
                )
                yield house
        else:
            yield house


def told(house: House) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in house.log]
    return [line for line in lines if "consent" in line["event"]]


async def test_one_patients_record_is_hidden_and_nobody_elses(tmp_path: Path) -> None:
    permits = consent("c", type="permit")
    async with damaged(tmp_path / "data", permits) as house, house.client("staff") as staff:
        assert ids(await staff.get("/Patient")) == ["p2"]
        assert ids(await staff.get("/Observation")) == ["lab-p2"]
        assert (await staff.get("/Patient/p1")).status_code == 404
        assert (await staff.get("/Organization/org")).status_code == 200
        assert [line["level"] for line in told(house)] == ["error"]
        assert "its patient is hidden" in told(house)[0]["event"]
        assert "p1" not in json.dumps(told(house))
        async with house.client("doctor") as doctor:
            glass = {"X-Assent-Break-Glass": "unconscious, in the emergency room"}
            assert (await doctor.get("/Patient/p1", headers=glass)).status_code == 200
        async with house.client() as everybody:
            assert (await everybody.get("/Consent/c")).status_code == 500


async def test_an_earlier_version_tells_whose_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(damaged_consent, "MOST_PATIENTS", 0)
    versions = [consent("c", type="permit"), consent("c", type="deny")]
    async with damaged(tmp_path / "data", *versions) as house, house.client("staff") as staff:
        assert ids(await staff.get("/Patient")) == ["p2"]


async def test_where_nobody_can_tell_whose_it_is_what_is_of_patients_is_kept_back(tmp_path: Path) -> None:
    async with (
        damaged(tmp_path / "data", consent("c", type="permit"), terms=False) as house,
        house.client("staff") as staff,
    ):
        for path in ("/Patient/p2", "/Patient", "/Observation?subject=Patient/p2", "/Observation/_history"):
            refused(await staff.get(path), 503, "consent-unreadable")
        for path in ("/Organization/org", "/metadata", "/Consent?_summary=count", "/AuditEvent?_summary=count"):
            assert (await staff.get(path)).status_code == 200, path
        batch = await staff.post("", json=bundle("batch", entry("GET", "Patient/p2"), entry("GET", "Organization/org")))
        assert statuses(batch) == ["503", "200"]
        assert "kept back" in told(house)[0]["event"]
        async with house.client("doctor") as doctor:
            glass = {"X-Assent-Break-Glass": "unconscious, in the emergency room"}
            assert (await doctor.get("/Patient/p2", headers=glass)).status_code == 200
