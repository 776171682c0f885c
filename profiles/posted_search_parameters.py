"""SearchParameter resources that somebody stores, made into parameters that find values (FHIR R4 searchparameter.html).

The expression is compiled to the fast walks where they can say it (profiles/search_expressions.py), else to FHIRPath in general, with
bounds: it is a stranger's, and is evaluated whenever a resource of its types is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from profiles.fhirpath import FhirPathError, Limits, Services, compile_expression
from profiles.json import Resource
from profiles.outcome import FhirError, refuse
from profiles.posted_values import ByAddress, fitting, value_of
from profiles.search_expressions import MAX_LENGTH, search_paths
from profiles.search_parameters import Component, SearchParameter, Value, search_parameters, walked_parameter
from profiles.structure import resource_types

TYPE: Final = "SearchParameter"
SERVER_ONLY: Final = "AuditEvent"
"""Is searched by R4's parameters and ours alone: its records are made findable in a way of their own."""

MAX_VALUES: Final = 1_000
"""So many values of a resource count, for the index and for whoever looks at a hit alike."""

_LIMITS: Final = Limits(steps=10_000, text=10_000)
_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")
_APPLIED: Final = frozenset({"active", "draft"})
"""R4's own are drafts, as are those of many guides."""
_KINDS: Final = frozenset({"string", "token", "reference", "date", "number", "quantity", "uri", "composite"})
_ALL: Final = frozenset({"Resource", "DomainResource"})
_NOT_DOMAIN: Final = frozenset({"Binary", "Bundle", "Parameters"})
_MAX_COMPONENTS: Final = 8
_SERVICES: Final = Services(resolver=ByAddress())

Find = Callable[[str, str], SearchParameter | None]
"""(type, code or canonical URL) -> what a component is like."""


def built_in(type_: str, name: str) -> SearchParameter | None:
    """R4's or our own, by its code or by the URL that R4 gives it (`http://hl7.org/fhir/SearchParameter/Type-code`)."""
    known = search_parameters(type_)
    last = name.rpartition("/")[2].partition("|")[0]
    return known.get(name) or known.get(last.partition("-")[2] if "/" in name else last)


def parameters_of(resource: Resource, find: Find = built_in) -> Mapping[str, SearchParameter]:
    """What a SearchParameter adds, by type; nothing for one that is retired, and where R4 has the very same.

    Raises FhirError (422, search-parameter): it cannot be applied as it is written.
    """
    if resource.get("status") not in _APPLIED:
        return {}
    code, kind = resource.get("code"), resource.get("type")
    found: dict[str, SearchParameter] = {}
    present: dict[str, SearchParameter] = {}
    for type_ in _types(resource):
        known = search_parameters(type_).get(code) if isinstance(code, str) else None
        if known is None and (not isinstance(code, str) or _CODE.match(code) is None):
            raise _refused(
                "The code of a search parameter is 1 to 64 letters, digits, - and _, and begins with no _.", "code"
            )
        if kind not in _KINDS:
            raise _refused("Search parameters of this type cannot be applied.", "type")
        made = _made(resource, type_, find)
        if known is not None and made is not None:
            present[type_] = known
            if known.type != made.type or set(known.paths) != set(made.paths):
                text = f"{type_} has a search parameter of that code already, which looks at something else; take another code."
                raise _refused(text, "code")
        elif made is not None:
            found[type_] = made
    if not found and not present:
        raise _refused("The expression finds nothing in any of its base types.", "expression")
    return found


def _types(resource: Resource) -> Sequence[str]:
    base = resource.get("base")
    names = set(base) if isinstance(base, list) and all(isinstance(each, str) for each in base) else set[str]()
    if not names or not names <= resource_types() | _ALL:
        raise _refused("base names R4 resource types.", "base")
    if SERVER_ONLY in names:
        raise _refused("AuditEvents are searched by the parameters of R4 and of the server alone.", "base")
    if resource.get("xpathUsage", "normal") != "normal":
        raise _refused("Only search parameters of the usage normal can be applied.", "xpathUsage")
    if "Resource" in names:
        return sorted(resource_types() - {SERVER_ONLY})
    if "DomainResource" in names:
        return sorted((resource_types() - {SERVER_ONLY} - _NOT_DOMAIN) | (names - _ALL))
    return sorted(names)


