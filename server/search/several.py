"""One search of several types (R4 search 3.1.1, `_type`): only parameters that all of them have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from profiles.outcome import FhirError, Issue, refuse
from profiles.structure import resource_types
from server.search.query import Query, parse_query

TYPES: Final = "_type"
Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Several:
    """A query for each type, all alike; `text` and `ignored` as of a Query."""

    queries: tuple[Query, ...]
    text: Pairs
    ignored: tuple[Issue, ...]


def named_types(pairs: Pairs) -> tuple[str, ...]:
    """What `_type` names, each once; nothing where it is not given. Raises FhirError (400)."""
    found = [value for name, value in pairs if name == TYPES]
    if not found:
        return ()
    types = tuple(dict.fromkeys(type_ for value in found for type_ in value.split(",")))
    if not all(type_ in resource_types() for type_ in types):
        raise refuse("parameter-value", "_type has names of R4 resource types, with commas between them.", f"http.{TYPES}")
    return types


def parse_several(types: Sequence[str], pairs: Pairs, *, lenient: bool) -> Several:
    """`pairs` with or without `_type`. Raises FhirError (400), also for a parameter that one of the types does not have."""
    criteria = tuple(pair for pair in pairs if pair[0] != TYPES)
    ignored: dict[str, Issue] = {}
    queries = _queries(types, criteria, ignored)
    if ignored and not lenient:
        raise FhirError([Issue(issue.code, _of_all(issue, types), issue.expression) for issue in ignored.values()], 400)
    if ignored:
        understood = [frozenset(query.text) for query in queries]
        criteria = tuple(pair for pair in criteria if all(pair in texts for texts in understood))
        queries = _queries(types, criteria, {})
    if len({query.results.sort for query in queries}) > 1:
        raise refuse(
            "parameter-value", "These types have parameters of different kinds under the name in _sort.", "http._sort"
        )
    kept = frozenset(criteria)
    return Several(queries, tuple(pair for pair in pairs if pair[0] == TYPES or pair in kept), tuple(ignored.values()))


def _queries(types: Sequence[str], pairs: Pairs, ignored: dict[str, Issue]) -> tuple[Query, ...]:
    queries = tuple(parse_query(type_, pairs, lenient=True) for type_ in types)
    for query in queries:
        for issue in query.ignored:
            ignored.setdefault(issue.expression or "", issue)
    return queries


def _of_all(issue: Issue, types: Sequence[str]) -> str:
    if len(types) == 1:
        return issue.text
    return f"{issue.text} Several types are searched by what all of them have; name fewer with {TYPES}."
