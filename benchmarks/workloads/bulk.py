"""How fast `$import` and `$export` are, and what memory they take: `python -m benchmarks.workloads.bulk [--resources 5000] [--store ...]`.

A made-up population is sent with the request of an import; an export of all of it follows. Times are from the request to the manifest, the
wait of `ASSENT_BULK_SETTLE` included; memory is the server's largest, looked at ten times a second.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import httpx

from benchmarks.population import write
from benchmarks.workloads import report
from benchmarks.workloads.served import Served, StoreName, serving
from profiles.json import loads


def _done(
    served: Served, client: httpx.Client, answer: httpx.Response
) -> tuple[float, float, dict[str, list[dict[str, object]]]]:
    """(seconds until the manifest, largest MiB, the manifest)."""
    begin, most = time.perf_counter(), 0.0
    status = answer.raise_for_status().headers["content-location"]
    while True:
        most = max(most, served.target.memory_mb())
        looked = client.get(status).raise_for_status()
        if looked.status_code == 200:
            return time.perf_counter() - begin, most, looked.json()
        time.sleep(0.1)


def _by_type(file: Path, folder: Path) -> list[Path]:
    """`$import` takes a file of one type each."""
    lines: dict[str, list[bytes]] = {}
    for line in file.read_bytes().splitlines():
        lines.setdefault(loads(line)["resourceType"], []).append(line)
    for type_, own in lines.items():
        (folder / f"{type_}.ndjson").write_bytes(b"\n".join(own) + b"\n")
    return [folder / f"{type_}.ndjson" for type_ in lines]


def measure(store: StoreName, count: int) -> None:
    with tempfile.TemporaryDirectory() as name, serving(store) as served, served.target.client() as client:
        whole = Path(name) / "all.ndjson"
        write(count, whole)
        parts = [(path.stem, (path.name, path.read_bytes())) for path in _by_type(whole, Path(name))]
        del client.headers["Content-Type"]
        client.headers["Prefer"] = "respond-async"
        idle, before = served.target.memory_mb(), served.used()
        took, memory, manifest = _done(served, client, client.post("/$import", files=parts))
        used = served.used()
        refused = manifest.get("error", [])
        report.say(
            f"{store}: $import of {count:,} resources in {took:.1f} s, {count / took:,.0f} a second; {len(refused)} error files; "
            f"{used[0] - before[0]:.1f} s of processor by the server, {used[1] - before[1]:.1f} s by mongod; "
            f"{idle:.0f} MiB before, {memory:.0f} at most."
        )
        idle, before = served.target.memory_mb(), served.used()
        took, memory, manifest = _done(served, client, client.get("/$export"))
        used = served.used()
        total = sum(int(str(one["count"])) for one in manifest["output"])
        report.say(
            f"{store}: $export of {total:,} resources in {took:.1f} s, {total / took:,.0f} a second; "
            f"{used[0] - before[0]:.1f} s of processor by the server, {used[1] - before[1]:.1f} s by mongod; "
            f"{idle:.0f} MiB before, {memory:.0f} at most."
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.workloads.bulk")
    parser.add_argument("--resources", type=int, default=5000)
    parser.add_argument("--store", choices=("embedded", "mongodb", "both"), default="both")
    given = parser.parse_args()
    report.say(report.machine() + "\n")
    for store in ("embedded", "mongodb") if given.store == "both" else (given.store,):
        measure(store, given.resources)
    report.say(f"Load after: {report.load()}.")


if __name__ == "__main__":
    main()
