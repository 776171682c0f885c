"""What an expression is compiled to: a `Code`, closures together with what is known of their results beforehand.

How items are represented depends on the static type:

    raw       the one FHIR type of all items is known: they are bare JSON values, dicts for complex types; a primitive that has
              extensions is a Node all the same
    boxed     anything else: FHIR elements are Nodes with their type, system values are themselves

`run(run_state, focus)` returns the collection; callers never change it. The other closures are shortcuts for what is asked most
often, and must agree with `run`: `truth` (singleton evaluation as a boolean), `exists`, `count`, and `scalar` (the only
item or None, for results that can never have two).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from profiles.fhirpath.environment import Run
from profiles.fhirpath.errors import EVALUATION, FhirPathError
from profiles.fhirpath.model import SYSTEM, is_primitive
from profiles.fhirpath.values import INTEGER_TYPES, STRING_TYPES, SYSTEM_VALUE, Node, system_value

Items = list[Any]
Evaluate = Callable[[Run, Any], Items]
Truth = Callable[[Run, Any], bool | None]
Scalar = Callable[[Run, Any], Any]

EMPTY: Final[Items] = []
TRUE: Final[Items] = [True]
FALSE: Final[Items] = [False]


@dataclass(frozen=True, slots=True)
class Static:
    """What is known of a collection before it is evaluated. `types` None: nothing; system types carry the prefix `System.`."""

    types: frozenset[str] | None = None
    raw: str | None = None
    """The FHIR type of all items where they are bare JSON values."""
    single: bool = False
    """There is never more than one item."""
    ordered: bool = True

    def item(self) -> Static:
        """One item of the collection, as `$this` is."""
        return replace(self, single=True, ordered=True)

    def many(self) -> Static:
        return replace(self, single=False)


UNKNOWN: Final = Static()
NOTHING: Final = Static(frozenset(), single=True)
BOOLEAN: Final = Static(frozenset({"System.Boolean"}), single=True)
INTEGER: Final = Static(frozenset({"System.Integer"}), single=True)
STRING: Final = Static(frozenset({"System.String"}), single=True)


def raw_type(name: str, *, single: bool = False) -> Static:
    return Static(frozenset({name}), name, single)


def boxed_types(names: frozenset[str] | None, *, single: bool = False) -> Static:
    return Static(names, None, single)


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    run: Evaluate
    static: Static = UNKNOWN
    truth: Truth | None = None
    exists: Truth | None = None
    count: Callable[[Run, Any], int] | None = None
    scalar: Scalar | None = None
    constant: Items | None = None
    """The value itself, where it depends on nothing."""


def boolean_code(truth: Truth) -> Code:
    """An expression whose result is true, false or empty."""

    def run(state: Run, focus: Any) -> Items:
        value = truth(state, focus)
        return EMPTY if value is None else TRUE if value else FALSE

    return Code(run=run, static=BOOLEAN, truth=truth, scalar=truth)


def scalar_code(scalar: Scalar, static: Static) -> Code:
    """An expression with one system value or none."""

    def run(state: Run, focus: Any) -> Items:
        value = scalar(state, focus)
        return EMPTY if value is None else [value]

    return Code(run=run, static=static, scalar=scalar)


def constant_code(items: Items, static: Static) -> Code:
    value = items[0] if items else None
    return Code(
        run=lambda state, focus: items,
        static=static,
        scalar=(lambda state, focus: value) if len(items) <= 1 else None,
        constant=items,
    )


# -- representations -----------------------------------------------------------------------------------------------------


Convert = Callable[[Items], Items]


def boxer(static: Static) -> Convert | None:
    """From items of a static type to the same with every element of a resource as a Node; None if they are so already."""
    kind = static.raw
    if kind is None:
        return None
    return lambda items: [item if type(item) is Node else Node(kind, item) for item in items]


def boxed(code: Code) -> Evaluate:
    """The collection with every element of a resource as a Node."""
    return _converted(code.run, boxer(code.static))


def valuer(static: Static) -> Convert | None:
    """From items of a static type to system values; what has none stays a Node. None if they are values already."""
    kind = static.raw
    if kind is None and static.types is not None and all(name.startswith(SYSTEM) for name in static.types):
        return None
    if kind is None or kind in STRING_TYPES or kind == "boolean":
        return lambda items: [system_value(item) if type(item) is Node else item for item in items]
    convert = SYSTEM_VALUE.get(kind)
    if convert is None:
        return lambda items: [system_value(Node(kind, item)) for item in items]

    def primitive(item: Any) -> Any:
        if type(item) is Node:
            return system_value(item)
        value = convert(item)
        return Node(kind, item) if value is None else value

    return lambda items: [primitive(item) for item in items]


def values(code: Code) -> Evaluate:
    """The collection with primitives and Quantities as system values."""
    return _converted(code.run, valuer(code.static))


def _converted(run: Evaluate, convert: Convert | None) -> Evaluate:
    return run if convert is None else lambda state, focus: convert(run(state, focus))


def truth(code: Code, position: int) -> Truth:
    """Singleton evaluation as a boolean: true, false, or None for empty (FHIRPath 2.0 4.5)."""
    if code.truth is not None:
        return code.truth
    run = code.run

    def evaluate(state: Run, focus: Any) -> bool | None:
        items = run(state, focus)
        if not items:
            return None
        if len(items) > 1:
            raise many_items(position)
        item = items[0]
        if item is True or item is False:
            return bool(item)
        if type(item) is Node and item.type == "boolean":
            return item.value if type(item.value) is bool else None
        return True

    return evaluate


def exists(code: Code) -> Truth:
    if code.exists is not None:
        return code.exists
    run = code.run
    return lambda state, focus: bool(run(state, focus))


def count(code: Code) -> Callable[[Run, Any], int]:
    if code.count is not None:
        return code.count
    run = code.run
    return lambda state, focus: len(run(state, focus))


def scalar_value(code: Code, position: int) -> Scalar:
    """The only item as a system value, None for empty. Many items are an error (fhirpath-evaluation).

    A primitive without a value counts as empty: there is nothing to compute with.
    """
    static = code.static
    if code.scalar is not None and static.types is not None and all(t.startswith(SYSTEM) for t in static.types):
        return code.scalar
    run = values(code)

    def evaluate(state: Run, focus: Any) -> Any:
        items = run(state, focus)
        if not items:
            return None
        if len(items) > 1:
            raise many_items(position)
        item = items[0]
        return None if type(item) is Node and item.type in SYSTEM_VALUE else item

    return evaluate


def many_items(position: int) -> FhirPathError:
    return FhirPathError(EVALUATION, "There are several items where one is meant.", position)


def plain_kind(code: Code) -> str | None:
    """The JSON kind of a raw primitive whose bare value is its system value: "text", "whole" or "truth"."""
    kind = code.static.raw
    if kind is None or not is_primitive(kind):
        return None
    return "text" if kind in STRING_TYPES else "whole" if kind in INTEGER_TYPES else "truth" if kind == "boolean" else None
