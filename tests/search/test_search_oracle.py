"""The truth of searches: SQLite, MongoDB and an evaluation in memory find the same, in the same order, and count the same.

Each case is a world of resources and thousands of queries, both made from a seed (oracle_world.py, oracle_queries.py). ASSENT_ORACLE is
the number of queries that all cases have together, 20,000 if it is not set; a hundred thousand are asked by hand:

    ASSENT_ORACLE=100000 pytest tests/search/test_search_oracle.py -m slow
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from time import perf_counter
from typing import Final

import pytest
from oracle import Oracle
from oracle_house import Answer, Stored
from oracle_queries import Asker, Question
from oracle_world import Maker

from server.search.query import parse_query

sys.path.append(str(Path(__file__).parents[1] / "rest"))
from two_engines import house_on  # the folder of another area

QUERIES: Final = int(os.environ.get("ASSENT_ORACLE", "20000"))
SEEDS: Final = (1, 2, 3, 4)
AT_ONCE: Final = 16
PER_TYPE: Final = 22
PAGES: Final = 6
"""A walk is over after about so many pages: of five results where there are few, of more where there are many."""


class Expected:
    """What the oracle finds: names in order, and what comes with a page."""

    def __init__(self, question: Question, number: int, oracle: Oracle) -> None:
        self.question, self.oracle = question, oracle
        queries = [parse_query(type_, question.pairs) for type_ in question.types]
        self.results = queries[0].results
        found = [one for query in queries for one in oracle.matching(query.type, query.where)]
        if question.patient is not None:
            found = [one for one in found if oracle.in_compartment(one, question.patient)]
        self.names = [f"{one['resourceType']}/{one['id']}" for one in oracle.sorted(found, self.results.sort)]
        self.extra = _extra(number, len(self.names))

    def differs(self, answer: Answer) -> str | None:
        """What is wrong with an answer."""
        if answer.status != 200:
            return f"{answer.status} {answer.text[-300:]}"
        seen, wanted = set(answer.matches), set(self.names)
        if seen != wanted:
            return f"too many {sorted(seen - wanted)[:3]}, missing {sorted(wanted - seen)[:3]}"
        if list(answer.matches) != self.names:
            return f"in another order: {answer.matches[:12]}, not {self.names[:12]}"
        if answer.total not in {None, len(self.names)} or (answer.total is None and ("_total", "accurate") in self.extra):
            return f"total {answer.total} of {len(self.names)}"
        for page, along in zip(answer.pages, answer.along, strict=True):
            if along != self.oracle.along([self.oracle.by_name[name] for name in page], self.results.includes):
                return f"along came {sorted(along)[:5]}"
        return None


def _extra(number: int, found: int) -> tuple[tuple[str, str], ...]:
    """Every sixth is walked in small pages, every third counted."""
    size = ("_count", str(max(5, found // PAGES + 1)) if number % 6 == 0 else "1000")
    return (size, ("_total", "accurate")) if number % 3 == 0 else (size,)


async def _asked(stored: Stored, expected: Expected) -> Answer:
    question = expected.question
    kinds = (("_type", ",".join(question.types)),) if len(question.types) > 1 else ()
    return await stored.search(question.where, [*question.pairs, *kinds, *expected.extra])


async def disagreements(stores: Sequence[Stored], seed: int, queries: int) -> list[str]:
    resources = Maker(seed, stores[0].base, PER_TYPE).world()
    for stored in stores:
        await stored.fill(resources)
    oracle = await stores[0].known(resources)
    asker = Asker(seed, oracle)
    wrong: list[str] = []
    for start in range(0, queries, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, queries))
        asked = [Expected(asker.question(), number, oracle) for number in numbers]
        answers = await asyncio.gather(*(_asked(stored, one) for one in asked for stored in stores))
        for number, one in enumerate(asked):
            for stored, answer in zip(stores, answers[number * len(stores) :], strict=False):
                if (fault := one.differs(answer)) is not None:
                    wrong.append(f"{stored.house.data.parent.name}: {one.question}: {fault}")
    return wrong


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
async def test_both_stores_and_the_oracle_agree(seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with AsyncExitStack() as stack:
        stores: list[Stored] = []
        for engine in ("sqlite", "mongodb"):
            house = await stack.enter_async_context(house_on(engine, tmp_path / engine / "data"))
            stores.append(Stored(house, "oracle"))
        began = perf_counter()
        wrong = await disagreements(stores, seed, QUERIES // len(SEEDS))
        took = perf_counter() - began
    with capsys.disabled():
        print(f"\noracle of searches, world {seed}: {QUERIES // len(SEEDS)} queries on both stores in {took:.0f} s")
    assert wrong == [], "\n".join([f"{len(wrong)} disagreements", *wrong[:20]])


async def test_sqlite_and_the_oracle_agree_on_a_few(tmp_path: Path) -> None:
    async with house_on("sqlite", tmp_path / "sqlite" / "data") as house:
        assert await disagreements([Stored(house, "oracle")], 5, 300) == []
