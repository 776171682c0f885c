"""What terminology costs: codes checked per second, searches, expansions, on ICD-10-CM.

    python benchmarks/codes.py

CPU time of one core, Parameters in and Parameters out, warm; searches also as the slowest of their kind.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from terminology.catalogue import Layers, MemoryCatalogue
from terminology.code_search import index_of
from terminology.content.builtin import builtin_content
from terminology.expand import expand
from terminology.question import read_question
from terminology.systems import ICD10_CM
from terminology.validate_code import validate_in_code_system, validate_in_value_set

SET = {
    "resourceType": "ValueSet",
    "url": "urn:back",
    "compose": {
        "include": [{"system": ICD10_CM, "filter": [{"property": "concept", "op": "is-a", "value": "M50-M54"}]}],
        "exclude": [{"system": ICD10_CM, "concept": [{"code": "M54.2"}]}],
    },
}
TYPED = (
    "low back pain",
    "M54",
    "diabtes type 2",
    "lumbr disc degenration",
    "fracture of left femur initial",
    "initial encounter",
)


def parameters(**values: str) -> dict[str, Any]:
    return {"parameter": [{"name": name, "valueString": value} for name, value in values.items()]}


def per_second(work: Callable[[], object], rounds: int) -> float:
    work()
    start = time.process_time()
    for _ in range(rounds):
        work()
    return rounds / (time.process_time() - start)


def main() -> None:
    start = time.process_time()
    builtin = builtin_content()
    system = builtin.code_systems(ICD10_CM)[0].take()
    print(f"ICD-10-CM made ready: {time.process_time() - start:.2f} s, {len(system.codes)} codes")
    catalogue = Layers(MemoryCatalogue([SET]), builtin)
    name = "Low back pain, unspecified"
    alone = parameters(url=ICD10_CM, code="M54.50", display=name)
    inside = parameters(url="urn:back", system=ICD10_CM, code="M54.50", display=name)
    outside = parameters(url="urn:back", system=ICD10_CM, code="A00.0")
    rate = per_second(lambda: validate_in_code_system(catalogue, read_question(alone)), 5000)
    print(f"CodeSystem/$validate-code: {rate:.0f} per s")

    def check(asked: dict[str, Any]) -> object:
        return validate_in_value_set(catalogue, read_question(asked))

    for label, asked in (("in", inside), ("not in", outside)):
        rate = per_second(partial(check, asked), 5000)
        print(f"ValueSet/$validate-code, {label} the set: {rate:.0f} per s")
    page = parameters(url="urn:back", count="100")
    now = datetime.now(UTC)
    print(f"ValueSet/$expand, 100 codes: {per_second(lambda: expand(catalogue, read_question(page), now), 50):.0f} per s")
    start = time.process_time()
    index = index_of(system)
    print(f"search index made: {time.process_time() - start:.2f} s")
    for typed in TYPED:
        print(f"search {typed!r}: {1000 / per_second(partial(index.search, typed), 20):.2f} ms")


if __name__ == "__main__":
    main()
