"""find and count against a naive evaluation of the same plans: same records, same order, nothing lost or repeated by paging."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_back_ends import BACK_ENDS
from store_oracle import Known, expected, expected_count

from server.store.algebra import AnyInterval, AnyOf, Between, Clause, Either, Interval, NoneOf, Order, Plan, Position
from server.store.store import Commit, Index, Put, Store

TYPE = 1
TERMS = [TYPE, 2, 3, 4, 5, -(2**63), 2**63 - 1]
COLUMNS = [10, 20, 30]

values = st.integers(-5, 5).map(float)
rows = st.tuples(st.sampled_from(COLUMNS), values, values).map(lambda row: (row[0], min(row[1:]), max(row[1:])))
indexes = st.builds(
    lambda order, terms, intervals: Index(order, tuple(sorted({TYPE, *terms})), tuple(sorted(set(intervals)))),
    st.integers(-3, 3),
    st.lists(st.sampled_from(TERMS), max_size=4),
    st.lists(rows, max_size=4),
)
bounds = st.none() | values
intervals = st.builds(Interval, st.sampled_from(COLUMNS), bounds, bounds, bounds, bounds)
term_lists = st.lists(st.sampled_from(TERMS), max_size=3).map(tuple)
flat_clauses = st.one_of(
    st.builds(AnyOf, term_lists),
    st.builds(NoneOf, term_lists),
    st.builds(AnyInterval, st.lists(intervals, max_size=3).map(tuple)),
    st.builds(Between, bounds, bounds),
)
ways = st.lists(flat_clauses, max_size=2).map(tuple)
either = st.builds(Either, st.lists(ways, max_size=3).map(tuple))
clauses = flat_clauses | either | st.builds(Either, st.lists(st.tuples(either | flat_clauses), max_size=2).map(tuple))
orders = st.builds(Order, st.none() | st.sampled_from(COLUMNS), st.booleans())
plans = st.builds(lambda rest, order: Plan((AnyOf((TYPE,)), *rest), order), st.lists(clauses, max_size=3), orders)


def key(number: int) -> bytes:
    return number.to_bytes(16)


async def filled(store: Store, given_indexes: list[Index]) -> list[Known]:
    await store.commit(Commit(1, [Put(key(n), 1, n, b"", index) for n, index in enumerate(given_indexes)]))
    known = []
    for number, index in enumerate(given_indexes):
        record = await store.read(key(number))
        assert record is not None
        known.append(Known(record.rid, index))
    return known


async def paged(store: Store, plan: Plan, size: int) -> list[int]:
    """All hits of a plan, page by page."""
    found: list[int] = []
    after: Position | None = None
    while True:
        hits = await store.find(Plan(plan.clauses, plan.order, after, size))
        assert len(hits) <= size
        found += [hit.rid for hit in hits]
        if len(hits) < size:
            return found
        after = Position(hits[-1].value, hits[-1].rid)
        assert len(found) <= 10_000, "paging does not end"


async def compare(store: Store, known: list[Known], plan: Plan, size: int) -> None:
    wanted = expected(plan, known)
    assert await paged(store, plan, size) == wanted
    assert await store.count(plan.clauses, 1_000_000) == len(wanted) == expected_count(plan.clauses, known)
    assert await store.count(plan.clauses, 2) == min(2, len(wanted))


@pytest.mark.parametrize("back_end", sorted(BACK_ENDS))
@given(records=st.lists(indexes, max_size=12), asked=st.lists(plans, min_size=1, max_size=8), size=st.integers(1, 5))
@settings(max_examples=80, deadline=None)
@pytest.mark.slow
def test_any_plan_finds_what_the_naive_evaluation_finds(
    back_end: str, records: list[Index], asked: list[Plan], size: int
) -> None:
    async def run() -> None:
        with TemporaryDirectory() as folder:
            store = BACK_ENDS[back_end](Path(folder))
            known = await filled(store, records)
            for plan in asked:
                await compare(store, known, plan, size)
            await store.close()

    asyncio.run(run())


def random_index(source: random.Random) -> Index:
    terms = {TYPE, *(term for term in TERMS if source.random() < 0.4)}
    rows_of = [
        (column, float(low := source.randrange(40)), float(low + source.randrange(5)))
        for column in COLUMNS
        for _ in range(source.choice([0, 1, 1, 2]))
    ]
    return Index(source.randrange(50), tuple(sorted(terms)), tuple(sorted(set(rows_of))))


async def test_common_terms_are_walked_by_column_without_losing_what_has_no_value(store: Store) -> None:
    """More records than a store samples before it chooses how to run a plan: the other ways of running it."""
    source = random.Random(7)
    known = await filled(store, [random_index(source) for _ in range(900)])
    wide = AnyInterval((Interval(20, low_from=0.0),))
    ways = Either(((AnyOf((2,)), wide), (NoneOf((4,)),)))
    for clause_list in ([], [NoneOf((3,))], [wide], [AnyOf((2, 3)), NoneOf((4,))], [ways]):
        chosen: list[Clause] = [AnyOf((TYPE,)), *clause_list]
        for column in (None, 10, 30, 99):
            for descending in (True, False):
                await compare(store, known, Plan(tuple(chosen), Order(column, descending)), 97)


async def test_many_alternatives_are_one_clause(store: Store) -> None:
    source = random.Random(8)
    known = await filled(store, [random_index(source) for _ in range(60)])
    strangers = tuple(range(1000, 1400))
    await compare(store, known, Plan((AnyOf((TYPE,)), AnyOf((2, *strangers)))), 7)
    await compare(store, known, Plan((AnyOf((2, 3, *strangers)), NoneOf((4, *strangers)))), 7)


async def test_what_is_found_follows_every_change(open_store: Callable[[], Store], store: Store) -> None:
    """Updates, deletions and returns, one after another, leave exactly the rows of the last version."""
    source = random.Random(9)
    known: dict[int, Index] = {}
    versions: dict[int, int] = {}
    for step in range(300):
        number = source.randrange(20)
        deleted = source.random() < 0.2
        index = Index() if deleted else random_index(source)
        versions[number] = versions.get(number, 0) + 1
        await store.commit(Commit(1, [Put(key(number), versions[number], step, b"", index, deleted)]))
        known[number] = index
    rids = {number: record.rid for number in known if (record := await store.read(key(number))) is not None}
    listed = [Known(rids[number], index) for number, index in known.items()]
    for plan in (
        Plan((AnyOf((TYPE,)),)),
        Plan((AnyOf((TYPE,)),), Order(10, descending=False)),
        Plan((AnyOf((TYPE,)), AnyInterval((Interval(10, low_from=5.0, high_to=30.0),)))),
        Plan((AnyOf((2,)), NoneOf((3,))), Order(20)),
    ):
        await compare(store, listed, plan, 3)


async def test_records_that_are_no_resources_are_found_by_interval(store: Store) -> None:
    """Audit records have rows in the index and none among the resources."""
    await store.index_audit([(n, Index(n, (TYPE,), ((10, float(n), float(n)),))) for n in range(5000, 5010)], 3)
    plan = Plan((AnyOf((TYPE,)), AnyInterval((Interval(10, low_from=5007.0),))))
    assert await paged(store, plan, 2) == [5009, 5008, 5007]
    assert await store.audit_watermark() == (3, 0)
