"""The search parameters of every R4 type, each with the closure that finds its values (FHIR R4 3.1.1, SearchParameter).

R4's own come from profiles/tables, ours from profiles/own_search_parameters.py, all as FHIRPath. A type's parameters are compiled
when it is first asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from profiles.json import Resource
from profiles.own_search_parameters import OWN_SEARCH_PARAMETERS
from profiles.search_expressions import search_paths
from profiles.search_steps import Path, path_heads, path_kinds
from profiles.search_walks import Value, Walk, compile_path
from profiles.structure import resource_types
from profiles.tables import table

__all__ = ["Component", "SearchParameter", "Value", "search_parameters"]

RESOURCE_LEVEL: Final = "Resource"
"""Ask for this "type" to get the parameters that every type has: `_id`, `_lastUpdated`, `_tag`, `_profile`, ..."""


@dataclass(frozen=True, slots=True)
class Component:
    """A part of a composite parameter: the code and type of the parameter that it is like."""

    code: str
    type: str


@dataclass(frozen=True, slots=True)
class SearchParameter:
    """One parameter of one type.

    `paths`: the alternatives of its expression, in FHIRPath as profiles/search_steps.py writes it; `kinds`: the FHIR types of what
    is there; `heads`: the properties without any of which a resource has no value (None: it may have one in any case). `type`:
    token, string, reference, date, number, quantity, uri, composite, special. `targets`: what a reference may point at. `extract` takes a resource of any shape and never raises; for a composite each value is of kind "composite" and
    holds a list of values for each component, all of them found at the same place.
    """

    code: str
    type: str
    targets: frozenset[str]
    components: tuple[Component, ...]
    paths: tuple[str, ...]
    kinds: frozenset[str]
    heads: frozenset[str] | None
    extract: Callable[[Resource], list[Value]]


def search_parameters(type_name: str) -> Mapping[str, SearchParameter]:
    """The parameters of a type by code; empty for a name that is no R4 resource type."""
    if type_name == RESOURCE_LEVEL or type_name in resource_types():
        return _of_type(type_name)
    return MappingProxyType({})


@cache
def _of_type(type_name: str) -> Mapping[str, SearchParameter]:
    of_every_type = {} if type_name == RESOURCE_LEVEL else _of_type(RESOURCE_LEVEL)
    rows = table("search")["parameters"].get(type_name, {})
    own = OWN_SEARCH_PARAMETERS.get(type_name, {})
    return MappingProxyType(
        {
            **of_every_type,
            **{code: _parameter(code, row, type_name) for code, row in rows.items()},
            **{
                code: walked_parameter(code, kind, frozenset(), expression, type_name)
                for code, (kind, expression) in own.items()
            },
        }
    )


def _parameter(code: str, row: list[Any], type_name: str) -> SearchParameter:
    kind, expression, rest = row
    if kind != "composite":
        return walked_parameter(code, kind, frozenset(rest), expression, type_name)
    components = tuple(Component(name, table("search")["parameters"][type_name][name][0]) for name, _ in rest)
    paths = _paths(expression, type_name)
    extract = _composite_extractor(_walks(paths, type_name), [component for _, component in rest])
    return SearchParameter(code, kind, frozenset(), components, tuple(map(str, paths)), frozenset(), None, extract)


def walked_parameter(code: str, kind: str, targets: frozenset[str], expression: str, type_name: str) -> SearchParameter:
    paths = _paths(expression, type_name)
    kinds = frozenset[str]().union(*(path_kinds(path, type_name) for path in paths))
    heads = [path_heads(path, type_name) for path in paths]
    of_all = None if None in heads else frozenset[str]().union(*(one for one in heads if one is not None))
    extract = _extractor(_walks(paths, type_name))
    return SearchParameter(code, kind, targets, (), tuple(map(str, paths)), kinds, of_all, extract)


def _paths(expression: str, type_name: str) -> tuple[Path, ...]:
    paths = search_paths(expression, type_name)
    if not paths:
        raise ValueError(f"not an expression that can be walked from {type_name}: {expression}")
    return paths


def _walks(paths: tuple[Path, ...], type_name: str) -> tuple[Walk, ...]:
    return tuple(compile_path(path, type_name) for path in paths)


def _extractor(walks: tuple[Walk, ...]) -> Callable[[Resource], list[Value]]:
    if len(walks) == 1:
        only = walks[0]

        def extract_one(resource: Resource) -> list[Value]:
            found: list[Value] = []
            if type(resource) is dict:
                only(resource, found, resource)
            return found

        return extract_one

    def extract(resource: Resource) -> list[Value]:
        found: list[Value] = []
        if type(resource) is dict:
            for walk in walks:
                walk(resource, found, resource)
        return found

    return extract


def _composite_extractor(foci: tuple[Walk, ...], components: list[str]) -> Callable[[Resource], list[Value]]:
    @cache
    def walks_from(focus_type: str) -> list[tuple[Walk, ...]]:
        return [_walks(_paths(component, focus_type), focus_type) for component in components]

    def extract(resource: Resource) -> list[Value]:
        found: list[Value] = []
        if type(resource) is not dict:
            return found
        places: list[Value] = []
        for focus in foci:
            focus(resource, places, resource)
        for focus_type, node in places:
            parts: list[list[Value]] = []
            for walks in walks_from(focus_type):
                values: list[Value] = []
                for walk in walks:
                    walk(node, values, resource)
                parts.append(values)
            if all(parts):
                found.append(Value("composite", parts))
        return found

    return extract
