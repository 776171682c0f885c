"""Type tests and casts: `is`, `as`, ofType() and type() (FHIRPath 2.0 6.3, 10.2, and R4's choice elements)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol

from profiles.fhirpath.compiled import (
    EMPTY,
    NOTHING,
    Code,
    Convert,
    Items,
    Static,
    boolean_code,
    boxed,
    boxed_types,
    many_items,
)
from profiles.fhirpath.environment import Run
from profiles.fhirpath.errors import SEMANTIC, FhirPathError
from profiles.fhirpath.model import SYSTEM, TYPE_INFO, base_of, is_abstract, is_cast_to, is_kind_of, specified_types
from profiles.fhirpath.paths import type_of
from profiles.fhirpath.syntax import Member
from profiles.fhirpath.syntax import Node as Tree
from profiles.fhirpath.values import Node


class _Compiler(Protocol):
    @property
    def as_filters(self) -> bool: ...

    def semantic(self, message: str, position: int) -> None: ...


def specifier(tree: Tree) -> str:
    """The type that an argument names: `Patient`, `FHIR.Patient`. Raises FhirPathError (fhirpath-semantic)."""
    if isinstance(tree, Member):
        if tree.target is None:
            return tree.name
        if isinstance(tree.target, Member) and tree.target.target is None:
            return f"{tree.target.name}.{tree.name}"
    raise FhirPathError(SEMANTIC, "The argument should be the name of a type.", tree.position)


def _types_named(name: str, position: int) -> frozenset[str]:
    specified = specified_types(name)
    if specified is None:
        raise FhirPathError(SEMANTIC, f"There is no type {name}.", position)
    return specified


def type_test(compiler: _Compiler, source: Code, name: str, position: int) -> Code:
    """`source is name`: false for another type, empty for empty; many items are an error."""
    specified = _types_named(name, position)
    run_source = boxed(source)

    def truth(state: Run, focus: Any) -> bool | None:
        items = run_source(state, focus)
        if not items:
            return None
        if len(items) > 1:
            raise many_items(position)
        return is_kind_of(type_of(items[0]), specified)

    return boolean_code(truth)


def cast(compiler: _Compiler, source: Code, name: str, position: int) -> Code:
    """`source as name`: the item if it is of the type, otherwise empty; many items are an error, unless `as` filters."""
    specified = _types_named(name, position)
    if compiler.as_filters:
        return of_types(source, specified)
    if _excluded(source.static, specified):
        compiler.semantic(f"What stands before `as` is never {name}.", position)
    if source.static.single:
        return of_types(source, specified)
    narrow, static = _narrowing(source.static, specified)
    run_source = source.run

    def run(state: Run, focus: Any) -> Items:
        items = run_source(state, focus)
        if len(items) > 1:
            raise many_items(position)
        return narrow(items) if items else EMPTY

    return Code(run=run, static=replace(static, single=True))


def _excluded(static: Static, specified: frozenset[str]) -> bool:
    """Whether no item can be of a specified type."""
    if not static.types or any(is_abstract(kind) for kind in static.types):
        return False
    return not any(is_kind_of(kind, specified) for kind in static.types)


def of_types(source: Code, specified: frozenset[str]) -> Code:
    """`source.ofType(...)`: the items that are of one of the types. Raw where a choice narrows to one type."""
    narrow, static = _narrowing(source.static, specified)
    run_source = source.run

    def run(state: Run, focus: Any) -> Items:
        items = run_source(state, focus)
        return narrow(items) if items else EMPTY

    return Code(run=run, static=static)


def _narrowing(static: Static, specified: frozenset[str]) -> tuple[Convert, Static]:
    """What keeps the items of the types, and what is then known of them."""
    if static.raw is not None:
        kept = is_cast_to(static.raw, specified)
        return (lambda items: items if kept else EMPTY), static if kept else NOTHING
    left = None if static.types is None else frozenset(kind for kind in static.types if is_cast_to(kind, specified))
    verdicts: dict[str, bool] = {}

    def accepts(item: Any) -> bool:
        kind = type_of(item)
        verdict = verdicts.get(kind)
        if verdict is None:
            verdict = verdicts[kind] = is_cast_to(kind, specified)
        return verdict

    one = next(iter(left)) if left is not None and len(left) == 1 else None
    if one is not None and not one.startswith(SYSTEM) and not is_abstract(one):
        bare = Static(left, one, static.single, static.ordered)
        return (lambda items: [item if item.extra else item.value for item in items if accepts(item)]), bare
    kinds = left if left is not None and not any(map(is_abstract, left)) else None
    boxed_static = Static(kinds or _concrete(specified), None, static.single, static.ordered)
    return (lambda items: [item for item in items if accepts(item)]), boxed_static


def _concrete(specified: frozenset[str]) -> frozenset[str] | None:
    return None if any(map(is_abstract, specified)) else specified


def type_info(source: Code) -> Code:
    """`source.type()`: namespace, name and base type of each item."""
    run_source = boxed(source)

    def info(item: Any) -> Node:
        kind = type_of(item)
        if kind.startswith(SYSTEM):
            facts = {"namespace": "System", "name": kind.removeprefix(SYSTEM), "baseType": "System.Any"}
        else:
            base = base_of(kind)
            facts = {"namespace": "FHIR", "name": kind, "baseType": "System.Any" if base is None else f"FHIR.{base}"}
        return Node(TYPE_INFO, facts)

    def run(state: Run, focus: Any) -> Items:
        return [info(item) for item in run_source(state, focus)]

    return Code(run=run, static=boxed_types(frozenset({TYPE_INFO}), single=source.static.single))
