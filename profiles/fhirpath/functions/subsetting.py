"""Parts of collections, and collections joined (FHIRPath 2.0 5.3, 5.4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from profiles.fhirpath.compiled import EMPTY, Code, Items, boxed, boxed_types, many_items
from profiles.fhirpath.environment import Run
from profiles.fhirpath.equality import ItemSet
from profiles.fhirpath.functions.base import Compiler, Function, scalar_argument, whole_argument
from profiles.fhirpath.scope import Scope
from profiles.fhirpath.syntax import Call


def _part(take: Callable[[Items], Items], *, single: bool) -> Function:
    """first, last, tail: what depends on nothing but the order."""

    def build(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
        compiler.require_order(source, f"{call.name}()", call.position)
        run_source = source.run
        static = replace(source.static, single=single or source.static.single)

        def one(state: Run, focus: Any) -> Any:
            items = take(run_source(state, focus))
            return items[0] if items else None

        return Code(
            run=lambda state, focus: take(run_source(state, focus)), static=static, scalar=one if single else source.scalar
        )

    return Function(build)


def _single(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
    run_source, position = source.run, call.position

    def run(state: Run, focus: Any) -> Items:
        items = run_source(state, focus)
        if len(items) > 1:
            raise many_items(position)
        return items

    return Code(run=run, static=replace(source.static, single=True))


def _counted(take: Callable[[Items, int], Items]) -> Function:
    """skip and take."""

    def build(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
        compiler.require_order(source, f"{call.name}()", call.position)
        run_source, name, position = source.run, call.name, call.position
        number = scalar_argument(compiler, call, 0, scope)

        def run(state: Run, focus: Any) -> Items:
            value = number(state, focus)
            return EMPTY if value is None else take(run_source(state, focus), max(0, whole_argument(value, name, position)))

        return Code(run=run, static=source.static)

    return Function(build, 1, 1)


def _joined_types(left: Code, right: Code) -> frozenset[str] | None:
    mine, others = left.static.types, right.static.types
    return None if mine is None or others is None else mine | others


def _two(join: Callable[[Run, Items, Items], Items]) -> Function:
    """Functions of two collections, with the other as the argument."""

    def build(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
        other = compiler.compile(call.arguments[0], scope)
        run_source, run_other = boxed(source), boxed(other)

        def run(state: Run, focus: Any) -> Items:
            mine, others = run_source(state, focus), run_other(state, focus)
            state.spend(len(mine) + len(others))
            return join(state, mine, others)

        return Code(run=run, static=boxed_types(_joined_types(source, other)))

    return Function(build, 1, 2 if join is _combine else 1)


def _combine(state: Run, mine: Items, others: Items) -> Items:
    return mine + others


def _union(state: Run, mine: Items, others: Items) -> Items:
    return ItemSet(state.spend, mine + others).items


def _intersect(state: Run, mine: Items, others: Items) -> Items:
    among = ItemSet(state.spend, others)
    return ItemSet(state.spend, (item for item in mine if item in among)).items


def _exclude(state: Run, mine: Items, others: Items) -> Items:
    among = ItemSet(state.spend, others)
    return [item for item in mine if item not in among]


FUNCTIONS: Final = {
    "first": _part(lambda items: items[:1], single=True),
    "last": _part(lambda items: items[-1:], single=True),
    "tail": _part(lambda items: items[1:], single=False),
    "single": Function(_single),
    "skip": _counted(lambda items, number: items[number:]),
    "take": _counted(lambda items, number: items[:number]),
    "union": _two(_union),
    "combine": _two(_combine),
    "intersect": _two(_intersect),
    "exclude": _two(_exclude),
}
