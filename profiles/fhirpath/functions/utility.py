"""Tree navigation, types, variables and tracing (FHIRPath 2.0 5.8, 5.9, 6.3, 10.2), and comparable() of 3.0."""

from __future__ import annotations

from typing import Any, Final

from profiles.fhirpath.compiled import BOOLEAN, Code, Items, Static, boxed, boxer
from profiles.fhirpath.environment import Run
from profiles.fhirpath.equality import as_quantity
from profiles.fhirpath.errors import EVALUATION, SEMANTIC, FhirPathError
from profiles.fhirpath.functions.base import Compiler, Function, numbered, scalar_argument, text_argument, value_function
from profiles.fhirpath.navigation import children
from profiles.fhirpath.paths import all_children
from profiles.fhirpath.quantities import compare_quantities
from profiles.fhirpath.scope import Scope
from profiles.fhirpath.syntax import Call, Literal
from profiles.fhirpath.types import cast, specifier, type_info, type_test
from profiles.fhirpath.values import Node

_RESERVED: Final = {"context", "resource", "rootResource", "sct", "loinc", "ucum"}


def _children(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
    return all_children(source, boxed(source))


def _descendants(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
    """All that is below the input, level by level."""
    run_source = boxed(source)

    def run(state: Run, focus: Any) -> Items:
        found: Items = []
        level = run_source(state, focus)
        while level:
            following: Items = []
            for item in level:
                if type(item) is Node:
                    following += children(item)
            state.spend(len(following) + 1)
            found += following
            level = following
        return found

    return Code(run=run, static=Static(None, None, False, ordered=False))


def _is(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
    return type_test(compiler, source, specifier(call.arguments[0]), call.position)


def _as(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
    return cast(compiler, source, specifier(call.arguments[0]), call.position)


def _type(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
    return type_info(source)


def _trace(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
    """Hands name and items to the caller's trace hook; without one nothing happens."""
    name, position = scalar_argument(compiler, call, 0, scope), call.position
    box, run_source = boxer(source.static), source.run
    each = None
    if len(call.arguments) > 1:
        each = numbered(call, boxed(compiler.compile(call.arguments[1], scope.within(source.static.item()))))

    def run(state: Run, focus: Any) -> Items:
        items = run_source(state, focus)
        if state.services.trace is not None:
            shown = [made for found in each(state, items) for made in found] if each else box(items) if box else items
            state.services.trace(text_argument(name(state, focus), "trace", position), shown)
        return items

    return Code(run=run, static=source.static)


def _define_variable(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
    """Keeps a collection under a name for what follows in the path (see Compiler.scope_after)."""
    name = call.arguments[0]
    if not (isinstance(name, Literal) and isinstance(name.value, str)):
        raise FhirPathError(SEMANTIC, "The name of a variable is a string, written out.", call.position)
    if name.value in scope.variables or name.value in _RESERVED or name.value.startswith(("vs-", "ext-")):
        raise FhirPathError(SEMANTIC, f"The variable %{name.value} is already defined.", call.position)
    box, run_source, key = boxer(source.static), source.run, call.position
    projection = boxed(compiler.compile(call.arguments[1], scope)) if len(call.arguments) > 1 else None

    def run(state: Run, focus: Any) -> Items:
        items = run_source(state, focus)
        if state.variables is None:
            state.variables = {}
        if projection is not None:
            state.variables[key] = projection(state, focus)
        else:
            state.variables[key] = items if box is None else box(items)
        return items

    return Code(run=run, static=source.static)


def _comparable(state: Run, position: int, value: Any, other: Any) -> Any:
    if other is None:
        return None
    left, right = as_quantity(value), as_quantity(other)
    if left is None or right is None:
        raise FhirPathError(EVALUATION, "comparable() is for two quantities.", position)
    return compare_quantities(left, right) is not None


FUNCTIONS: Final = {
    "children": Function(_children),
    "descendants": Function(_descendants),
    "is": Function(_is, 1, 1),
    "as": Function(_as, 1, 1),
    "type": Function(_type),
    "trace": Function(_trace, 1, 2),
    "defineVariable": Function(_define_variable, 1, 2),
    "comparable": value_function(_comparable, 1, 1, BOOLEAN),
}
