"""What a `_filter` means for resources of a type: its operators become the prefixes and modifiers that criteria have.

`eq` compares whole strings where a search parameter compares beginnings; `ne`, `sw`, `ew` and `po` exist here alone (R4
search_filter.html). A filter in square brackets is about the resource that the reference before it points at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from profiles.outcome import FhirError, refuse
from profiles.search_parameters import SearchParameter
from server.search.chains import chained, check_links, need_reference
from server.search.filter_text import Comparison, Filter, Step, read_filter
from server.search.registry import offered_parameters
from server.search.suggest import unknown_parameter
from server.search.tree import All, Criterion, Node, Not, Some

_ESCAPED: Final = re.compile(r"[\\,$]")

_PREFIXED: Final = frozenset({"ap", "eb", "eq", "ge", "gt", "le", "lt", "ne", "sa"})

_MODIFIERS: Final[Mapping[str, Mapping[str, str | None]]] = {
    "string": {"eq": "eq", "ne": "ne", "co": "contains", "sw": "sw", "ew": "ew"},
    "token": {"eq": None, "ne": "ne", "ss": "below", "sb": "above", "in": "in", "ni": "not-in"},
    "reference": {"eq": None, "ne": "ne", "re": None},
    "uri": {"eq": None, "ne": "ne", "co": "co", "sw": "sw", "ew": "ew"},
    "date": {"po": "po"},
}
"""By type of parameter: the modifier that an operator stands for."""


def parse_filter(type_: str, text: str, links: int) -> Node:
    """The tree of a filter for resources of a type, inside so many links. Raises FhirError (400)."""
    return _node(type_, read_filter(text), links)


def _node(type_: str, part: Filter, links: int) -> Node:
    if isinstance(part, Comparison):
        return _path(type_, part.path, part, links)
    parts = tuple(_node(type_, one, links) for one in part.parts)
    if part.join == "not":
        return Not(parts[0])
    return All(parts) if part.join == "and" else Some(parts)


def _path(type_: str, path: tuple[Step, ...], comparison: Comparison, links: int) -> Node:
    check_links(links)
    step, rest = path[0], path[1:]
    parameter = offered_parameters(type_).get(step.name)
    if parameter is None:
        raise _placed(unknown_parameter(type_, step.name))
    if not rest:
        return _criterion(parameter, comparison.operator, comparison.value)
    need_reference(parameter)

    def inner(target: str) -> Node:
        end = _path(target, rest, comparison, links + 1)
        return end if step.condition is None else All((_node(target, step.condition, links + 1), end))

    return chained(parameter, rest[0].name, inner)


def _criterion(parameter: SearchParameter, operator: str, value: str) -> Criterion:
    code, kind = parameter.code, parameter.type
    if operator == "pr":
        if value not in {"true", "false"}:
            raise refuse("parameter-value", f"{code} pr is true or false.", "http._filter")
        return Criterion(code, kind, "missing", ("false" if value == "true" else "true",), parameter.targets)
    value = _ESCAPED.sub(r"\\\g<0>", value)
    modifiers = _MODIFIERS.get(kind, {})
    if operator in modifiers:
        return Criterion(code, kind, modifiers[operator], (value,), parameter.targets)
    if kind in {"date", "number", "quantity"} and operator in _PREFIXED:
        return Criterion(code, kind, None, (operator + value,), parameter.targets)
    taken = sorted({*modifiers, *(_PREFIXED if kind in {"date", "number", "quantity"} else ()), "pr"})
    text = f"{code} is of type {kind} and is not compared by {operator}; it takes {', '.join(taken)}."
    raise refuse("parameter-value", text, "http._filter")


def _placed(error: FhirError) -> FhirError:
    text = error.issues[0].text
    return refuse("parameter-value", text, "http._filter")
