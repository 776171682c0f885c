"""What terminology costs: codes checked per second, searches, expansions, on ICD-10-CM.

    python benchmarks/codes.py

CPU time of one core, Parameters in and Parameters out, warm; searches also as the slowest of their kind.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from random import Random
from typing import Any

from terminology.catalogue import Layers, MemoryCatalogue
from terminology.code_search import index_of, words_of
from terminology.code_system import CodeSystem
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


def milliseconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return (time.process_time() - start) * 1000


def as_typed(system: CodeSystem, kind: str, chance: Random) -> str:
    """A code, or some words of a name, as somebody may type them."""
    row = chance.randrange(len(system.codes))
    if kind == "code":
        return system.codes[row][: chance.randint(1, 8)]
    words = words_of(system.displays[row] or "")
    words = chance.sample(words, min(len(words), chance.randint(1, 4)))
    if kind == "begun words":
        return " ".join(word[: chance.randint(2, 4)] for word in words)
    return " ".join(misspelt(word, chance) if kind == "misspelt words" and len(word) > 4 else word for word in words)


def misspelt(word: str, chance: Random) -> str:
    """A letter left out, added, wrong, or swapped with the next."""
    place, letter = chance.randrange(len(word)), chance.choice("aeinorst")
    rest = word[place + 1 :]
    return word[:place] + chance.choice((rest, letter + word[place:], letter + rest, rest[:1] + word[place] + rest[1:]))


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
    chance = Random(5)
    for kind in ("code", "words", "begun words", "misspelt words"):
        taken = sorted(milliseconds(partial(index.search, as_typed(system, kind, chance))) for _ in range(1000))
        print(f"search by {kind}: median {taken[500]:.2f}, p99 {taken[990]:.2f}, worst {taken[-1]:.2f} ms")


if __name__ == "__main__":
    main()
