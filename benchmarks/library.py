"""What the library of profiles costs: `python -m benchmarks.library [EXAMPLE.json...]`.

Prints for each example, in a process of its own: how long its first validation by its profiles takes, with everything that is
loaded and compiled for it (R4's tables too), then a warm one. And how much memory grows when every profile of PAS, both versions, is compiled and
the examples have been validated. Without examples: those in examples/bodies.
"""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path
from time import perf_counter, process_time

BODIES = Path(__file__).parents[1] / "examples" / "bodies"


def megabytes() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


def first(path: str) -> None:
    """The first validation of one example in this process."""
    from profiles import json
    from profiles.conformance import Validator
    from profiles.library import library

    resource = json.loads(Path(path).read_bytes())
    start, cpu = perf_counter(), process_time()
    validator = Validator(library())
    validator.validate(resource)
    cold, cold_cpu = perf_counter() - start, process_time() - cpu
    warm = []
    for _ in range(9):
        start = perf_counter()
        validator.validate(resource)
        warm.append(perf_counter() - start)
    print(
        f"{resource['resourceType']} {Path(path).stem}: first {cold * 1e3:.0f} ms (CPU {cold_cpu * 1e3:.0f} ms), warm {min(warm) * 1e3:.2f} ms"
    )


def memory(paths: list[str]) -> None:
    """The growth by all profiles of PAS, compiled, over a validator that knows R4 alone."""
    from profiles import json
    from profiles.conformance import Definitions, Validator
    from profiles.library import library
    from profiles.library.facts import table

    resources = [json.loads(Path(each).read_bytes()) for each in paths]
    for each in resources:
        Validator(Definitions()).validate(each)
    gc.collect()
    before = megabytes()
    for version in ("2.2.1", "2.0.1"):
        validator = Validator(library(version))
        for url in table(f"pas-{version}").definitions["StructureDefinition"]:
            kind = library(version).structure(f"{url}|{version}")["type"]
            carrier = {"resourceType": "Basic", "extension": [{"url": f"{url}|{version}"}, {"url": url}]}
            validator.validate(carrier if kind == "Extension" else {"resourceType": kind}, profiles=[f"{url}|{version}"])
        for each in resources:
            validator.validate(each)
    gc.collect()
    print(f"all profiles of PAS 2.2.1 and 2.0.1: {megabytes() - before:.1f} MB more")


def main() -> None:
    if sys.argv[1:2] == ["--first"]:
        first(sys.argv[2])
        return
    if sys.argv[1:2] == ["--memory"]:
        memory(sys.argv[2:])
        return
    paths = sys.argv[1:] or [str(each) for each in sorted(BODIES.glob("*.json")) if "evidence" not in each.name]
    for path in paths:
        subprocess.run([sys.executable, "-m", "benchmarks.library", "--first", path], check=True)
    subprocess.run([sys.executable, "-m", "benchmarks.library", "--memory", *paths], check=True)


if __name__ == "__main__":
    main()