def _made(resource: Resource, type_: str, find: Find) -> SearchParameter | None:
    """None where the expression is about other types alone."""
    expression = resource.get("expression")
    if not isinstance(expression, str) or not expression.strip():
        raise _refused("A search parameter needs an expression in FHIRPath.", "expression")
    if len(expression) > MAX_LENGTH:
        raise _refused(f"An expression has at most {MAX_LENGTH} characters.", "expression")
    code, kind = resource["code"], resource["type"]
    targets = frozenset(name for name in _list(resource.get("target")) if name in resource_types())
    try:
        if kind == "composite":
            return _composite(resource, type_, expression, find)
        paths = search_paths(expression, type_)
        if paths is not None:
            return _kept(walked_parameter(code, kind, targets, expression, type_)) if paths else None
        evaluate = _evaluator(expression, type_)
    except FhirPathError as error:
        raise _refused(
            "The expression cannot be compiled: see FHIRPath 2.0, and docs/fhirpath.md.", "expression"
        ) from error
    fits = fitting(kind)

    def extract(found: Resource) -> list[Value]:
        return [value for value in evaluate(found, found) if value.kind in fits]

    return SearchParameter(code, kind, targets, (), (expression,), fits, None, extract)


def _kept(parameter: SearchParameter) -> SearchParameter:
    """With values of the types alone that its own type goes by."""
    fits, extract = fitting(parameter.type), parameter.extract

    def fitting_values(found: Resource) -> list[Value]:
        return [value for value in extract(found)[:MAX_VALUES] if value.kind in fits]

    kinds = parameter.kinds & fits
    if not kinds:
        raise _refused("What the expression finds has no type that a search parameter of this type goes by.", "type")
    return SearchParameter(
        parameter.code, parameter.type, parameter.targets, (), parameter.paths, kinds, parameter.heads, fitting_values
    )


def _evaluator(expression: str, type_: str) -> Callable[[Any, Resource], list[Value]]:
    """Values at an object of a type, inside a resource; none where the bounds do not suffice. Raises FhirPathError."""
    compiled = compile_expression(expression, type=type_, as_filters=True, limits=_LIMITS)

    def evaluate(node: Any, resource: Resource) -> list[Value]:
        if type(node) is not dict:
            return []
        try:
            items = compiled.evaluate(node, resource=resource, services=_SERVICES)
        except FhirPathError:
            return []
        return [value for item in items[:MAX_VALUES] if (value := value_of(item)) is not None]

    return evaluate


def _composite(resource: Resource, type_: str, expression: str, find: Find) -> SearchParameter:
    components, parts = [], []
    given = _list(resource.get("component"))
    if not 2 <= len(given) <= _MAX_COMPONENTS:
        raise _refused(f"A composite search parameter has 2 to {_MAX_COMPONENTS} components.", "component")
    for part in given:
        definition, inner = (part.get("definition"), part.get("expression")) if isinstance(part, dict) else (None, None)
        like = find(type_, definition) if isinstance(definition, str) else None
        if like is None or like.type in {"composite", "special"} or not isinstance(inner, str):
            raise _refused("A component names a search parameter of the type, and has an expression.", "component")
        components.append(Component(like.code, like.type))
        parts.append((inner, fitting(like.type)))
    focus = _evaluator(expression, type_)
    for inner, _ in parts:
        compile_expression(inner, as_filters=True, limits=_LIMITS)

    def extract(found: Resource) -> list[Value]:
        made: list[Value] = []
        for kind, node in focus(found, found):
            values = [[one for one in _inside(inner, kind, node, found) if one.kind in fits] for inner, fits in parts]
            if all(values):
                made.append(Value("composite", values))
        return made

    paths = (expression, *(inner for inner, _ in parts))
    return SearchParameter(resource["code"], "composite", frozenset(), tuple(components), paths, frozenset(), None, extract)


def _inside(expression: str, kind: str, node: Any, resource: Resource) -> list[Value]:
    try:
        return _evaluator(expression, kind)(node, resource)
    except FhirPathError:
        return []


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _refused(text: str, element: str) -> FhirError:
    return refuse("search-parameter", text, f"{TYPE}.{element}")
