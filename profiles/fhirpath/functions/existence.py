"""Existence and counting: empty, exists, all, count, distinct, and the like (FHIRPath 2.0 5.1, 5.2; hasValue of FHIR R4)."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from profiles.fhirpath.compiled import (
    EMPTY,
    INTEGER,
    Code,
    Items,
    Static,
    Truth,
    boolean_code,
    boxed,
    count,
    exists,
    truth,
    values,
)
from profiles.fhirpath.environment import Run, exhausted
from profiles.fhirpath.equality import ItemSet
from profiles.fhirpath.errors import EVALUATION, FhirPathError
from profiles.fhirpath.functions.base import Compiler, Function, criterion, numbered, weight
from profiles.fhirpath.model import is_abstract, is_primitive
from profiles.fhirpath.scope import Scope, mentions
from profiles.fhirpath.syntax import Call
from profiles.fhirpath.values import SYSTEM_VALUE, Node, type_words


def _empty(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
    has = exists(source)
    return boolean_code(lambda state, focus: not has(state, focus))


def _exists(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
    if not call.arguments:
        return boolean_code(exists(source))
    if mentions(call.arguments[0], "$index"):
        each = numbered(call, criterion(compiler, call, source, scope))
        run_source = source.run
        return boolean_code(lambda state, focus: True in each(state, run_source(state, focus)))
    holds, run_source, cost = criterion(compiler, call, source, scope), source.run, weight(call)

    def evaluate(state: Run, focus: Any) -> bool:
        items = run_source(state, focus)
        state.left -= len(items) * cost
        if state.left < 0:
            raise exhausted()
        return any(map(partial(holds, state), items))

    return boolean_code(evaluate)


def _all(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
    holds, run_source, cost = criterion(compiler, call, source, scope), source.run, weight(call)
    if mentions(call.arguments[0], "$index"):
        each = numbered(call, holds)
        return boolean_code(lambda state, focus: all(each(state, run_source(state, focus))))

    def evaluate(state: Run, focus: Any) -> bool:
        items = run_source(state, focus)
        state.left -= len(items) * cost
        if state.left < 0:
            raise exhausted()
        return all(map(partial(holds, state), items))

    return boolean_code(evaluate)


def _truths(wanted: bool, *, every: bool) -> Function:
    """allTrue, anyTrue, allFalse, anyFalse."""

    def build(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
        run_values, name, position = values(source), call.name, call.position

        def evaluate(state: Run, focus: Any) -> bool:
            items = run_values(state, focus)
            state.spend(len(items))
            for item in items:
                if type(item) is not bool:
                    raise FhirPathError(EVALUATION, f"{name}() is not for {type_words(item)}.", position)
            return all(item is wanted for item in items) if every else any(item is wanted for item in items)

        return boolean_code(evaluate)

    return Function(build)


def _subset(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
    return boolean_code(_within(source, compiler.compile(call.arguments[0], scope)))


def _superset(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
    return boolean_code(_within(compiler.compile(call.arguments[0], scope), source))


def _within(part: Code, whole: Code) -> Truth:
    run_part, run_whole = boxed(part), boxed(whole)

    def evaluate(state: Run, focus: Any) -> bool:
        items = run_part(state, focus)
        if not items:
            return True
        among = ItemSet(state.spend, run_whole(state, focus))
        state.spend(len(items))
        return all(item in among for item in items)

    return evaluate


def _count(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
    number = count(source)
    return Code(run=lambda state, focus: [number(state, focus)], static=INTEGER, scalar=number)


def _distinct(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
    run_source = boxed(source)

    def run(state: Run, focus: Any) -> Items:
        return ItemSet(state.spend, run_source(state, focus)).items

    return Code(run=run, static=Static(source.static.types, None, source.static.single, source.static.ordered))


def _is_distinct(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
    run_source = boxed(source)

    def evaluate(state: Run, focus: Any) -> bool:
        items = run_source(state, focus)
        if len(items) < 2:
            return True
        state.spend(len(items))
        seen = ItemSet(state.spend)
        return all(seen.add(item) for item in items)

    return boolean_code(evaluate)


def _not(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
    holds = truth(source, call.position)

    def evaluate(state: Run, focus: Any) -> bool | None:
        value = holds(state, focus)
        return None if value is None else not value

    return boolean_code(evaluate)


def _has_value(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
    """FHIR R4: true if the input is one primitive that has a value (and not only extensions)."""
    kind = source.static.raw
    if kind is not None and not is_primitive(kind) and not is_abstract(kind):
        return boolean_code(lambda state, focus: False)
    run_source = source.run

    def evaluate(state: Run, focus: Any) -> bool:
        items = run_source(state, focus)
        if len(items) != 1:
            return False
        item = items[0]
        return (item.type in SYSTEM_VALUE and item.value is not None) if type(item) is Node else True

    return boolean_code(evaluate)


def _get_value(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
    """FHIR R4: the system value of the input, if it is one primitive that has a value."""
    run_values = values(source)

    def run(state: Run, focus: Any) -> Items:
        items = run_values(state, focus)
        return items if len(items) == 1 and type(items[0]) is not Node else EMPTY

    return Code(run=run, static=Static(None, None, single=True))


FUNCTIONS: Final = {
    "empty": Function(_empty),
    "exists": Function(_exists, 0, 1),
    "all": Function(_all, 1, 1),
    "allTrue": _truths(True, every=True),
    "anyTrue": _truths(True, every=False),
    "allFalse": _truths(False, every=True),
    "anyFalse": _truths(False, every=False),
    "subsetOf": Function(_subset, 1, 1),
    "supersetOf": Function(_superset, 1, 1),
    "count": Function(_count),
    "distinct": Function(_distinct),
    "isDistinct": Function(_is_distinct),
    "not": Function(_not),
    "hasValue": Function(_has_value),
    "getValue": Function(_get_value),
}
