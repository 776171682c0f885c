"""What the profiles floor costs: `python -m benchmarks.profiles_floor PATIENT.json BUNDLE.json` (any Patient, any PAS Bundle).

Prints microseconds, the best of nine rounds in one process: base validation, all search parameters, compartment, rewriting.
The first line tells what a cold process pays for the tables and for the first Bundle.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

ROUNDS = 9


def best(call: Callable[[], object], times: int) -> float:
    rounds = []
    for _ in range(ROUNDS):
        start = perf_counter()
        for _ in range(times):
            call()
        rounds.append((perf_counter() - start) / times)
    return min(rounds) * 1e6


def main() -> None:
    start = perf_counter()
    from profiles import json
    from profiles.base_validation import validate_resource
    from profiles.tables import table

    imported = perf_counter()
    table("structure"), table("search")
    loaded = perf_counter()
    patient, bundle = (json.loads(Path(name).read_bytes()) for name in sys.argv[1:3])
    parsed = perf_counter()
    validate_resource(bundle)
    validated = perf_counter()
    spent = [(imported - start) * 1e3, (loaded - imported) * 1e3, (validated - parsed) * 1e3]
    print("cold, ms: import {:.1f}, tables {:.1f}, first Bundle {:.1f}".format(*spent))

    for resource in (patient, bundle["entry"][0]["resource"], bundle):
        print(measure(resource))


def measure(resource: dict[str, Any]) -> str:
    """One line of figures for one resource."""
    from profiles.base_validation import validate_resource
    from profiles.compartments import compartment_members
    from profiles.references import rewrite_references
    from profiles.search_parameters import search_parameters

    parameters = list(search_parameters(resource["resourceType"]).values())
    bare = {key: value for key, value in resource.items() if key != "text"}
    figures = {
        "validate": best(lambda: validate_resource(resource), 100),
        "validate without narrative": best(lambda: validate_resource(bare), 100),
        f"{len(parameters)} search parameters": best(lambda: [p.extract(resource) for p in parameters], 100),
        "compartment": best(lambda: compartment_members(resource), 100),
        "rewrite": best(lambda: rewrite_references(resource, {"urn:uuid:x": "Patient/1"}), 100),
    }
    return f"{resource['resourceType']}: " + ", ".join(f"{name} {figure:.1f}" for name, figure in figures.items())


if __name__ == "__main__":
    main()
