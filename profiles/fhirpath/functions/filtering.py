"""Filtering, projection and choice: where, select, repeat, sort, iif, aggregate, coalesce (FHIRPath 2.0 5.2, 5.5, 7)."""

from __future__ import annotations

from dataclasses import replace
from functools import cmp_to_key, partial
from typing import Any, Final

from profiles.fhirpath.comparison import order
from profiles.fhirpath.compiled import (
    EMPTY,
    Code,
    Evaluate,
    Items,
    Scalar,
    Static,
    boxed,
    boxed_types,
    many_items,
    scalar_value,
    truth,
    valuer,
)
from profiles.fhirpath.environment import Run, exhausted
from profiles.fhirpath.equality import ItemSet
from profiles.fhirpath.errors import SEMANTIC, FhirPathError
from profiles.fhirpath.functions.base import Compiler, Function, argument, criterion, numbered, weight
from profiles.fhirpath.kinds import kinds_of
from profiles.fhirpath.model import specified_types
from profiles.fhirpath.scope import Scope, mentions
from profiles.fhirpath.syntax import Call, Descending, Node, Polarity
from profiles.fhirpath.types import of_types, specifier


def _where(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
    holds, run_source, cost = criterion(compiler, call, source, scope), source.run, weight(call)
    if mentions(call.arguments[0], "$index"):
        each = numbered(call, holds)

        def run_numbered(state: Run, focus: Any) -> Items:
            items = run_source(state, focus)
            return [item for item, kept in zip(items, each(state, items), strict=True) if kept]

        return Code(run=run_numbered, static=source.static)

    def run(state: Run, focus: Any) -> Items:
        items = run_source(state, focus)
        state.left -= len(items) * cost
        if state.left < 0:
            raise exhausted()
        return [item for item in items if holds(state, item)]

    def exists(state: Run, focus: Any) -> bool:
        items = run_source(state, focus)
        state.left -= len(items) * cost
        if state.left < 0:
            raise exhausted()
        return any(map(partial(holds, state), items))

    return Code(run=run, static=source.static, exists=exists)


def _select(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
    projection = compiler.compile(call.arguments[0], scope.within(source.static.item()))
    each, run_source = numbered(call, projection.run), source.run

    def run(state: Run, focus: Any) -> Items:
        items = run_source(state, focus)
        if not items:
            return EMPTY
        found: Items = []
        for more in each(state, items):
            state.spend(len(more))
            found += more
        return found

    static = projection.static
    single = static.single and source.static.single
    return Code(run=run, static=replace(static, single=single, ordered=static.ordered and source.static.ordered))


def _repeat(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
    return _repeated(compiler, call, source, scope, distinct=True)


def _repeat_all(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
    return _repeated(compiler, call, source, scope, distinct=False)


def _repeated(compiler: Compiler, call: Call, source: Code, scope: Scope, *, distinct: bool) -> Code:
    """The projection is compiled for items of unknown type: it is applied to its own results."""
    projection = boxed(compiler.compile(call.arguments[0], scope.within(Static(None, None, single=True), index=False)))
    run_source, cost = boxed(source), weight(call)

    def run(state: Run, focus: Any) -> Items:
        waiting = list(run_source(state, focus))
        found: Items = []
        seen = ItemSet(state.spend)
        while waiting:
            following: Items = []
            for item in waiting:
                more = projection(state, item)
                state.spend(len(more) + cost)
                following += [each for each in more if seen.add(each)] if distinct else more
            found += following
            waiting = following
        return found

    return Code(run=run, static=Static(None, None, False, ordered=False))


def _of_type(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
    name = specifier(call.arguments[0])
    specified = specified_types(name)
    if specified is None:
        raise FhirPathError(SEMANTIC, f"There is no type {name}.", call.position)
    return of_types(source, specified)


def _iif(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
    """Arguments see the input as $this; without an input before the dot, what is around."""
    inner = scope if call.target is None else scope.within(source.static.item(), index=False)
    condition = compiler.compile(call.arguments[0], inner)
    kinds = kinds_of(condition.static)
    if kinds is not None and "truth" not in kinds:
        compiler.semantic("The condition of iif() is never true or false.", call.arguments[0].position)
    holds = truth(condition, call.arguments[0].position)
    branches = [compiler.compile(node, inner) for node in call.arguments[1:]]
    alike = len({branch.static.raw for branch in branches}) == 1
    runs = [branch.run if alike else boxed(branch) for branch in branches]
    then, otherwise = runs[0], runs[1] if len(runs) > 1 else None
    run_source, position, applied = source.run, call.position, call.target is not None

    def run(state: Run, focus: Any) -> Items:
        if applied:
            items = run_source(state, focus)
            if len(items) > 1:
                raise many_items(position)
            focus = items[0] if items else None
        if holds(state, focus):
            return then(state, focus)
        return otherwise(state, focus) if otherwise is not None else EMPTY

    return Code(run=run, static=_joined(branches, alike=alike))


def _joined(branches: list[Code], *, alike: bool) -> Static:
    types: frozenset[str] | None = frozenset()
    for branch in branches:
        types = None if types is None or branch.static.types is None else types | branch.static.types
    single = all(branch.static.single for branch in branches)
    return Static(types, branches[0].static.raw if alike else None, single)


def _coalesce(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
    runs = [boxed(compiler.compile(node, scope)) for node in call.arguments]

    def run(state: Run, focus: Any) -> Items:
        for evaluate in runs:
            items = evaluate(state, focus)
            if items:
                return items
        return EMPTY

    return Code(run=run)


# -- sorting -------------------------------------------------------------------------------------------------------------


def _sort(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
    """Keys are compared as `<` and `=` do, the empty one first.

    `key desc` turns the whole order round; `-key` that of the values only, as HL7's tests have it: the empty one stays first.
    """
    run_source = source.run
    inner = scope.within(source.static.item(), index=False)
    keys = [_sort_key(compiler, node, inner) for node in call.arguments]
    value = valuer(source.static)
    position, cost = call.position, weight(call)

    def compare(left: tuple[Any, ...], right: tuple[Any, ...]) -> int:
        for mine, other, (values_sign, empty_sign) in zip(left, right, signs, strict=True):
            if mine is None or other is None:
                found = ((mine is not None) - (other is not None)) * empty_sign
            else:
                found = (order(mine, other, position) or 0) * values_sign
            if found:
                return found
        return 0

    signs = [sign for _, sign in keys] or [(1, 1)]

    def run(state: Run, focus: Any) -> Items:
        items = run_source(state, focus)
        state.spend(len(items) * max(cost, len(items).bit_length()))
        made: list[tuple[Any, ...]]
        if keys:
            made = [tuple(key(state, item) for key, _ in keys) for item in items]
        else:
            made = [(key,) for key in (items if value is None else value(items))]
        rank = cmp_to_key(compare)
        return [items[place] for place in sorted(range(len(items)), key=lambda place: rank(made[place]))]

    return Code(run=run, static=replace(source.static, ordered=True))


def _sort_key(compiler: Compiler, node: Node, scope: Scope) -> tuple[Scalar, tuple[int, int]]:
    """The key, and the signs for the order of values and of empty keys."""
    of_values = of_empty = 1
    if isinstance(node, Descending):
        node, of_values, of_empty = node.key, -1, -1
    if isinstance(node, Polarity) and node.sign == "-":
        node, of_values = node.operand, -of_values
    return scalar_value(compiler.compile(node, scope), node.position), (of_values, of_empty)


# -- aggregates ----------------------------------------------------------------------------------------------------------


def _aggregate(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
    start = argument(compiler, call, 1, scope)
    run_start: Evaluate = (lambda state, focus: EMPTY) if start is None else boxed(start)
    inner = replace(scope.within(source.static.item()), total=True)
    step = boxed(compiler.compile(call.arguments[0], inner))
    run_source, cost = source.run, weight(call)

    def run(state: Run, focus: Any) -> Items:
        items = run_source(state, focus)
        total = run_start(state, focus)
        outer = state.index, state.total
        for index, item in enumerate(items):
            state.index, state.total = index, total
            total = step(state, item)
            state.spend(len(total) + cost)
        state.index, state.total = outer
        return total

    return Code(run=run, static=boxed_types(None))


FUNCTIONS: Final = {
    "where": Function(_where, 1, 1),
    "select": Function(_select, 1, 1),
    "repeat": Function(_repeat, 1, 1),
    "repeatAll": Function(_repeat_all, 1, 1),
    "ofType": Function(_of_type, 1, 1),
    "iif": Function(_iif, 2, 3),
    "coalesce": Function(_coalesce, 1, None),
    "sort": Function(_sort, 0, None),
    "aggregate": Function(_aggregate, 1, 2),
}
