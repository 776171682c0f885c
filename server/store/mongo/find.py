"""Plans of the store algebra, executed as aggregations over `record`. Nothing is collected here to be asked for again.

- By the records' own order: the rarest clause's index keys lie in that order, so that a page is read and no more.
- By a column, when few records come into question: their values are computed and sorted.
- By a column, when many do: the column's own index is walked, each record at its first value; then come those without one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from bson import MaxKey, MinKey

from server.store.algebra import AnyOf, Clause, Hit, Plan
from server.store.mongo.driver import Driver, choose
from server.store.mongo.match import Condition
from server.store.mongo.rarity import Rarity
from server.store.mongo.schema import COLUMN_DOWN, COLUMN_UP, Database

SORTED_AT_MOST: Final = 5000
"""So many records are sorted by a column; where there are more, the column is walked."""

LONGEST_MS: Final = 15_000
"""Milliseconds after which the database gives up on a search."""


async def find(database: Database, rarity: Rarity, plan: Plan) -> list[Hit]:
    """The next `plan.limit` hits after `plan.after`, in the plan's order (ties by rid). Raises PyMongoError."""
    if _hopeless(plan.clauses):
        return []
    if plan.order.column is None:
        return await _by_own_order(database, plan, await choose(rarity, plan.clauses))
    driver = await choose(rarity, plan.clauses, SORTED_AT_MOST, must_count=True)
    if driver.rows < SORTED_AT_MOST:
        return await _sorted(database, plan, plan.order.column, driver)
    return await _by_column(database, plan, plan.order.column, driver)


async def count(database: Database, rarity: Rarity, clauses: Sequence[Clause], limit: int) -> int:
    """The number of matching records, up to `limit`. Raises PyMongoError."""
    if _hopeless(clauses):
        return 0
    driver = await choose(rarity, clauses)
    return await database["record"].count_documents(driver.condition, limit=limit, hint=driver.index, maxTimeMS=LONGEST_MS)


def _hopeless(clauses: Sequence[Clause]) -> bool:
    return any(isinstance(clause, AnyOf) and not clause.terms for clause in clauses)


async def _by_own_order(database: Database, plan: Plan, driver: Driver) -> list[Hit]:
    conditions = [driver.condition]
    if plan.after is not None:
        conditions += _after("o", plan.order.descending, plan.after.value, plan.after.rid)
    return await _page(database, plan, driver.index, [{"$match": {"$and": conditions}}], "o")


async def _sorted(database: Database, plan: Plan, column: int, driver: Driver) -> list[Hit]:
    values = {"$filter": {"input": "$i", "cond": {"$eq": ["$$this.c", column]}}}
    lows = {"$map": {"input": values, "in": "$$this.l"}}
    best = {"$max" if plan.order.descending else "$min": lows}
    stages: list[Condition] = [
        {"$match": driver.condition},
        {"$project": {"x": {"$ifNull": [best, beyond(plan)]}}},
    ]
    if plan.after is not None:
        stages.append({"$match": {"$and": _after("x", plan.order.descending, plan.after.value, plan.after.rid)}})
    return await _page(database, plan, driver.index, stages, "x")


async def _by_column(database: Database, plan: Plan, column: int, driver: Driver) -> list[Hit]:
    hits: list[Hit] = []
    after = plan.after
    if after is None or after.value != beyond(plan):
        hits = await _walk(database, plan, column, driver)
        after = None
    if len(hits) == plan.limit:
        return hits
    conditions = [driver.condition, {"i": {"$not": {"$elemMatch": {"c": column}}}}]
    if after is not None:
        conditions.append({"_id": {"$lt" if plan.order.descending else "$gt": after.rid}})
    stages: list[Condition] = [{"$match": {"$and": conditions}}, {"$set": {"x": beyond(plan)}}]
    return hits + await _page(database, plan, driver.index, stages, "x", plan.limit - len(hits))


async def _walk(database: Database, plan: Plan, column: int, driver: Driver) -> list[Hit]:
    """Along the column's index: a record comes at its first value, and those that came before the cursor do not come again."""
    down = plan.order.descending
    first, last = (MaxKey(), MinKey()) if down else (MinKey(), MaxKey())
    start: tuple[Any, Any] = (first, first)
    conditions = [driver.condition]
    if plan.after is not None:
        start = (plan.after.value, plan.after.rid)
        earlier, reached = ("$gt", "$gte") if down else ("$lt", "$lte")
        seen = {"i": {"$elemMatch": {"c": column, "l": {earlier: plan.after.value}}}}
        level = {"i": {"$elemMatch": {"c": column, "l": plan.after.value}}, "_id": {reached: plan.after.rid}}
        conditions.append({"$nor": [seen, level]})
    cursor = database["record"].find(
        {"$and": conditions},
        {"i": 1},
        hint=COLUMN_DOWN if down else COLUMN_UP,
        limit=plan.limit,
        max_time_ms=LONGEST_MS,
    )
    least: list[tuple[str, Any]] = [("i.c", column), ("i.l", start[0]), ("_id", start[1])]
    most: list[tuple[str, Any]] = [("i.c", column), ("i.l", last), ("_id", last)]
    cursor = cursor.min(least).max(most)
    best = max if down else min
    return [
        Hit(int(document["_id"]), float(best(item["l"] for item in document["i"] if item["c"] == column)))
        async for document in cursor
    ]


async def _page(
    database: Database, plan: Plan, index: str, stages: list[Condition], field: str, limit: int | None = None
) -> list[Hit]:
    direction = -1 if plan.order.descending else 1
    pipeline = [
        *stages,
        {"$sort": {field: direction, "_id": direction}},
        {"$limit": limit or plan.limit},
        {"$project": {field: 1}},
    ]
    cursor = await database["record"].aggregate(pipeline, hint=index, maxTimeMS=LONGEST_MS)
    return [Hit(int(document["_id"]), float(document[field])) async for document in cursor]


def _after(field: str, descending: bool, value: float, rid: int) -> list[Condition]:
    """Beyond a position. The first condition is what an index understands, the second is exact."""
    to, beyond_ = ("$lte", "$lt") if descending else ("$gte", "$gt")
    exact = {"$or": [{field: {beyond_: value}}, {"_id": {beyond_: rid}}]}
    return [{field: {to: value}}, exact]


def beyond(plan: Plan) -> float:
    """The value that stands for none: after all others in the plan's direction."""
    return -9e18 if plan.order.descending else 9e18
