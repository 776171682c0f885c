"""What a function is to the compiler, and the common shapes of functions.

`build(compiler, call, source, scope)` makes the code of a call: `source` is what the function is applied to, `scope` is for its
arguments. Arguments that are evaluated for each item are compiled in `scope.within(...)`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from profiles.fhirpath.compiled import (
    EMPTY,
    Code,
    Items,
    Scalar,
    Static,
    Truth,
    scalar_code,
    scalar_value,
    truth,
)
from profiles.fhirpath.environment import Run
from profiles.fhirpath.errors import EVALUATION, FhirPathError
from profiles.fhirpath.kinds import kind_of
from profiles.fhirpath.scope import Scope, mentions, size
from profiles.fhirpath.syntax import Call, Node
from profiles.fhirpath.values import type_words


class Compiler(Protocol):
    """What functions need of the compiler."""

    strict: bool

    @property
    def as_filters(self) -> bool: ...

    def compile(self, node: Node, scope: Scope) -> Code: ...
    def semantic(self, message: str, position: int) -> None: ...
    def require_order(self, source: Code, name: str, position: int) -> None: ...


Build = Callable[[Compiler, Call, Code, Scope], Code]


class Function(NamedTuple):
    """`least` and `most` arguments (None: any number); `takes`: whether it is for items of a type, for strict mode."""

    build: Build
    least: int = 0
    most: int | None = 0
    takes: Callable[[str], bool] | None = None


def takes_text(type_name: str) -> bool:
    return kind_of(type_name) == "text"


def takes_number(type_name: str) -> bool:
    return kind_of(type_name) in {"number", "quantity"}


# -- arguments -----------------------------------------------------------------------------------------------------------


def argument(compiler: Compiler, call: Call, index: int, scope: Scope) -> Code | None:
    """The code of an argument that is evaluated once; None if it is not given."""
    return compiler.compile(call.arguments[index], scope) if index < len(call.arguments) else None


def scalar_argument(compiler: Compiler, call: Call, index: int, scope: Scope) -> Scalar:
    """The value of an argument; None for empty, and if it is not given."""
    code = argument(compiler, call, index, scope)
    return (lambda state, focus: None) if code is None else scalar_value(code, call.arguments[index].position)


def criterion(compiler: Compiler, call: Call, source: Code, scope: Scope, index: int = 0) -> Truth:
    """The truth of an argument for an item of `source`."""
    node = call.arguments[index]
    return truth(compiler.compile(node, scope.within(source.static.item())), node.position)


def weight(call: Call) -> int:
    """The steps that one evaluation of a call's arguments counts as: one, and more for long expressions."""
    return 1 + sum(map(size, call.arguments)) // 25


def numbered(call: Call, evaluate: Callable[[Run, Any], Any]) -> Callable[[Run, Items], list[Any]]:
    """Evaluate an argument for every item; sets $index if the call speaks of it."""
    cost = weight(call)
    if not any(mentions(node, "$index") for node in call.arguments):

        def each(state: Run, items: Items) -> list[Any]:
            state.spend(len(items) * cost)
            return [evaluate(state, item) for item in items]

        return each

    def each_with_index(state: Run, items: Items) -> list[Any]:
        state.spend(len(items) * cost)
        outer = state.index
        found = []
        for index, item in enumerate(items):
            state.index = index
            found.append(evaluate(state, item))
        state.index = outer
        return found

    return each_with_index


# -- shapes --------------------------------------------------------------------------------------------------------------


Compute = Callable[..., Any]
"""(run, position, input, arguments...) -> system value, list of them, or None."""


def text_function(compute: Compute, least: int, most: int, result: Static, *, required: int | None = None) -> Function:
    """A function of one string. The first `required` arguments (all of `least` if not told) make it empty when empty."""
    needed = least if required is None else required

    def build(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
        position, name = call.position, call.name
        of_input = scalar_value(source, position)
        arguments = [scalar_argument(compiler, call, index, scope) for index in range(most)]

        def scalar(state: Run, focus: Any) -> Any:
            text = of_input(state, focus)
            if text is None:
                return None
            if type(text) is not str:
                raise FhirPathError(EVALUATION, f"{name}() is not for {type_words(text)}.", position)
            given = [evaluate(state, focus) for evaluate in arguments]
            if None in given[:needed]:
                return None
            return compute(state, position, text, *given)

        if result.single:
            return scalar_code(scalar, result)

        def run(state: Run, focus: Any) -> Items:
            found: Items | None = scalar(state, focus)
            return EMPTY if found is None else found

        return Code(run=run, static=result)

    return Function(build, least, most, takes_text)


def value_function(
    compute: Compute, least: int, most: int, result: Static, takes: Callable[[str], bool] | None = None
) -> Function:
    """A function of one system value; empty for empty. Arguments that are not given or empty are None."""

    def build(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
        position = call.position
        of_input = scalar_value(source, position)
        arguments = [scalar_argument(compiler, call, index, scope) for index in range(most)]

        def scalar(state: Run, focus: Any) -> Any:
            value = of_input(state, focus)
            if value is None:
                return None
            return compute(state, position, value, *[evaluate(state, focus) for evaluate in arguments])

        return scalar_code(scalar, result)

    return Function(build, least, most, takes)


def wrong_type(name: str, value: Any, position: int) -> FhirPathError:
    return FhirPathError(EVALUATION, f"{name}() is not for {type_words(value)}.", position)


def text_argument(value: Any, name: str, position: int) -> str:
    """A string argument. Raises FhirPathError (fhirpath-evaluation)."""
    if type(value) is not str:
        raise FhirPathError(EVALUATION, f"{name}() takes a string as its argument.", position)
    return value


def whole_argument(value: Any, name: str, position: int) -> int:
    """An integer argument. Raises FhirPathError (fhirpath-evaluation)."""
    if type(value) is not int:
        raise FhirPathError(EVALUATION, f"{name}() takes an integer as its argument.", position)
    return value
