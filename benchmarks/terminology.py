"""What terminology costs through the whole server: checks, searches as people type, expansions, memory.

    python -m benchmarks.terminology

Prints requests per second as they came, and per second of the server's own processor time: the rate of one core that nobody
else uses. Latencies are those of a caller on the same machine.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from benchmarks.load import Result
from benchmarks.suites import drive
from benchmarks.targets import Target, assent
from terminology.systems import ICD10_CM

SYSTEM: Final = "https://bench.example/CodeSystem/hundred-thousand"
SET: Final = "https://bench.example/ValueSet/back"
TYPED: Final = (
    "M54",
    "low back pain",
    "diabtes type 2",
    "lumbr disc degenration",
    "fracture of left femur",
    "z79",
    "hypertens",
)
_TICKS: Final = 100
"""Of processor time in a second (Linux)."""


def stored_set() -> dict[str, Any]:
    filters = [{"property": "concept", "op": "is-a", "value": "M50-M54"}]
    rules = {
        "include": [{"system": ICD10_CM, "filter": filters}],
        "exclude": [{"system": ICD10_CM, "concept": [{"code": "M54.2"}]}],
    }
    return {"resourceType": "ValueSet", "id": "back", "url": SET, "version": "1", "status": "active", "compose": rules}


def stored_system(count: int) -> dict[str, Any]:
    words = ("left", "right", "upper", "lower", "acute", "chronic", "distal", "proximal", "initial", "subsequent")
    concept = [
        {"code": f"Z{n:06}", "display": f"{words[n % 10]} {words[n // 10 % 10]} finding {n // 100} of kind {n % 97}"}
        for n in range(count)
    ]
    head = {"resourceType": "CodeSystem", "id": "many", "url": SYSTEM, "version": "1", "status": "active"}
    return {**head, "content": "complete", "concept": concept}


def processor_seconds(pid: int) -> float:
    """What a process has used so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def get(target: Target, path: str, **parameters: str) -> str:
    return target.request("GET", f"{path}?{urlencode(parameters)}")


def post(target: Target, path: str, **parameters: str) -> str:
    rows = [{"name": name, "valueString": value} for name, value in parameters.items()]
    return target.request("POST", path, json.dumps({"resourceType": "Parameters", "parameter": rows}))


def show(target: Target, name: str, requests: list[str], connections: int = 16) -> None:
    before, started = processor_seconds(target.pid), time.monotonic()
    result: Result = drive(target, requests, connections, "200")
    used = processor_seconds(target.pid) - before
    share = used / (time.monotonic() - started)
    per_core = result.rate / share if share else 0.0
    print(f"{name:56} {result.rate:8.0f} {per_core:8.0f} {result.median:8.2f} {result.p99:8.2f}", flush=True)


def main() -> None:
    with assent() as target:
        client = target.client()
        empty = target.memory_mb()
        assert client.put("/ValueSet/back", json=stored_set()).status_code == 201
        begin = time.monotonic()
        client.get("/CodeSystem/$validate-code", params={"url": ICD10_CM, "code": "M54.50"})
        print(f"first question about ICD-10-CM: {time.monotonic() - begin:.2f} s")
        begin = time.monotonic()
        params = {"url": "https://assent.example/fhir/ValueSet/icd-10-cm", "filter": "back", "count": "20"}
        client.get("/ValueSet/$expand", params=params)
        print(f"first search in it: {time.monotonic() - begin:.2f} s; memory {empty:.0f} -> {target.memory_mb():.0f} MB")
        assert client.put("/CodeSystem/many", json=stored_system(100_000)).status_code == 201
        begin = time.monotonic()
        client.get("/CodeSystem/$validate-code", params={"url": SYSTEM, "code": "Z000001"})
        print(f"first question about 100,000 stored codes: {time.monotonic() - begin:.2f} s; {target.memory_mb():.0f} MB")
        print(f"\n{'':56} {'/s':>8} {'/s core':>8} {'p50 ms':>8} {'p99 ms':>8}")
        name = "Low back pain, unspecified"
        show(target, "read (for comparison)", [target.request("GET", "ValueSet/back")])
        checks = [{"url": ICD10_CM, "code": "M54.50"}, {"url": ICD10_CM, "code": "M54.50", "display": name}]
        path = "CodeSystem/$validate-code"
        show(target, "CodeSystem/$validate-code, ICD-10-CM, GET", [get(target, path, **one) for one in checks])
        show(target, "CodeSystem/$validate-code, ICD-10-CM, POST", [post(target, path, **one) for one in checks])
        stored = {"url": SYSTEM, "code": "Z000123"}
        show(target, "CodeSystem/$validate-code, 100,000 stored codes, GET", [get(target, path, **stored)])
        inside = {"url": SET, "system": ICD10_CM, "code": "M54.50"}
        path = "ValueSet/$validate-code"
        show(target, "ValueSet/$validate-code, stored set, GET", [get(target, path, **inside)])
        show(target, "ValueSet/$validate-code, stored set, POST", [post(target, path, **inside)])
        show(target, "CodeSystem/$lookup, GET", [get(target, "CodeSystem/$lookup", system=ICD10_CM, code="M54.50")])
        client.post("/$closure", json={"resourceType": "Parameters", "parameter": [{"name": "name", "valueString": "b"}]})
        for typed in TYPED:
            searched = [get(target, "ValueSet/$expand", url=params["url"], filter=typed, count="20")]
            show(target, f"search {typed!r}, 1 caller", searched, 1)
        page = [get(target, "ValueSet/$expand", url=SET, count="100")]
        show(target, "page of 100 codes of the stored set", page, 4)
        print(f"memory at the end: {target.memory_mb():.0f} MB")


if __name__ == "__main__":
    main()
