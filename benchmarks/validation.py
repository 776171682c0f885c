"""What validation costs: `python -m benchmarks.validation [SHARED]`, with the folder of PAS requests and packages (../shared).

Two PAS requests by everything (structure, bindings, profiles, invariants), with the official packages and with our library, and
`fhir.resources` parsing the same Bundle, in turn in the same run; a Claim's structural accept path; the first validation of each
type; what all PAS profiles add to the memory. Medians and 99th percentiles of single calls, in milliseconds.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from profiles.conformance import Definitions

ROUNDS = 400
IN_A_ROW = 10
PACKAGES = (
    "hl7.fhir.us.core-6.1.0.tgz",
    "hl7.fhir.us.davinci-hrex-1.2.0.compiled.tgz",
    "hl7.fhir.uv.subscriptions-backport.r4-1.1.0.compiled.tgz",
    "hl7.fhir.us.davinci-crd-2.2.1.compiled.tgz",
    "hl7.fhir.us.davinci-pas-2.2.1.tgz",
)
REQUESTS = ("ig-homecare-request.json", "ig-referral-request.json")
SOURCES = ("official", "library")


def timed(calls: dict[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, tuple[float, float]]:
    """Median and 99th percentile in milliseconds of each call: all taken in turn, a few of each in a row."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(rounds // IN_A_ROW):
        for name, call in calls.items():
            for _ in range(IN_A_ROW):
                start = perf_counter()
                call()
                times[name].append((perf_counter() - start) * 1e3)
    return {name: (statistics.median(found), sorted(found)[int(len(found) * 0.99)]) for name, found in times.items()}


def definitions(source: str, shared: Path) -> Definitions:
    from profiles.conformance import Definitions

    if source == "library":
        from profiles.library import library

        return Definitions(above=library())
    made = Definitions()
    for name in PACKAGES:
        made.load_package((shared / "data" / "ig" / name).read_bytes())
    return made


def requests(shared: Path) -> dict[str, bytes]:
    return {name: (shared / "data" / "pas-examples" / "requests" / name).read_bytes() for name in REQUESTS}


def megabytes() -> float:
    """The resident memory of this process, now (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def warm(shared: Path) -> None:
    """Whole Bundles, warm, against the models' parsing of the same; and a Claim by structure alone."""
    from fhir.resources.R4B.bundle import Bundle

    from profiles import json
    from profiles.base_validation import validate_resource
    from profiles.conformance import Validator

    validators = {source: Validator(definitions(source, shared)) for source in SOURCES}
    for name, data in requests(shared).items():
        bundle = json.loads(data)
        calls: dict[str, Callable[[], object]] = {
            "fhir.resources parse": partial(Bundle.model_validate_json, data),
            **{f"full, {source}": partial(validator.validate, bundle) for source, validator in validators.items()},
            "structure alone": partial(validate_resource, bundle),
        }
        found = timed(calls)
        parse = found["fhir.resources parse"][0]
        print(f"{name}: {len(bundle['entry'])} entries, {len(data):,} bytes")
        for call, (median, p99) in found.items():
            print(f"  {call:22} {median:7.3f}   p99 {p99:7.3f}   {median / parse:5.2f} of the parse")
    claim = next(e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Claim")
    bare = {key: value for key, value in claim.items() if key != "text"}
    found = timed(
        {"Claim, accept path": partial(validate_resource, claim), "without narrative": partial(validate_resource, bare)},
        3_000,
    )
    for call, (median, p99) in found.items():
        print(f"{call:24} {median * 1e3:7.1f} µs   p99 {p99 * 1e3:7.1f} µs")


def first(source: str, shared: Path) -> None:
    """In a process of its own: the first validation of each type by its profile, and the memory of all PAS profiles."""
    from profiles import json
    from profiles.conformance import CodeLists, Definitions, Validator, trees
    from profiles.conformance.context import Options, Run
    from profiles.library.facts import table

    bundles = [json.loads(data) for data in requests(shared).values()]
    kinds: dict[str, dict[str, Any]] = {}
    for bundle in bundles:
        for entry in bundle["entry"]:
            kinds.setdefault(entry["resource"]["resourceType"], entry["resource"])
    Validator(Definitions()).validate({"resourceType": "Basic", "code": {"text": "reads the tables"}})
    before, start = megabytes(), perf_counter()
    known = definitions(source, shared)
    loaded = (perf_counter() - start) * 1e3
    validator = Validator(known)
    times = {}
    for name, resource in [*kinds.items(), ("Bundle", bundles[1])]:
        start = perf_counter()
        validator.validate(resource)
        times[name] = (perf_counter() - start) * 1e3
    urls = table("pas-2.2.1").definitions["StructureDefinition"]
    run = Run(known, CodeLists(known), Options())
    ready = sum(trees.tree(url, run) is not None for url in urls)
    for bundle in bundles:
        validator.validate(bundle)
    slowest = max(times, key=lambda name: times[name])
    listed = ", ".join(f"{name} {took:.0f}" for name, took in times.items())
    print(f"{source}: definitions {loaded:.0f} ms; first of a type, ms: {listed}; slowest {slowest}")
    print(f"{source}: memory grows by {megabytes() - before:.0f} MB with {ready} PAS profiles ready")


def machine() -> str:
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    moment = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return (
        f"{moment}; {os.cpu_count()} CPUs ({platform.machine()}); Python {platform.python_version()}; load before: {load}"
    )


def main() -> None:
    given = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("ASSENT_SHARED")
    shared = Path(given) if given else Path(__file__).resolve().parents[2] / "shared"
    if len(sys.argv) > 2:
        first(sys.argv[2], shared)
        return
    print(machine())
    warm(shared)
    for source in SOURCES:
        subprocess.run([sys.executable, "-m", "benchmarks.validation", str(shared), source], check=True)


if __name__ == "__main__":
    main()
