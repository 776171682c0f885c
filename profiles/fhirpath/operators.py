"""Operators as code: logic, equality, order, membership, union and arithmetic (FHIRPath 2.0 chapter 6).

A chain of operators of one precedence is evaluated from the left in a loop. Where types are known beforehand, the common
comparisons (a code with a literal, two counts) have closures of their own; they agree with the general ones.
"""

from __future__ import annotations

import operator as python
from collections.abc import Callable
from typing import Any, Final, Protocol

from profiles.fhirpath.arithmetic import OPERATIONS, Operation, negated
from profiles.fhirpath.comparison import COMPARISONS, order
from profiles.fhirpath.compiled import (
    Code,
    Items,
    Scalar,
    Static,
    Truth,
    boolean_code,
    boxed,
    boxed_types,
    constant_code,
    many_items,
    plain_kind,
    scalar_code,
    scalar_value,
    truth,
    values,
)
from profiles.fhirpath.environment import Run
from profiles.fhirpath.equality import ItemSet, equal, equal_collections, equivalent_collections
from profiles.fhirpath.kinds import check_arithmetic, check_order, kinds_of, result_of
from profiles.fhirpath.scope import Scope
from profiles.fhirpath.syntax import Chain
from profiles.fhirpath.syntax import Node as Tree
from profiles.fhirpath.values import Node


class Compiler(Protocol):
    def compile(self, node: Tree, scope: Scope) -> Code: ...
    def semantic(self, message: str, position: int) -> None: ...


def chain(compiler: Compiler, node: Chain, scope: Scope) -> Code:
    """`first op operand op operand ...`."""
    first = compiler.compile(node.first, scope)
    rest = [(symbol, compiler.compile(operand, scope), position) for symbol, operand, position in node.rest]
    symbol = rest[0][0]
    if symbol in {"and", "or", "xor", "implies"}:
        return _logic(first, rest)
    if symbol == "|":
        return _union([first, *(operand for _, operand, _ in rest)])
    if symbol in OPERATIONS:
        return _arithmetic(compiler, first, rest)
    for symbol, operand, position in rest:
        first = _binary(compiler, symbol, first, operand, position)
    return first


def _binary(compiler: Compiler, symbol: str, left: Code, right: Code, position: int) -> Code:
    if symbol in {"=", "!="}:
        return boolean_code(_equality(left, right, negate=symbol == "!="))
    if symbol in {"~", "!~"}:
        return _equivalence(left, right, negate=symbol == "!~")
    if symbol in COMPARISONS:
        check_order(compiler, left.static, right.static, position)
        return boolean_code(_order(symbol, left, right, position))
    if symbol == "in":
        return boolean_code(_membership(left, right, position))
    return boolean_code(_membership(right, left, position))


# -- logic ---------------------------------------------------------------------------------------------------------------


def _logic(first: Code, rest: list[tuple[str, Code, int]]) -> Code:
    symbols = {symbol for symbol, _, _ in rest}
    truths = [truth(first, rest[0][2]), *(truth(operand, position) for _, operand, position in rest)]
    if symbols == {"and"}:
        return boolean_code(_all_of(truths))
    if symbols == {"or"}:
        return boolean_code(_any_of(truths))
    if symbols == {"implies"} and len(truths) == 2:
        return boolean_code(_implies(*truths))
    return boolean_code(_folded(truths[0], [(symbol, t) for (symbol, _, _), t in zip(rest, truths[1:], strict=True)]))


def _all_of(truths: list[Truth]) -> Truth:
    def evaluate(state: Run, focus: Any) -> bool | None:
        known = True
        for holds in truths:
            value = holds(state, focus)
            if value is False:
                return False
            known = known and value is not None
        return True if known else None

    return evaluate


def _any_of(truths: list[Truth]) -> Truth:
    def evaluate(state: Run, focus: Any) -> bool | None:
        known = True
        for holds in truths:
            value = holds(state, focus)
            if value:
                return True
            known = known and value is not None
        return False if known else None

    return evaluate


def _implies(left: Truth, right: Truth) -> Truth:
    def evaluate(state: Run, focus: Any) -> bool | None:
        first = left(state, focus)
        if first is False:
            return True
        second = right(state, focus)
        return second if first or second else None

    return evaluate


def _folded(first: Truth, rest: list[tuple[str, Truth]]) -> Truth:
    """Mixed operators of one precedence, from the left."""

    def evaluate(state: Run, focus: Any) -> bool | None:
        found = first(state, focus)
        for symbol, holds in rest:
            value = holds(state, focus)
            if symbol == "implies":
                found = True if found is False else value if found or value else None
            elif symbol == "xor":
                found = None if found is None or value is None else found is not value
            else:
                found = True if found or value else None if found is None or value is None else False
        return found

    return evaluate


# -- equality ------------------------------------------------------------------------------------------------------------


def _equality(left: Code, right: Code, *, negate: bool) -> Truth:
    short = _text_equality(left, right, negate) or _text_equality(right, left, negate)
    if short is not None:
        return short
    first, second = values(left), values(right)

    def evaluate(state: Run, focus: Any) -> bool | None:
        mine = first(state, focus)
        if not mine:
            return None
        others = second(state, focus)
        if len(mine) > 1:
            state.spend(len(mine))
        verdict = equal_collections(mine, others)
        return verdict if verdict is None or not negate else not verdict

    return evaluate


