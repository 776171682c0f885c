"""Path steps as code: the focus, members, indexes, children; over bare JSON where the types are known.

Every step that may yield several items counts them against the limit of the run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from profiles.fhirpath.compiled import EMPTY, Code, Items, Scalar, Static, boxed_types
from profiles.fhirpath.environment import Run, exhausted
from profiles.fhirpath.errors import EVALUATION, FhirPathError
from profiles.fhirpath.model import SYSTEM, is_abstract, is_kind_of, is_primitive
from profiles.fhirpath.navigation import Step, children, count_children, step
from profiles.fhirpath.values import Node, system_type


def focus(this: Static) -> Code:
    """`$this`; a focus of None is an empty one."""
    return Code(
        run=lambda state, item: EMPTY if item is None else [item],
        static=this,
        exists=lambda state, item: item is not None,
        count=lambda state, item: 0 if item is None else 1,
        scalar=lambda state, item: item,
    )


def from_run(value: Callable[[Run], Any], static: Static) -> Code:
    """What the run itself holds; None for nothing."""

    def run(state: Run, item: Any) -> Items:
        found = value(state)
        return EMPTY if found is None else [found]

    return Code(
        run=run,
        static=static,
        exists=lambda state, item: value(state) is not None,
        scalar=lambda state, item: value(state),
    )


def focus_of_type(specified: frozenset[str]) -> Code:
    """`$this` if it is of a type, otherwise nothing."""

    def run(state: Run, item: Any) -> Items:
        return [item] if type(item) is Node and is_kind_of(item.type, specified) else EMPTY

    return Code(run=run, static=boxed_types(specified, single=True))


def type_of(item: Any) -> str:
    """The type of a boxed item; system types with their prefix."""
    return item.type if type(item) is Node else f"{SYSTEM}{system_type(item)}"


def member(source: Code, name: str) -> Code | None:
    """`source.name`; None if no type that the source may have has such an element."""
    static = source.static
    if static.raw is not None:
        way = step(static.raw, name)
        return None if way is None else _typed(source, way)
    if static.types is None or any(is_abstract(kind) for kind in static.types):
        return _dynamic(source, name, None)
    ways = [
        found for found in (step(kind, name) for kind in static.types if not kind.startswith(SYSTEM)) if found is not None
    ]
    return _dynamic(source, name, ways) if ways else None


def _typed(source: Code, way: Step) -> Code:
    single = source.static.single and way.single
    static = Static(way.types, way.raw, single, source.static.ordered)
    get, has, one = way.get, way.exists, way.first
    if source.static.single and source.scalar is not None:
        return _after_one(source.scalar, static, way)
    run_source = source.run

    def run(state: Run, item: Any) -> Items:
        items = run_source(state, item)
        if len(items) < 2:
            return get(items[0]) if items else EMPTY
        found: Items = []
        for each in items:
            found += get(each)
        state.left -= len(items) + len(found)
        if state.left < 0:
            raise exhausted()
        return found

    def exists(state: Run, item: Any) -> bool:
        return any(map(has, run_source(state, item)))

    scalar: Scalar | None = None
    if single and one is not None:

        def only(state: Run, item: Any) -> Any:
            items = run_source(state, item)
            return one(items[0]) if items else None

        scalar = only
    return Code(run=run, static=static, exists=exists, scalar=scalar)


def _after_one(source: Scalar, static: Static, way: Step) -> Code:
    """A step from an element that there is at most once."""
    get, has, one = way.get, way.exists, way.first

    def run(state: Run, item: Any) -> Items:
        value = source(state, item)
        if value is None:
            return EMPTY
        found = get(value)
        if len(found) > 1:
            state.left -= len(found)
            if state.left < 0:
                raise exhausted()
        return found

    def exists(state: Run, item: Any) -> bool:
        value = source(state, item)
        return value is not None and has(value)

    def scalar(state: Run, item: Any) -> Any:
        value = source(state, item)
        return None if value is None else one(value) if one is not None else None

    return Code(run=run, static=static, exists=exists, scalar=None if one is None else scalar)


def _dynamic(source: Code, name: str, ways: list[Step] | None) -> Code:
    """A step from boxed elements; the way is looked up by the type of each. Raw, where all ways lead to one type."""
    raw = None
    types: frozenset[str] | None = None
    if ways is not None and all(way.types is not None for way in ways):
        types = frozenset(kind for way in ways for kind in way.types or ())
        kinds = {way.raw for way in ways}
        raw = next(iter(kinds)) if len(kinds) == 1 else None
    found_ways: dict[str, Callable[[Node], Items]] = {}
    run_source = source.run

    def way_of(kind: str) -> Callable[[Node], Items]:
        way = step(kind, name)
        get: Callable[[Node], Items] = (lambda node: EMPTY) if way is None else _from_node(way, kind, raw)
        found_ways[kind] = get
        return get

    def run(state: Run, item: Any) -> Items:
        found: Items = EMPTY
        items = run_source(state, item)
        for each in items:
            if type(each) is Node:
                more = (found_ways.get(each.type) or way_of(each.type))(each)
                if more:
                    found = found + more if found else more
                    state.left -= len(more)
        state.left -= len(items)
        if state.left < 0:
            raise exhausted()
        return found

    single = source.static.single and ways is not None and all(way.single for way in ways)
    return Code(run=run, static=Static(types, raw, single, source.static.ordered))


def _from_node(way: Step, kind: str, raw: str | None) -> Callable[[Node], Items]:
    get = way.get
    if is_primitive(kind):
        bare: Callable[[Node], Items] = get
    else:

        def bare(node: Node) -> Items:
            return get(node.value) if type(node.value) is dict else EMPTY

    if raw is not None or way.raw is None:
        return bare
    of_type = way.raw
    return lambda node: [each if type(each) is Node else Node(of_type, each) for each in bare(node)]


def item_at(source: Code, index: Scalar, position: int) -> Code:
    """`source[index]`."""
    run_source = source.run

    def run(state: Run, item: Any) -> Items:
        place = index(state, item)
        if place is None:
            return EMPTY
        if type(place) is not int:
            raise FhirPathError(EVALUATION, "An index is not an integer.", position)
        items = run_source(state, item)
        return [items[place]] if 0 <= place < len(items) else EMPTY

    return Code(run=run, static=replace(source.static, single=True))


def all_children(source: Code, run_boxed: Callable[[Run, Any], Items]) -> Code:
    """`children()`."""

    def run(state: Run, item: Any) -> Items:
        found: Items = []
        for each in run_boxed(state, item):
            if type(each) is Node:
                found += children(each)
        state.spend(len(found) + 1)
        return found

    counted: Callable[[Run, Any], int] | None = None
    kind = source.static.raw
    if kind is not None and not is_primitive(kind):
        run_raw, counter = source.run, partial(count_children, kind)

        def count(state: Run, item: Any) -> int:
            return sum(map(counter, run_raw(state, item)))

        counted = count
    return Code(run=run, static=Static(None, None, False, ordered=False), count=counted)
