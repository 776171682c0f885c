"""A stolen data folder, or its database administrator, reads nothing: no name, number, date or word of any record."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from in_process import House

from operations.policy.library.bundled import bundled_libraries
from profiles import json
from server.sample.practice import practice_requests, practice_resources
from server.seal.master_key import FILE_NAME

COMMON = re.compile(r"[A-Za-z]{1,7}|[0-9]{1,6}|[0-9.]{1,6}")
"""Short words turn up by chance in megabytes of random bytes, and say nothing."""


OWN_WORDS = {"practice", "resource", "sequence"}
"""Names of a setting and of tables of the store itself (SQLite numbers rows that are never numbered again in one)."""


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, str):
        yield value


def telling(resources: list[dict[str, Any]]) -> set[bytes]:
    """Every string of the resources that is long enough not to appear by chance, notes decoded and cut into lines."""
    found: set[str] = set()
    for resource in resources:
        for text in strings(resource):
            found.add(text)
            if len(text) > 100 and re.fullmatch(r"[A-Za-z0-9+/=]+", text):
                found.update(base64.b64decode(text).decode("utf-8", "ignore").splitlines())
    return {text.encode() for text in found - OWN_WORDS if len(text) >= 8 and not COMMON.fullmatch(text)}


def birth_dates(resources: list[dict[str, Any]]) -> set[str]:
    return {resource["birthDate"] for resource in resources if "birthDate" in resource}


def contents(data: Path) -> dict[str, bytes]:
    """The data folder as it lies there while the server runs, the write-ahead log included, without the master key."""
    return {path.name: path.read_bytes() for path in data.rglob("*") if path.is_file() and path.name != FILE_NAME}


async def test_no_string_of_any_record_is_in_any_file(practice: House) -> None:
    today = datetime.now(UTC).date()
    resources = [*practice_resources(today), *practice_requests(today), *bundled_libraries()]
    async with practice.client(subject="nurse-ratched-the-7th") as client:
        assert (await client.get("/Patient", params={"name": "Villanueva"})).json()["entry"]
        assert (await client.get("/Patient", params={"identifier": "very-telling-search-text"})).status_code == 200
        assert (await client.get("/AuditEvent", params={"agent-name": "nobody-of-that-name"})).status_code == 200
        body = {"resourceType": "Basic", "code": {"text": "an-unheard-of-secret-4711"}}
        assert (await client.post("/Basic", json=body)).status_code == 201
    looked_for = telling(resources) | {
        b"very-telling-search-text", b"nobody-of-that-name", b"an-unheard-of-secret-4711", b"nurse-ratched-the-7th",
    }  # fmt: skip
    assert len(looked_for) > 500
    assert len(birth_dates(resources)) > 8
    for name, content in contents(practice.data).items():
        seen = [text for text in looked_for if text in content]
        assert seen == [], name


async def test_every_record_was_there_to_be_found(practice: House) -> None:
    """The test above would pass on an empty folder; this one says that the folder is not empty."""
    async with practice.client() as client:
        for resource in practice_resources(datetime.now(UTC).date()):
            response = await client.get(f"/{resource['resourceType']}/{resource['id']}")
            assert response.status_code == 200
    assert (Path(practice.data) / "assent.db").stat().st_size + (
        Path(practice.data) / "assent.db-wal"
    ).stat().st_size > 200_000


async def test_nothing_of_a_record_is_logged(practice: House) -> None:
    async with practice.client(subject="nurse-ratched-the-7th") as client:
        await client.get("/Patient", params={"name": "Villanueva"})
        await client.get("/Patient/Villanueva")
        await client.get("/Villanueva/Villanueva/Villanueva")
        await client.get("/Patient?Villanueva=Villanueva")
        await client.post("/Patient", json={"resourceType": "Patient", "Villanueva": "Villanueva"})
        await client.post("/Patient", content=b"Villanueva", headers={"Content-Type": "application/fhir+json"})
        await client.get(f"{practice.root}/Villanueva")
        await client.get(f"{practice.root}/t/villanueva/fhir/Patient")
    log = b"".join(practice.log)
    assert log.count(b"\n") >= 8
    assert b"illanueva" not in log
    assert b"ratched" not in log
    for line in log.splitlines():
        assert set(json.loads(line)) <= {
            "time", "level", "event", "request_id", "method", "route", "tenant", "status", "duration_ms",
        }  # fmt: skip


def test_files_are_their_owner_s_alone(practice_data: Path) -> None:
    assert practice_data.stat().st_mode & 0o077 == 0
    for path in practice_data.iterdir():
        if path.suffix in {".key", ".pem"}:
            assert path.stat().st_mode & 0o077 == 0, path.name