def _text_equality(left: Code, right: Code, negate: bool) -> Truth | None:
    """`code = 'literal'`, where the left is an element that does not repeat and whose value is a string."""
    one = left.scalar
    if one is None or plain_kind(left) != "text" or right.constant is None or len(right.constant) != 1:
        return None
    text = right.constant[0]
    if type(text) is not str:
        return None

    def evaluate(state: Run, focus: Any) -> bool | None:
        value = one(state, focus)
        if value is None:
            return None
        if type(value) is Node:
            value = value.value
        return (value == text) is not negate

    return evaluate


def _equivalence(left: Code, right: Code, *, negate: bool) -> Code:
    first, second = values(left), values(right)

    def evaluate(state: Run, focus: Any) -> bool:
        mine, others = first(state, focus), second(state, focus)
        state.spend(len(mine) * len(others))
        return equivalent_collections(mine, others) is not negate

    return boolean_code(evaluate)


def _membership(one: Code, many: Code, position: int) -> Truth:
    """`one in many`."""
    text = _text_membership(one, many)
    if text is not None:
        return text
    first, second = values(one), values(many)

    def evaluate(state: Run, focus: Any) -> bool | None:
        mine = first(state, focus)
        if not mine:
            return None
        if len(mine) > 1:
            raise many_items(position)
        others = second(state, focus)
        state.spend(len(others))
        return any(equal(mine[0], other) is True for other in others)

    return evaluate


def _text_membership(one: Code, many: Code) -> Truth | None:
    """`code in ('a' | 'b')`."""
    scalar = one.scalar
    if scalar is None or plain_kind(one) != "text" or many.constant is None:
        return None
    texts = frozenset(item for item in many.constant if type(item) is str)

    def evaluate(state: Run, focus: Any) -> bool | None:
        value = scalar(state, focus)
        if value is None:
            return None
        return (value.value if type(value) is Node else value) in texts

    return evaluate


# -- order ---------------------------------------------------------------------------------------------------------------

_OF_NUMBERS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": python.lt,
    "<=": python.le,
    ">": python.gt,
    ">=": python.ge,
}


def _order(symbol: str, left: Code, right: Code, position: int) -> Truth:
    first, second = scalar_value(left, position), scalar_value(right, position)
    holds = COMPARISONS[symbol]
    if left.static.types == right.static.types == frozenset({"System.Integer"}):
        compare = _OF_NUMBERS[symbol]

        def numbers(state: Run, focus: Any) -> bool | None:
            mine, other = first(state, focus), second(state, focus)
            return None if mine is None or other is None else compare(mine, other)

        return numbers

    def evaluate(state: Run, focus: Any) -> bool | None:
        mine = first(state, focus)
        if mine is None:
            return None
        other = second(state, focus)
        if other is None:
            return None
        found = order(mine, other, position)
        return None if found is None else holds(found)

    return evaluate


# -- union and arithmetic ------------------------------------------------------------------------------------------------


def _union(parts: list[Code]) -> Code:
    types: frozenset[str] | None = frozenset()
    for part in parts:
        types = None if types is None or part.static.types is None else types | part.static.types
    runs = [boxed(part) for part in parts]

    def run(state: Run, focus: Any) -> Items:
        found = ItemSet(state.spend)
        for evaluate in runs:
            items = evaluate(state, focus)
            if items:
                state.left -= len(items)
                for item in items:
                    found.add(item)
        state.spend(1)
        return found.items

    if all(part.constant is not None for part in parts):
        constants = ItemSet(lambda steps: None, (item for part in parts for item in part.constant or ()))
        return constant_code(constants.items, Static(types))
    exists = [part.exists for part in parts if part.exists is not None]
    found_any: Truth | None = None
    if len(exists) == len(parts):

        def any_exists(state: Run, focus: Any) -> bool:
            return any(has(state, focus) for has in exists)

        found_any = any_exists
    return Code(run=run, static=boxed_types(types), exists=found_any)


def _arithmetic(compiler: Compiler, first: Code, rest: list[tuple[str, Code, int]]) -> Code:
    static = first.static
    steps: list[tuple[Operation, Scalar, int]] = []
    for symbol, operand, position in rest:
        check_arithmetic(compiler, symbol, static, operand.static, position)
        static = result_of(symbol, static, operand.static)
        steps.append((OPERATIONS[symbol], scalar_value(operand, position), position))
    start = scalar_value(first, rest[0][2])

    def scalar(state: Run, focus: Any) -> Any:
        found = start(state, focus)
        for operation, operand, position in steps:
            found = operation(state, found, operand(state, focus), position)
        return found

    return scalar_code(scalar, static)


def polarity(compiler: Compiler, source: Code, sign: str, position: int) -> Code:
    """`+x` and `-x`."""
    kinds = kinds_of(source.static)
    if kinds is not None and not kinds & {"number", "quantity"}:
        compiler.semantic("A sign stands before something that is no number.", position)
    one = scalar_value(source, position)

    def scalar(state: Run, focus: Any) -> Any:
        value = one(state, focus)
        turned = negated(value, position)
        return value if sign == "+" else turned

    return scalar_code(scalar, result_of("-", source.static, source.static))
