"""Somebody changes rows of the store behind the server's back: what was changed is refused and told, all else still answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import apsw
import pytest
from in_process import House, running_house
from workers import until


def flip(body: bytes) -> bytes:
    return body[:-1] + bytes([body[-1] ^ 1])


CHANGES: dict[str, Callable[[apsw.Connection, bytes, bytes], object]] = {
    "a byte changed": lambda db, one, two: db.execute(
        "UPDATE resource SET body = ? WHERE key = ?", (flip(body_of(db, one)), one)
    ),
    "truncated": lambda db, one, two: db.execute("UPDATE resource SET body = substr(body, 1, 20) WHERE key = ?", (one,)),
    "emptied": lambda db, one, two: db.execute("UPDATE resource SET body = x'' WHERE key = ?", (one,)),
    "another's body": lambda db, one, two: db.execute(
        "UPDATE resource SET body = ? WHERE key = ?", (body_of(db, two), one)
    ),
    "an older version's body": lambda db, one, two: db.execute(
        "UPDATE resource SET body = (SELECT body FROM version WHERE rid = resource.rid AND version = 1) WHERE key = ?",
        (one,),
    ),
    "another version number": lambda db, one, two: db.execute("UPDATE resource SET version = 7 WHERE key = ?", (one,)),
}


def body_of(db: apsw.Connection, key: bytes) -> bytes:
    row = db.execute("SELECT body FROM resource WHERE key = ?", (key,)).fetchone()
    assert row is not None
    body: bytes = row[0]
    return body


async def two_patients(house: House) -> tuple[bytes, bytes]:
    async with house.client() as client:
        for name in ("one", "two"):
            for family in ("First", "Second"):
                content = {"resourceType": "Patient", "id": name, "name": [{"family": family}]}
                assert (await client.put(f"/Patient/{name}", json=content)).is_success
    tenant = house.services.keyring.all()[0]
    return tenant.index.record_key("Patient", "one"), tenant.index.record_key("Patient", "two")


@pytest.mark.parametrize("name", CHANGES)
async def test_a_changed_record_is_refused_and_named_in_the_log_without_its_content(tmp_path: Path, name: str) -> None:
    data = tmp_path / "data"
    async with running_house(data) as house:
        one, two = await two_patients(house)
    db = apsw.Connection(str(data / "assent.db"))
    CHANGES[name](db, one, two)
    db.close()
    async with running_house(data) as house, house.client() as client:
        answer = await client.get("/Patient/one")
        assert answer.status_code == 500
        assert answer.json()["issue"][0]["details"]["coding"][0]["code"] == "internal"
        assert "Second" not in answer.text
        assert (await client.get("/Patient/two")).json()["name"][0]["family"] == "Second"
        assert b"damaged record" in b"".join(house.log)
        assert b"Second" not in b"".join(house.log)
        audited = await client.get("/AuditEvent?outcome=8")
        assert len(audited.json()["entry"]) == 1


async def test_a_changed_audit_batch_is_told_and_does_not_stop_the_server(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with running_house(data) as house:
        await two_patients(house)
    db = apsw.Connection(str(data / "assent.db"))
    db.execute("UPDATE audit SET body = substr(body, 1, length(body) - 1) WHERE seq = 2")
    db.execute("DELETE FROM setting WHERE name = 'audit-watermark'")
    db.close()
    async with running_house(data) as house, house.client() as client:
        answer = await client.get("/AuditEvent")
        assert answer.status_code == 500
        assert (await client.get("/Patient/one")).status_code == 200
        assert (await client.post("/Patient", json={"resourceType": "Patient"})).status_code == 201
        assert b"damaged record" in b"".join(house.log)
        await until(lambda: b"damaged audit record" in b"".join(house.log), "the server comes upon it by itself")
        assert (await client.get("/Patient/one")).status_code == 200


async def test_tenant_keys_that_were_changed_stop_the_start(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with running_house(data):
        pass
    db = apsw.Connection(str(data / "assent.db"))
    db.execute("UPDATE setting SET value = substr(value, 1, length(value) - 1) WHERE name = 'tenants'")
    db.close()
    with pytest.raises(Exception, match="master key"):
        async with running_house(data):
            pass
