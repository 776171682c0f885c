"""What is asked of each store in turn (benchmarks/stores.py): operations with real entries, of the population's own resources."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from benchmarks.population import LOINC, OWN, population
from profiles import json
from server.access.access import everything
from server.repository import Repository
from server.seal.keyring import Keyring, Tenant
from server.search.compile import compile_query
from server.search.hits import telling
from server.search.query import parse_query
from server.store.algebra import Plan
from server.store.store import Commit, Index, Put, Store

Resource = dict[str, Any]
BASE: Final = "https://benchmarks.example/fhir"
AUDIT: Final = bytes(120)
PAGE: Final = 50
REMEMBERED: Final = 200_000
"""So many resources at the beginning are known by what can be asked for them."""

LATE: Final = 2
"""Seed of the resources that are created while it is measured."""


@dataclass(frozen=True)
class Side:
    """One store, ready for use."""

    name: str
    store: Store
    keyring: Keyring
    tenant: Tenant
    repository: Repository
    size: Callable[[], Awaitable[int]]
    """Bytes on the disk."""


@dataclass(frozen=True)
class Task:
    """One thing to measure: `calls` operations by `callers` at once; each stands for `each` resources."""

    name: str
    operation: Callable[[Side, int], Awaitable[object]]
    calls: int
    callers: int = 1
    each: int = 1


@dataclass(frozen=True)
class Figure:
    """Operations a second, and milliseconds of a call."""

    rate: float
    median: float
    p99: float


async def measure(side: Side, task: Task) -> Figure:
    times: list[float] = []
    waiting = iter(range(task.calls))

    async def caller() -> None:
        for number in waiting:
            started = time.perf_counter()
            await task.operation(side, number)
            times.append(time.perf_counter() - started)

    started = time.perf_counter()
    await asyncio.gather(*[caller() for _ in range(task.callers)])
    seconds = time.perf_counter() - started
    times.sort()
    p99 = times[min(int(len(times) * 0.99), len(times) - 1)]
    return Figure(task.calls * task.each / seconds, statistics.median(times) * 1000, p99 * 1000)


class Known:
    """Some of what the stores hold, by what can be asked for it."""

    def __init__(self, count: int) -> None:
        self.references: list[str] = []
        self.patients: list[Resource] = []
        self.numbers: list[str] = []
        for resource in islice(population(), min(count, REMEMBERED)):
            self.references.append(f"{resource['resourceType']}/{resource['id']}")
            if resource["resourceType"] == "Patient":
                self.patients.append(resource)
            elif resource["resourceType"] == "ExplanationOfBenefit":
                self.numbers.append(resource["identifier"][0]["value"])
        self.references.pop()  # the last patient may be there in part only
        self.patients = self.patients[:-1] or self.patients


class Fresh:
    """New resources for one side, prepared ahead so that preparing is not measured."""

    def __init__(self, side: Side, count: int) -> None:
        made = (resource for resource in population(LATE) if resource["resourceType"] != "Organization")
        self._puts: Iterator[Put] = iter(
            [side.repository.prepare(resource, resource["id"], None).put for resource in islice(made, count)]
        )

    def take(self, count: int) -> list[Put]:
        return list(islice(self._puts, count))


def writes(fresh: dict[str, Fresh]) -> list[Task]:
    def create(count: int) -> Callable[[Side, int], Awaitable[object]]:
        async def run(side: Side, _: int) -> object:
            puts = fresh[side.name].take(count)
            assert len(puts) == count
            await side.store.commit(Commit(side.tenant.number, puts, audit=[AUDIT]))
            return puts

        return run

    return [
        Task("create, 1 caller", create(1), 200),
        Task("create, 16 callers", create(1), 800, 16),
        Task("10 in one commit, 4 callers (resources)", create(10), 120, 4, 10),
        Task("200 in one commit, 2 callers (resources)", create(200), 20, 2, 200),
    ]


def written_by_round() -> int:
    """How many resources one round of `writes` takes."""
    return sum(task.calls * task.each for task in writes({}))


def reads(known: Known) -> list[Task]:
    source = random.Random(5)
    asked = [source.choice(known.references) for _ in range(4000)]

    async def read(side: Side, number: int) -> object:
        type_, _, id_ = asked[number].partition("/")
        record = await side.store.read(side.tenant.index.record_key(type_, id_))
        assert record is not None
        return record

    return [Task("read by id, 1 caller", read, 1000), Task("read by id, 16 callers", read, 4000, 16)]


def searches(known: Known) -> list[Task]:
    source = random.Random(7)
    patients = [source.choice(known.patients) for _ in range(400)]
    numbers = [source.choice(known.numbers) for _ in range(400)]
    codes = ("4548-4", "2339-0", "38483-4", "2093-3", "2571-8", "6299-2", "2947-0", "8302-2", "29463-7", "39156-5")

    def search(name: str, question: Callable[[int], str], calls: int = 300) -> Task:
        async def run(side: Side, number: int) -> object:
            hits = await side.store.find(plan(side, question(number)))
            return await side.store.fetch([hit.rid for hit in hits])

        return Task(name, run, calls)

    def of(number: int) -> str:
        return f"patient={patients[number]['id']}"

    def code(number: int) -> str:
        return f"code={LOINC}|{codes[number % len(codes)]}"

    return [
        search("1 term: identifier", lambda n: f"ExplanationOfBenefit?identifier={OWN}claim-number|{numbers[n]}"),
        search("1 term: encounters of a patient", lambda n: f"Encounter?{of(n)}&_sort=-date"),
        search("2 terms: family name and birth date", lambda n: _person(patients[n])),
        search("2 terms: patient and category, by date", lambda n: f"Observation?{of(n)}&category=laboratory&_sort=-date"),
        search(
            "3 terms: patient, code, status, by date", lambda n: f"Observation?{of(n)}&{code(n)}&status=final&_sort=date"
        ),
        search("patient and a year", lambda n: f"Observation?{of(n)}&date=ge2011&date=lt2012"),
        search("many hits: code, by date", lambda n: f"Observation?{code(n)}&_sort=-date"),
        search(
            "many hits: code, category, status, by date",
            lambda n: f"Observation?{code(n)}&category=laboratory&status=final&_sort=-date",
        ),
        search("many hits: code in one month, oldest first", lambda n: f"Observation?{code(n)}&date=2010-03&_sort=date"),
        search("many hits: code, by _lastUpdated", lambda n: f"Observation?{code(n)}&_sort=-_lastUpdated", 100),
        search("many hits: code and a value", lambda n: f"Observation?{code(n)}&value-quantity=gt100", 50),
    ]


def _person(patient: Resource) -> str:
    return f"Patient?family={patient['name'][0]['family']}&birthdate={patient['birthDate']}"


def plan(side: Side, question: str) -> Plan:
    """As a search over HTTP asks the store: one more than a page."""
    type_, _, query = question.partition("?")
    pairs = [(name, value) for name, _, value in (part.partition("=") for part in query.split("&"))]
    compiled = compile_query(parse_query(type_, pairs), side.tenant.index, BASE, everything(type_))
    return Plan(telling(compiled.clauses), compiled.order, None, PAGE + 1)


def keys_of(index: Index) -> tuple[int, int]:
    """Index entries of a record: in the embedded store's tables, and in MongoDB's indexes (docs/store.md)."""
    points = sum(column < 0 for column, _, _ in index.intervals)
    spans = len(index.intervals) - points
    rest = len(index.terms) + len(index.timeline) + 2
    return rest + 2 * len(index.intervals), rest + 3 * spans + points


def mean_keys(side: Side, count: int = 20_000) -> tuple[float, float]:
    indexes = [
        side.repository.prepare(json.loads(json.dumps(resource)), resource["id"], None).put.index
        for resource in islice(population(), count)
    ]
    found = [keys_of(index) for index in indexes]
    return statistics.mean(one for one, _ in found), statistics.mean(other for _, other in found)
