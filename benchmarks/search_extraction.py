"""What extraction costs: the walks that search parameters' expressions are made into, and FHIRPath in general, in one run.

    python -m benchmarks.search_extraction RESOURCE_OR_BUNDLE.json[.gz] ...

Microseconds for one parameter of one resource (the best of several rounds, all parameters of R4 but composites), and milliseconds for
making the parameters of every type.
"""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any

from profiles import json
from profiles.fhirpath import Services, compile_expression
from profiles.references import parse_reference
from profiles.search_parameters import search_parameters
from profiles.structure import resource_types
from profiles.tables import table

ROUNDS = 9

Extract = Callable[[Any], object]


class ByAddress:
    """Knows of a reference no more than the type in its address."""

    def resolve(self, reference: str, root: Any) -> Any:
        parsed = parse_reference(reference)
        return None if parsed is None or parsed.type is None else {"resourceType": parsed.type}


SERVICES = Services(resolver=ByAddress())


def resources(name: str) -> Iterator[dict[str, Any]]:
    data = Path(name).read_bytes()
    value = json.loads(gzip.decompress(data) if name.endswith(".gz") else data)
    entries = value.get("entry", ()) if isinstance(value, dict) else ()
    for each in [value, *(entry.get("resource") for entry in entries)]:
        if isinstance(each, dict) and each.get("resourceType") in resource_types():
            yield each


@cache
def ways(type_: str) -> tuple[list[Extract], list[Extract]]:
    """For each parameter: its walks, and its expression as FHIRPath evaluates it."""
    rows = table("search")["parameters"]
    expressions = {
        code: row[1] for code, row in {**rows["Resource"], **rows.get(type_, {})}.items() if row[0] != "composite"
    }
    parameters = search_parameters(type_)
    return [parameters[code].extract for code in expressions], [by_fhirpath(text, type_) for text in expressions.values()]


def by_fhirpath(text: str, type_: str) -> Extract:
    expression = compile_expression(text, type=type_, as_filters=True)
    return lambda resource: expression.evaluate(resource, services=SERVICES)


def spent(jobs: list[tuple[Any, list[Extract]]]) -> float:
    start = perf_counter()
    for resource, extracts in jobs:
        for extract in extracts:
            extract(resource)
    return perf_counter() - start


def main() -> None:
    table("structure"), table("search")
    start = perf_counter()
    for type_ in resource_types():
        search_parameters(type_)
    print(f"parameters of all types made in {(perf_counter() - start) * 1e3:.0f} ms")

    given = [resource for name in sys.argv[1:] for resource in resources(name)]
    both = [[(resource, ways(resource["resourceType"])[which]) for resource in given] for which in (0, 1)]
    pairs = sum(len(extracts) for _, extracts in both[0])
    rounds = [[spent(jobs) for jobs in both] for _ in range(ROUNDS)]
    walks, general = (min(times) / pairs * 1e6 for times in zip(*rounds, strict=True))
    print(f"{pairs} pairs: walks {walks:.2f} us, FHIRPath {general:.2f} us, {general / walks:.1f} times as much")


if __name__ == "__main__":
    main()
