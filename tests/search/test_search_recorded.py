"""Searches recorded with another server (FHIR/fhir-candle, in the shared data): the share that is answered alike, and why the rest is not.

Each failure is explained in docs/search.md by its id.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from in_process import House
from shared_data import DATA

from profiles.json import Resource, dumps, loads

FOLDER: Final = DATA / "conformance" / "search-candle"
DOCS: Final = Path(__file__).resolve().parents[2] / "docs" / "search.md"
LEAST: Final = 0.85
_JSON: Final = {"content-type": "application/fhir+json"}


async def fill(client: httpx.AsyncClient) -> None:
    """As the README of the recordings says, but for the transaction: its entries one by one, for one is no valid R4, and fails all."""
    for path in sorted((FOLDER / "data").glob("*.json")):
        content = path.read_bytes().removeprefix(codecs.BOM_UTF8)
        resource = loads(content)
        if resource["resourceType"] != "Bundle":
            await client.put(f"/{resource['resourceType']}/{resource['id']}", content=content, headers=_JSON)
        elif path.name.startswith("Bundle-transaction"):
            for entry in resource["entry"]:
                await client.post(f"/{entry['request']['url']}", content=dumps(entry["resource"]), headers=_JSON)


def fault(vector: dict[str, Any], answer: httpx.Response) -> str | None:
    """What is not as it was recorded."""
    if answer.status_code != 200:
        return f"{answer.status_code}"
    bundle = loads(answer.content)
    entries = [entry for entry in bundle.get("entry", ()) if entry["search"]["mode"] != "outcome"]
    matches = [entry["resource"] for entry in entries if entry["search"]["mode"] == "match"]
    if "sorted_by" in vector:
        return None if _is_sorted(matches, vector["sorted_by"]) else "not sorted"
    if bundle["total"] != vector["total"]:
        return f"total {bundle['total']}, not {vector['total']}"
    wanted = vector.get("entries")
    return None if wanted is None or len(entries) == wanted else f"{len(entries)} entries, not {wanted}"


def _is_sorted(found: Sequence[Resource], key: str) -> bool:
    """By what has a value: where the rest comes is nobody's rule."""
    paths = {
        "date": ("effectiveDateTime",),
        "status": ("status",),
        "birthdate": ("birthDate",),
        "_lastUpdated": ("meta", "lastUpdated"),
    }
    values: list[str] = []
    for resource in found:
        value: Any = resource
        for name in paths[key.removeprefix("-")]:
            value = value.get(name, {})
        if isinstance(value, str):
            values.append(value)
    return values == sorted(values, reverse=key.startswith("-"))


def _client(house: House, auth: str | None, tokens: dict[str, Any]) -> httpx.AsyncClient:
    if auth is None:
        return house.client()
    return house.client("patient", scope=tokens[auth]["scope"].replace("*.*", "*.cruds"), patient=tokens[auth]["patient"])


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the recorded searches are not beside this checkout")
async def test_recorded_searches(app: House, client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]) -> None:
    recorded = loads((FOLDER / "vectors.json").read_bytes())
    await fill(client)
    missed: list[tuple[str, str]] = []
    for vector in recorded["vectors"]:
        async with _client(app, vector["auth"], recorded["auth"]) as caller:
            for mode in vector.get("summary_modes", [None]):
                query = vector["query"] + (f"&_summary={mode}" if mode else "") + "&_total=accurate"
                reason = fault(vector, await caller.get(f"{vector['path']}?{query.replace('|', '%7C').lstrip('&')}"))
                if reason is not None:
                    missed.append((vector["id"], f"{vector['path']}?{query}: {reason}"))
                    break
    asked = len(recorded["vectors"])
    share = 1 - len(missed) / asked
    with capsys.disabled():
        print(f"\nrecorded searches: {asked - len(missed)} of {asked} ({share:.1%})")
    explained = DOCS.read_text()
    assert [text for id_, text in missed if f"`{id_}`" not in explained] == []
    assert share >= LEAST
