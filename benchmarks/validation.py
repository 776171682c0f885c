"""What whole validation costs: `python benchmarks/validation.py BUNDLE.json PACKAGE.tgz...` (a PAS request; PAS and what it rests on).

Prints milliseconds, the best of nine rounds in one process: structure alone, everything by profile, and how long
`fhir.resources` takes to parse the same Bundle. First what a cold process pays for the packages and for the first Bundle.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

ROUNDS = 9


def best(call: Callable[[], object], times: int) -> float:
    rounds = []
    for _ in range(ROUNDS):
        start = perf_counter()
        for _ in range(times):
            call()
        rounds.append((perf_counter() - start) / times)
    return min(rounds) * 1e3


def megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    from profiles import json
    from profiles.base_validation import validate_resource
    from profiles.conformance import Definitions, Validator

    data = Path(sys.argv[1]).read_bytes()
    bundle = json.loads(data)
    before, start = megabytes(), perf_counter()
    definitions = Definitions()
    for name in sys.argv[2:]:
        definitions.load_package(Path(name).read_bytes())
    print(f"packages: {(perf_counter() - start) * 1e3:.0f} ms, {megabytes() - before:.0f} MB")
    validator = Validator(definitions)
    start = perf_counter()
    findings = validator.validate(bundle)
    print(f"first Bundle: {(perf_counter() - start) * 1e3:.0f} ms, {len(findings)} findings; {megabytes() - before:.0f} MB")
    print(f"structure alone: {best(lambda: validate_resource(bundle), 20):.2f} ms")
    print(f"by profile, warm: {best(lambda: validator.validate(bundle), 10):.2f} ms")

    from fhir.resources.R4B.bundle import Bundle

    print(f"fhir.resources R4B, parse: {best(lambda: Bundle.model_validate_json(data), 5):.2f} ms")


if __name__ == "__main__":
    main()
