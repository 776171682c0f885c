"""The store algebra as SQL over the sorted `term` and `interval` rows.

A plan is driven by its rarest positive clause. All other clauses become EXISTS probes: a record's term rows share its
order, so that each probe is one look-up in the primary key. Every value is bound; only the shape of the statement is composed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import apsw

from server.store.algebra import AnyInterval, AnyOf, Between, Clause, Either, Hit, Interval, NoneOf, Plan
from server.store.sqlite.long_intervals import LONG, LONG_CONDITION, LONG_INDEX

PROBE: Final = 512
"""How many rows of a clause are counted to tell how rare it is."""

WIDE: Final = 5000
"""Up to so many rows of a range are sorted; where there are more, a common term is walked, and soon meets enough of them."""

MAX_UNION: Final = 16
"""Up to so many terms are merged as sorted runs, and looked up for each record; more are collected and sorted."""

COLLECTED: Final = 50_000
"""Up to so many rows of a clause of many terms are collected once; where there are more, each term is looked up for each record."""

_NOTHING: Final = "SELECT 0 AS ord, 0 AS rid WHERE 0"

Values = list[int | float]


def find(connection: apsw.Connection, plan: Plan) -> list[Hit]:
    """The next `plan.limit` hits after `plan.after`, in the plan's order (ties by rid)."""
    driver, rows = _rarest(connection, plan.clauses, counted=plan.order.column is not None)
    if rows == 0:
        return []
    conditions, values = _probes(connection, [clause for clause in plan.clauses if clause is not driver])
    source, source_values = _source(driver)
    if plan.order.column is None:
        return _page(connection, plan, "d.ord", source, [*source_values, *values], conditions)
    if rows < PROBE or isinstance(driver, AnyInterval):
        best = "max" if plan.order.descending else "min"
        end = f"(SELECT {best}(i.low) FROM interval i WHERE i.rid = s.rid AND i.col = ?)"
        source = f"(SELECT s.ord, s.rid, coalesce({end}, ?) AS low FROM {source} s)"
        values = [plan.order.column, _beyond(plan), *source_values, *values]
        return _page(connection, plan, "d.low", source, values, conditions)
    return _by_column(connection, plan, plan.order.column, driver)


def _by_column(connection: apsw.Connection, plan: Plan, column: int, driver: Clause) -> list[Hit]:
    """What has a value, along the column's rows, each record by its first; then what has none, by rid."""
    hits: list[Hit] = []
    if plan.after is None or plan.after.value != _beyond(plan):
        before = ">" if plan.order.descending else "<"
        first = (
            "NOT EXISTS (SELECT 1 FROM interval o WHERE o.rid = i.rid AND o.col = i.col AND "
            f"(o.low {before} i.low OR (o.low = i.low AND o.high < i.high)))"
        )
        conditions, values = _probes(connection, plan.clauses)
        source = f"(SELECT i.low, i.rid, i.ord FROM interval i WHERE i.col = ? AND {first})"
        hits = _page(connection, plan, "d.low", source, [column, *values], conditions)
    if len(hits) == plan.limit:
        return hits
    conditions, values = _probes(connection, [clause for clause in plan.clauses if clause is not driver])
    source, source_values = _source(driver)
    conditions += " AND NOT EXISTS (SELECT 1 FROM interval o WHERE o.rid = d.rid AND o.col = ?)"
    rest = replace(plan, limit=plan.limit - len(hits), after=None if hits else plan.after)
    constant = f"(SELECT s.ord, s.rid, ? AS low FROM {source} s)"
    return hits + _page(connection, rest, "d.low", constant, [_beyond(plan), *source_values, *values, column], conditions)


def _beyond(plan: Plan) -> float:
    """The value that stands for none: after all others in the plan's direction."""
    return -9e18 if plan.order.descending else 9e18


def _page(connection: apsw.Connection, plan: Plan, column: str, source: str, values: Values, conditions: str) -> list[Hit]:
    direction, beyond = ("DESC", "<") if plan.order.descending else ("ASC", ">")
    after = ""
    if plan.after is not None:
        after = f"AND ({column} {beyond} ? OR ({column} = ? AND d.rid {beyond} ?))"
        values = [*values, plan.after.value, plan.after.value, plan.after.rid]
    sql = (
        f"SELECT {column}, d.rid FROM {source} d WHERE 1 {conditions} {after} "
        f"ORDER BY {column} {direction}, d.rid {direction} LIMIT ?"
    )
    return [Hit(int(rid), float(value)) for value, rid in connection.execute(sql, [*values, plan.limit])]


def count(connection: apsw.Connection, clauses: Sequence[Clause], limit: int) -> int:
    """The number of matching records, up to `limit`."""
    driver, _ = _rarest(connection, clauses, counted=False)
    conditions, values = _probes(connection, [clause for clause in clauses if clause is not driver])
    source, source_values = _source(driver)
    sql = f"SELECT count(*) FROM (SELECT d.rid FROM {source} d WHERE 1 {conditions} LIMIT ?)"
    row = connection.execute(sql, [*source_values, *values, limit]).fetchone()
    return int(row[0]) if row else 0


