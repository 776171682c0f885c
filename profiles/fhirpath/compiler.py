"""From the tree of an expression to closures, with what can be known of types beforehand (FHIRPath 2.0 chapter 10).

Types are inferred from the type of the input along R4's structure. Where they are known, steps work on bare JSON and
operators know what they compare. In strict mode whatever the types rule out is an error here ("semantic"); otherwise it is
an empty collection, or an error when it is met.
"""

from __future__ import annotations

from dataclasses import replace
from operator import attrgetter
from typing import Any, Final

from profiles.fhirpath import paths
from profiles.fhirpath.compiled import (
    EMPTY,
    INTEGER,
    NOTHING,
    STRING,
    UNKNOWN,
    Code,
    Items,
    Static,
    constant_code,
    raw_type,
    scalar_value,
)
from profiles.fhirpath.environment import Run
from profiles.fhirpath.errors import EVALUATION, SEMANTIC, FhirPathError
from profiles.fhirpath.functions import FUNCTIONS, Function
from profiles.fhirpath.model import SYSTEM, is_kind_of, specified_types
from profiles.fhirpath.navigation import resource_node
from profiles.fhirpath.operators import chain, polarity
from profiles.fhirpath.scope import Scope
from profiles.fhirpath.syntax import (
    Call,
    Chain,
    Descending,
    Indexer,
    Literal,
    Member,
    Node,
    Polarity,
    TypeTest,
    Variable,
)
from profiles.fhirpath.types import cast, type_test
from profiles.fhirpath.values import UCUM, system_type
from profiles.structure import resource_types

_KNOWN_CONSTANTS: Final = {"%sct": "http://snomed.info/sct", "%loinc": "http://loinc.org", "%ucum": UCUM}
_PREFIXES: Final = {
    "%vs-": "http://hl7.org/fhir/ValueSet/",
    "%ext-": "http://hl7.org/fhir/StructureDefinition/",
}


