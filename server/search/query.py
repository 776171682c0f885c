"""A search as text becomes a `Query`: what is searched for, as a tree, and how results are wanted (R4 search 3.1.1).

Strict: an unknown parameter is refused with the nearest known one; with `Prefer: handling=lenient` it is reported instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from profiles.outcome import FhirError, Issue, refuse
from server.search.parse import parse
from server.search.results import Results, is_result_parameter, parse_results
from server.search.tree import All, Node

MAX_CRITERIA: Final = 50
MAX_LINKED: Final = 10
"""Criteria about other resources: chains and `_has`."""


@dataclass(frozen=True, slots=True)
class Query:
    """`where` is what is searched for, `results` how what is found is wanted."""

    type: str
    where: All
    results: Results
    ignored: tuple[Issue, ...] = ()
    text: tuple[tuple[str, str], ...] = ()
    """The parameters that were understood, as they came: for links and for binding cursors."""


def parse_query(type_: str, pairs: Sequence[tuple[str, str]], *, lenient: bool = False) -> Query:
    """Check every parameter of a type-level search. Raises FhirError with one issue for each fault."""
    faults: list[Issue] = []
    unknown: list[Issue] = []
    criteria: list[Node] = []
    results: dict[str, list[str]] = {}
    text: list[tuple[str, str]] = []
    _check_number(pairs)
    for name, value in pairs:
        try:
            if is_result_parameter(name):
                results.setdefault(name, []).append(value)
            else:
                criteria.append(parse(type_, name, value))
            text.append((name, value))
        except FhirError as error:
            (unknown if error.issues[0].code == "unknown-parameter" else faults).extend(error.issues)
    if not lenient:
        faults += unknown
    if faults:
        raise FhirError(faults, 400)
    ignored = tuple(Issue(issue.code, issue.text, issue.expression, "warning") for issue in unknown)
    return Query(type_, All(tuple(criteria)), parse_results(type_, results), ignored, tuple(text))


def _check_number(pairs: Sequence[tuple[str, str]]) -> None:
    """Before anything is read: reading costs time as well. Raises FhirError (400)."""
    criteria = [name for name, _ in pairs if not is_result_parameter(name)]
    if len(criteria) > MAX_CRITERIA:
        raise refuse("search-too-costly", f"A search may have at most {MAX_CRITERIA} criteria.", "http.query")
    if sum("." in name or name.startswith("_has:") for name in criteria) > MAX_LINKED:
        text = f"A search may have at most {MAX_LINKED} chains and reverse chains."
        raise refuse("search-too-costly", text, "http.query")
