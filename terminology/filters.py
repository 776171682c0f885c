"""Filters of a value set: each can say whether one code is in it, and list its codes without looking at all of them.

FHIR R4 `filter-operator`, with `child-of`, `descendent-leaf` and the rest of R5's. `concept` and `code` mean the concept
itself, `display` and `definition` its texts, `parent` and `child` its neighbours; anything else is a property.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from terminology import messages
from terminology.code_system import CodeSystem
from terminology.elements import Resource, text
from terminology.regex import PatternError, compiled

_OF_CONCEPT: Final = frozenset({"concept", "code"})
_HIERARCHY: Final = frozenset({"is-a", "descendent-of", "is-not-a", "generalizes", "child-of", "descendent-leaf"})
_EXACT: Final = frozenset({"is-a", "descendent-of", "generalizes", "child-of"})
_MOST: Final = 20
"""Filters of one include."""
_OPERATORS: Final = _HIERARCHY | {"=", "regex", "in", "not-in", "exists"}


@dataclass(frozen=True, slots=True)
class Filter:
    property: str
    op: str
    value: str
    place: str
    """Where in the value set it stands."""
    test: Callable[[Iterable[str]], bool] = field(compare=False, repr=False)
    """What the values of a concept are held against, where neither hierarchy nor existence decides."""

    def contains(self, system: CodeSystem, row: int) -> bool:
        """Whether a row is in the filter."""
        if self.op in _HIERARCHY:
            return self._in_hierarchy(system, row)
        if self.op == "exists":
            return any(True for _ in self._values(system, row)) is (self.value == "true")
        return self.test(self._values(system, row))

    def names_exactly(self) -> bool:
        """Whether the candidates are all in the filter, so that nobody has to ask."""
        return self.op in _EXACT

    def candidates(self, system: CodeSystem) -> Iterable[int] | None:
        """Rows among which all of the filter's are, where the hierarchy tells; None: any row may be in it."""
        if self.op not in _HIERARCHY or self.op == "is-not-a":
            if self.property in _OF_CONCEPT and self.op in ("=", "in"):
                found = (system.find(code.strip()) for code in ([self.value] if self.op == "=" else self.value.split(",")))
                return [row for row in found if row is not None]
            return None
        anchor = system.find(self.value)
        if anchor is None:
            return ()
        if self.op == "child-of":
            return system.children.get(anchor, ())
        if self.op == "generalizes":
            return (anchor, *system.ancestors(anchor))
        below = system.descendants(anchor)
        return (anchor, *below) if self.op == "is-a" else below

    def _in_hierarchy(self, system: CodeSystem, row: int) -> bool:
        anchor = system.find(self.value)
        if anchor is None:
            return self.op == "is-not-a"
        match self.op:
            case "is-a":
                return system.is_a(row, anchor)
            case "is-not-a":
                return not system.is_a(row, anchor)
            case "generalizes":
                return system.is_a(anchor, row)
            case "child-of":
                return anchor in system.parents.get(row, ())
            case "descendent-leaf":
                return row != anchor and row not in system.children and system.is_a(row, anchor)
        return row != anchor and system.is_a(row, anchor)

    def _values(self, system: CodeSystem, row: int) -> Iterable[str]:
        name = self.property
        if name in _OF_CONCEPT:
            return (system.codes[row],)
        if name == "display":
            return (system.displays[row] or "",)
        if name == "definition":
            return (system.definitions.get(row, ""),)
        if name in ("parent", "child") and name not in system.property_definitions:
            neighbours = system.parents if name == "parent" else system.children
            return [system.codes[other] for other in neighbours.get(row, ())]
        known = name if name in system.property_definitions else system.property_named(name)
        return [_text(value) for value in system.values(row, known)]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return str(value.get("code", ""))
    return str(value)


def read_filters(rows: Sequence[Resource], system: str, place: str) -> tuple[Filter, ...]:
    """Reads the filters of one include. Raises TerminologyError: no value, an unknown operator, a pattern RE2 refuses."""
    if len(rows) > _MOST:
        raise messages.bad_filter(f"An include has at most {_MOST} filters.", place)
    return tuple(_read(row, system, f"{place}.filter[{number}]") for number, row in enumerate(rows))


def _read(row: Resource, system: str, place: str) -> Filter:
    name, op, value = text(row, "property") or "", text(row, "op") or "", text(row, "value")
    if value is None:
        raise messages.filter_without_value(system, name, op, place)
    if op not in _OPERATORS or not name:
        raise messages.bad_filter("A filter names no property, or an operator that is not known.", place)
    if op == "exists" and value not in ("true", "false"):
        raise messages.bad_filter("The value of an `exists` filter is true or false.", place)
    if op == "regex":
        try:
            compiled(value)
        except PatternError as error:
            raise messages.bad_filter(str(error), place) from error
    if name in ("notSelectable", "inactive") and op == "=":
        value = value.lower()
    return Filter(name, op, value, place, _test(op, value))


def _test(op: str, value: str) -> Callable[[Iterable[str]], bool]:
    if op == "regex":
        whole = compiled(value).fullmatch
        return lambda values: any(whole(one) is not None for one in values)
    if op == "=":
        return lambda values: value in values
    listed = frozenset(part.strip() for part in value.split(","))
    if op == "in":
        return lambda values: any(one in listed for one in values)
    return lambda values: not any(one in listed for one in values)