class Compiler:
    """Compiles one tree for one type of input."""

    def __init__(self, *, strict: bool, as_filters: bool) -> None:
        self.strict = strict
        self.as_filters = as_filters
        """`as` and as() keep those of many items that have the type, as R4's search parameters are written."""

    def semantic(self, message: str, position: int) -> None:
        """Report what the types rule out: an error in strict mode only."""
        if self.strict:
            raise FhirPathError(SEMANTIC, message, position)

    def compile(self, node: Node, scope: Scope) -> Code:
        match node:
            case Member():
                return self._member(node, scope)
            case Call():
                return self._call(node, scope)
            case Chain():
                return chain(self, node, scope)
            case Literal(value=value):
                return _literal(value)
            case Variable():
                return self._variable(node, scope)
            case TypeTest(position=position, operator=operator, operand=operand, type=type_name):
                test = type_test if operator == "is" else cast
                return test(self, self.compile(operand, scope), type_name, position)
            case Indexer():
                return self._indexer(node, scope)
            case Polarity(position=position, sign=sign, operand=operand):
                return polarity(self, self.compile(operand, scope), sign, position)
            case Descending(position=position):
                raise FhirPathError(SEMANTIC, "`desc` belongs into the arguments of sort() only.", position)

    # -- paths -------------------------------------------------------------------------------------------------------

    def _member(self, node: Member, scope: Scope) -> Code:
        if node.target is not None:
            inner = self.scope_after(node.target, scope)
            return self._step(self.compile(node.target, scope), node, inner)
        if node.name[:1].isupper():
            named = self._type_name(node, scope)
            if named is not None:
                return named
        return self._step(paths.focus(scope.this), node, scope)

    def _step(self, source: Code, node: Member, scope: Scope) -> Code:
        found = paths.member(source, node.name)
        if found is None:
            self.semantic(f"`{node.name}` is no element here.", node.position)
            return constant_code(EMPTY, NOTHING)
        return found

    def _type_name(self, node: Member, scope: Scope) -> Code | None:
        """`Patient.name`: at the start of a path, the name of a type stands for the focus, if it is of that type."""
        specified = specified_types(node.name)
        if specified is None:
            return None
        types = scope.this.types
        if types is None:
            return paths.focus_of_type(specified)
        if any(is_kind_of(name, specified) for name in types):
            return paths.focus(scope.this) if len(types) == 1 else paths.focus_of_type(specified)
        self.semantic(f"The expression is evaluated on another type than {node.name}.", node.position)
        return constant_code(EMPTY, NOTHING)

    def _indexer(self, node: Indexer, scope: Scope) -> Code:
        source = self.compile(node.target, scope)
        self.require_order(source, "[]", node.position)
        index = self.compile(node.index, scope)
        return paths.item_at(source, scalar_value(index, node.position), node.position)

    def require_order(self, source: Code, name: str, position: int) -> None:
        if not source.static.ordered:
            self.semantic(f"{name} depends on an order, and these items have none.", position)

    # -- functions ---------------------------------------------------------------------------------------------------

    def _call(self, node: Call, scope: Scope) -> Code:
        function: Function | None = FUNCTIONS.get(node.name)
        if function is None:
            raise FhirPathError(SEMANTIC, f"There is no function {node.name}().", node.position)
        given = len(node.arguments)
        if given < function.least or (function.most is not None and given > function.most):
            raise FhirPathError(
                SEMANTIC, f"{node.name}() is given {given} arguments, which is not a number it takes.", node.position
            )
        source = paths.focus(scope.this) if node.target is None else self.compile(node.target, scope)
        inner = scope if node.target is None else self.scope_after(node.target, scope)
        self._check_input(function, node, source)
        return function.build(self, node, source, inner)

    def _check_input(self, function: Function, node: Call, source: Code) -> None:
        types = source.static.types
        if not types or function.takes is None:
            return
        if not any(function.takes(name) for name in types):
            self.semantic(f"{node.name}() is not for values of this type.", node.position)

    def scope_after(self, target: Node, scope: Scope) -> Scope:
        """The scope behind `target` in a path: with the variables that it defines."""
        defined = dict(scope.variables)
        self._collect(target, defined)
        return scope if len(defined) == len(scope.variables) else replace(scope, variables=defined)

    def _collect(self, node: Node | None, defined: dict[str, tuple[int, Static]]) -> None:
        while isinstance(node, (Call, Member, Indexer)):
            if isinstance(node, Call) and node.name == "defineVariable" and node.arguments:
                name = node.arguments[0]
                if isinstance(name, Literal) and isinstance(name.value, str):
                    defined.setdefault(name.value, (node.position, UNKNOWN))
            node = node.target

    # -- terms -------------------------------------------------------------------------------------------------------

    def _variable(self, node: Variable, scope: Scope) -> Code:
        match node.name:
            case "$this":
                return paths.focus(scope.this)
            case "$index":
                if not scope.index:
                    raise FhirPathError(SEMANTIC, "$index has no meaning outside of an iteration.", node.position)
                return Code(run=lambda state, focus: [state.index], static=INTEGER, scalar=lambda state, focus: state.index)
            case "$total":
                if not scope.total:
                    raise FhirPathError(SEMANTIC, "$total has no meaning outside of aggregate().", node.position)
                return Code(run=lambda state, focus: list(state.total))
        return self._constant(node, scope)

    def _constant(self, node: Variable, scope: Scope) -> Code:
        name = node.name
        if name[1:] in scope.variables:
            key, static = scope.variables[name[1:]]
            return Code(run=lambda state, focus: (state.variables or {}).get(key, EMPTY), static=static)
        if name in {"%resource", "%rootResource", "%context"}:
            return _surrounding(name, scope)
        if name in _KNOWN_CONSTANTS:
            return constant_code([_KNOWN_CONSTANTS[name]], STRING)
        for prefix, base in _PREFIXES.items():
            if name.startswith(prefix):
                return constant_code([base + name.removeprefix(prefix)], STRING)
        return self._external(name[1:], node.position)

    def _external(self, name: str, position: int) -> Code:
        def run(state: Run, focus: Any) -> Items:
            if name not in state.constants:
                raise FhirPathError(EVALUATION, f"The constant %{name} is not given.", position)
            value = state.constants[name]
            return value if type(value) is list else EMPTY if value is None else [value]

        return Code(run=run, static=UNKNOWN)


def _literal(value: Any) -> Code:
    if value is None:
        return constant_code(EMPTY, NOTHING)
    return constant_code([value], Static(frozenset({f"{SYSTEM}{system_type(value)}"}), single=True))


def _surrounding(name: str, scope: Scope) -> Code:
    """%resource, %rootResource and %context. The resource around an element of `Claim.item` is a Claim."""
    if name == "%context":
        return paths.from_run(attrgetter("context"), scope.root)
    kind = scope.root.raw.partition(".")[0] if scope.root.raw is not None else None
    if name == "%resource" and kind in resource_types():
        return paths.from_run(attrgetter("resource"), raw_type(kind, single=True))

    def run(state: Run, focus: Any) -> Items:
        resource = state.resource if name == "%resource" else state.root
        return EMPTY if resource is None else [resource_node(resource)]

    return Code(run=run, static=Static(None, None, single=True))