def _rarest(connection: apsw.Connection, clauses: Sequence[Clause], *, counted: bool) -> tuple[Clause, int]:
    """The positive clause with the fewest rows, and how many it has, up to `PROBE` + 1.

    Unless the rows must be `counted`, a clause that is the only positive one is taken as it is. The rows of ranges do not lie in
    the order of the answer and are sorted: they are counted only where no term is rare, and drive up to `WIDE` rows.
    """
    terms = [clause for clause in clauses if isinstance(clause, AnyOf)]
    ranges = [clause for clause in clauses if isinstance(clause, AnyInterval)]
    if len(terms) + len(ranges) == 1 and not counted:
        return (terms or ranges)[0], PROBE + 1
    best: Clause | None = None
    fewest = PROBE + 1
    for term in terms:
        rows = _rows_of(connection, term, fewest)
        if best is None or rows < fewest:
            best, fewest = term, rows
        if fewest <= 1:
            break
    if best is None or fewest > PROBE:
        fewest = WIDE
        for range_ in ranges:
            rows = _rows_of(connection, range_, fewest)
            if best is None or rows < fewest:
                best, fewest = range_, rows
    if best is None:
        raise ValueError("A plan needs a positive clause.")
    return best, fewest


def _rows_of(connection: apsw.Connection, clause: AnyOf | AnyInterval, limit: int) -> int:
    sql, values = _rows(clause)
    row = connection.execute(f"SELECT count(*) FROM (SELECT 1 FROM ({sql}) LIMIT ?)", [*values, limit]).fetchone()
    return int(row[0]) if row else 0


def _rows(clause: AnyOf | AnyInterval) -> tuple[str, Values]:
    if isinstance(clause, AnyOf):
        return f"SELECT ord, rid FROM term WHERE term IN ({_marks(len(clause.terms))})", list(clause.terms)
    parts = [part for interval in clause.intervals for part in _range_rows(interval)]
    return " UNION ALL ".join(sql for sql, _ in parts) or _NOTHING, [value for _, values in parts for value in values]


def _range_rows(interval: Interval) -> list[tuple[str, Values]]:
    """Rows are found by their low end, which is never above the high one. What is said of the high end alone says as much of the
    low end, but for the long ones."""
    select = "SELECT i.ord, i.rid FROM interval i"
    is_bound = interval.high_from is None or interval.low_from is not None
    interval = interval.tightened()
    if is_bound or interval.high_from is None:
        condition, values = _interval_condition(interval)
        return [(f"{select} WHERE {condition}", values)]
    least = interval.high_from - LONG
    near, near_values = _interval_condition(replace(interval, low_from=least))
    far, far_values = _interval_condition(interval)
    far_sql = f"{select} INDEXED BY {LONG_INDEX} WHERE {far} AND i.low < ? AND {LONG_CONDITION}"
    return [(f"{select} WHERE {near}", near_values), (far_sql, [*far_values, least])]


def _source(driver: Clause) -> tuple[str, Values]:
    """A table expression of distinct (ord, rid), sorted runs where that is possible."""
    if isinstance(driver, AnyOf):
        if len(driver.terms) == 1:
            return "(SELECT ord, rid FROM term WHERE term = ?)", list(driver.terms)
        if 1 < len(driver.terms) <= MAX_UNION:
            union = " UNION ".join(["SELECT ord, rid FROM term WHERE term = ?"] * len(driver.terms))
            return f"({union})", list(driver.terms)
        return f"(SELECT DISTINCT ord, rid FROM term WHERE term IN ({_marks(len(driver.terms))}))", list(driver.terms)
    if isinstance(driver, AnyInterval):
        sql, values = _rows(driver)
        return f"(SELECT DISTINCT ord, rid FROM ({sql}))", values
    raise ValueError("A plan cannot be driven by what is excluded.")


def _probes(connection: apsw.Connection, clauses: Sequence[Clause]) -> tuple[str, Values]:
    conditions: list[str] = []
    values: Values = []
    for clause in clauses:
        if isinstance(clause, AnyInterval):
            parts = [_interval_condition(interval) for interval in clause.intervals]
            either = " OR ".join(f"({condition})" for condition, _ in parts) or "0"
            conditions.append(f"AND EXISTS (SELECT 1 FROM interval i WHERE i.rid = d.rid AND ({either}))")
            values.extend(value for _, part in parts for value in part)
        elif isinstance(clause, Between):
            for operator, bound in ((">=", clause.low), ("<=", clause.high)):
                if bound is not None:
                    conditions.append(f"AND d.ord {operator} ?")
                    values.append(bound)
        elif isinstance(clause, Either):
            ways = [_probes(connection, way) for way in clause.ways]
            conditions.append(f"AND ({' OR '.join(f'(1 {condition})' for condition, _ in ways) or '0'})")
            values.extend(value for _, part in ways for value in part)
        else:
            negation = "NOT " if isinstance(clause, NoneOf) else ""
            conditions.append(f"AND {negation}{_has_term(connection, clause)}")
            values.extend(clause.terms)
    return " ".join(conditions), values


def _has_term(connection: apsw.Connection, clause: AnyOf | NoneOf) -> str:
    """Whether a record has one of the terms: looked up for each record, or among all that have, which are collected once."""
    marks = _marks(len(clause.terms))
    if len(clause.terms) > MAX_UNION and _rows_of(connection, AnyOf(clause.terms), COLLECTED) < COLLECTED:
        return f"(d.rid IN (SELECT t.rid FROM term t WHERE t.term IN ({marks})))"
    return f"EXISTS (SELECT 1 FROM term t WHERE t.term IN ({marks}) AND t.ord = d.ord AND t.rid = d.rid)"


def _interval_condition(interval: Interval) -> tuple[str, Values]:
    parts = ["i.col = ?"]
    bounds: Values = [interval.column]
    for name, operator, bound in (
        ("low", ">=", interval.low_from),
        ("low", "<=", interval.low_to),
        ("high", ">=", interval.high_from),
        ("high", "<=", interval.high_to),
    ):
        if bound is not None:
            parts.append(f"i.{name} {operator} ?")
            bounds.append(bound)
    return " AND ".join(parts), bounds


def _marks(count: int) -> str:
    return ", ".join("?" * count)
