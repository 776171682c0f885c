"""Expressions that are ready to be evaluated: parsed once, compiled once for each type of input, cached (FHIRPath 2.0).

Thread-safe: an Expression is read by any number of threads; what two of them compile at the same time is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import DecimalException
from functools import lru_cache
from typing import Any, Final

from profiles.fhirpath.compiled import NOTHING, UNKNOWN, Code, boxed, raw_type, truth
from profiles.fhirpath.compiler import Compiler
from profiles.fhirpath.environment import DEFAULT_LIMITS, NO_SERVICES, Limits, Run, Services
from profiles.fhirpath.errors import EVALUATION, LIMIT, SEMANTIC, FhirPathError
from profiles.fhirpath.model import is_abstract, is_fhir_type, is_primitive
from profiles.fhirpath.parser import parse
from profiles.fhirpath.scope import Scope
from profiles.fhirpath.syntax import Node as Tree
from profiles.fhirpath.values import Node
from profiles.json import Json
from profiles.structure import resource_types

_TOO_DEEP: Final = "The expression, or what it is evaluated on, is nested too deeply."
_TOO_LARGE: Final = "A number has too many digits to compute with."
_NO_CONSTANTS: Final[Mapping[str, Any]] = {}


class _Variant:
    """An expression compiled for one type of input. `holder`: the type of the resource that such an input is or lies in."""

    def __init__(self, kind: str, code: Code, limits: Limits) -> None:
        self.run = boxed(code)
        self.truth = truth(code, 0)
        self.primitive = is_primitive(kind)
        self._holder = kind.partition(".")[0] if kind.partition(".")[0] in resource_types() else None
        self._is_resource = kind in resource_types()
        self._limits = limits

    def start(self, value: Json, resource: Json, root: Json, constants: Mapping[str, Any], services: Services) -> Run:
        """The state of a run. Raises FhirPathError if the resource cannot hold a value of this type."""
        if self._is_resource:
            resource = value
        elif resource is not None and self._holder is not None and resource.get("resourceType") != self._holder:
            raise FhirPathError(EVALUATION, f"The resource around the element is no {self._holder}.")
        return Run(value, resource, resource if root is None else root, constants, services, self._limits)


class Expression:
    """A FHIRPath expression. Make one with `compile_expression`."""

    def __init__(self, text: str, type: str | None, *, strict: bool, as_filters: bool, limits: Limits) -> None:
        self.text = text
        self.type = type
        self._tree: Tree = parse(text)
        self._strict = strict
        self._as_filters = as_filters
        self._limits = limits
        self._concrete = None if type is None or is_abstract(type) else type
        self._variants: dict[str, _Variant] = {}
        self._variant(self._concrete or "")

    def evaluate(
        self,
        value: Json,
        *,
        resource: Json = None,
        root: Json = None,
        constants: Mapping[str, Any] = _NO_CONSTANTS,
        services: Services = NO_SERVICES,
    ) -> list[Any]:
        """The resulting collection: system values, and `Node`s for elements.

        `value`: a resource, or an element of the type that the expression was compiled for (a Node for a primitive with
        extensions); None for no input. `resource`: %resource, by default `value` if it is one; `root`: %rootResource, by
        default `resource`. `constants`: by name without `%`; a list is a collection. Raises FhirPathError.
        """
        variant, value = self._prepared(value)
        try:
            return list(variant.run(variant.start(value, resource, root, constants, services), value))
        except RecursionError as error:
            raise FhirPathError(LIMIT, _TOO_DEEP) from error
        except DecimalException as error:
            raise FhirPathError(EVALUATION, _TOO_LARGE) from error

    def test(
        self,
        value: Json,
        *,
        resource: Json = None,
        root: Json = None,
        constants: Mapping[str, Any] = _NO_CONSTANTS,
        services: Services = NO_SERVICES,
        spent: Callable[[int], None] | None = None,
    ) -> bool | None:
        """The result as a boolean, None if it is empty; the parameters are those of `evaluate`.

        `spent` is told how many steps it took, also where it raises.
        """
        variant, value = self._prepared(value)
        state = variant.start(value, resource, root, constants, services)
        try:
            return variant.truth(state, value)
        except RecursionError as error:
            raise FhirPathError(LIMIT, _TOO_DEEP) from error
        except DecimalException as error:
            raise FhirPathError(EVALUATION, _TOO_LARGE) from error
        finally:
            if spent is not None:
                spent(self._limits.steps - max(state.left, 0))

    def _prepared(self, value: Json) -> tuple[_Variant, Json]:
        """The variant for a value, and the value as that one takes it: bare, but for primitives and unknown types."""
        kind = self._concrete if self._concrete is not None else _type_of(value)
        variant = self._variants.get(kind) or self._variant(kind)
        if variant.primitive or not kind:
            return variant, value
        if type(value) is Node:
            value = value.value
        if value is not None and type(value) is not dict:
            raise FhirPathError(EVALUATION, f"The value is no {kind}: it is no object.")
        return variant, value

    def _variant(self, kind: str) -> _Variant:
        static = raw_type(kind, single=True) if kind else NOTHING if self.type is None else UNKNOWN
        compiler = Compiler(strict=self._strict and bool(kind), as_filters=self._as_filters)
        variant = _Variant(kind, compiler.compile(self._tree, Scope(static, static)), self._limits)
        self._variants[kind] = variant
        return variant


def _type_of(value: Json) -> str:
    """The type that a value tells itself; empty for no value."""
    if value is None:
        return ""
    if type(value) is Node and is_fhir_type(value.type):
        return value.type
    name = value.get("resourceType") if type(value) is dict else None
    if type(name) is str and name in resource_types():
        return name
    raise FhirPathError(EVALUATION, "The value is no R4 resource, and its type was not told.")


@lru_cache(maxsize=4096)
def _cached(text: str, type: str | None, strict: bool, as_filters: bool, limits: Limits) -> Expression:
    return Expression(text, type, strict=strict, as_filters=as_filters, limits=limits)


def compile_expression(
    text: str,
    *,
    type: str | None = None,
    strict: bool = False,
    as_filters: bool = False,
    limits: Limits = DEFAULT_LIMITS,
) -> Expression:
    """The expression for inputs of an R4 type (`Patient`, `Claim.item`, `date`), or of any resource type if none is given.

    `strict`: whatever the types rule out is an error now, not an empty result later. `as_filters`: `as` keeps those of many
    items that have the type, as the expressions of R4's search parameters expect. Raises FhirPathError (fhirpath-syntax,
    fhirpath-semantic, fhirpath-limit). Results are cached (4096 expressions).
    """
    if type is not None and not is_fhir_type(type):
        raise FhirPathError(SEMANTIC, f"There is no type {type}.")
    try:
        return _cached(text, type, strict, as_filters, limits)
    except RecursionError as error:
        raise FhirPathError(LIMIT, _TOO_DEEP) from error


def unwrapped(items: Sequence[Any]) -> list[Json]:
    """Items as plain JSON values and system values, without their types."""
    return [item.value if type(item) is Node else item for item in items]
