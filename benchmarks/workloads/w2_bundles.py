"""W2: transactions of some six hundred entries, patients with all of theirs, as Synthea writes them: every entry new, all references by urn.

The shape is that of HealthSamurai's import.js; the records are those of benchmarks/population.py.
"""

from __future__ import annotations

from itertools import cycle
from typing import Any, Final

from benchmarks.population import population
from benchmarks.workloads.caller import Caller, Record
from profiles.json import dumps

ENTRIES: Final = 600
BUNDLES: Final = 6
"""Each caller has so many of its own, sent again and again: every entry is a new resource each time."""


def bundle(seed: int) -> tuple[bytes, int]:
    """A transaction, and of how many entries."""
    resources: list[dict[str, Any]] = []
    for resource in population(seed):
        if resource["resourceType"] == "Patient" and len(resources) >= ENTRIES:
            break
        resources.append(resource)
    ids = {f"{one['resourceType']}/{one['id']}": f"urn:uuid:{one['id']}" for one in resources}
    entries = [
        {"fullUrl": ids[f"{one['resourceType']}/{one['id']}"], "resource": _by_urn(one, ids),
         "request": {"method": "POST", "url": one["resourceType"]}}
        for one in resources
    ]  # fmt: skip
    return dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}), len(entries)


def _by_urn(value: Any, ids: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: ids.get(one, one) if name == "reference" else _by_urn(one, ids) for name, one in value.items()}
    return [_by_urn(one, ids) for one in value] if isinstance(value, list) else value


async def scenario(caller: Caller, record: Record, number: int, given: dict[str, Any]) -> None:
    own = [bundle(given["seed"] + number * BUNDLES + each) for each in range(BUNDLES)]
    for body, entries in cycle(own):
        if record.over:
            return
        await caller.ask(f"{entries}", "POST", "", body)
