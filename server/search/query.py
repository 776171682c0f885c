"""A search as text becomes a `Query`: criteria and result parameters, each checked (R4 search 3.1.1).

Strict: an unknown parameter is refused with the nearest known one; with `Prefer: handling=lenient` it is reported instead.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final

from profiles.outcome import FhirError, Issue, refuse
from server.rest.request import FORMAT_PARAMETERS
from server.search.registry import indexed_parameters

DEFAULT_COUNT: Final = 50
MAX_COUNT: Final = 1000
MAX_VALUES: Final = 200
MAX_CRITERIA: Final = 50

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,63}\Z")
"""What a caller's own word must look like to be repeated in an answer."""

_ESCAPE: Final = re.compile(r"\\([,$|\\])")

MODIFIERS: Final = {
    "string": frozenset({"exact"}),
    "token": frozenset({"not"}),
    "reference": frozenset({"identifier"}),
    "date": frozenset[str](),
    "number": frozenset[str](),
    "quantity": frozenset[str](),
    "uri": frozenset[str](),
}
"""Modifiers by parameter type; a reference parameter also takes a type name."""

RESULT_PARAMETERS: Final = frozenset({"_count", "_sort", "_include", "_summary", "_total", "_cursor", *FORMAT_PARAMETERS})


@dataclass(frozen=True, slots=True)
class Criterion:
    """One `name:modifier=value,value`. Values are alternatives, still with their backslash escapes."""

    code: str
    type: str
    modifier: str | None
    values: tuple[str, ...]
    targets: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SortKey:
    code: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Include:
    """`_include=Type:parameter[:target]`."""

    source: str
    code: str
    target: str | None


@dataclass(frozen=True, slots=True)
class Query:
    type: str
    criteria: tuple[Criterion, ...]
    sort: SortKey | None = None
    count: int = DEFAULT_COUNT
    includes: tuple[Include, ...] = ()
    count_only: bool = False
    total: bool = False
    cursor: str | None = None
    ignored: tuple[Issue, ...] = ()
    text: tuple[tuple[str, str], ...] = field(default=())
    """The parameters that were understood, as they came: for links and for binding cursors."""


def parse_query(type_: str, pairs: Sequence[tuple[str, str]], *, lenient: bool = False) -> Query:
    """Check every parameter of a type-level search. Raises FhirError with one issue for each fault."""
    faults: list[Issue] = []
    unknown: list[Issue] = []
    criteria: list[Criterion] = []
    results: dict[str, list[str]] = {}
    text: list[tuple[str, str]] = []
    for name, value in pairs:
        try:
            if name in RESULT_PARAMETERS or name.partition(":")[0] == "_include":
                results.setdefault(name, []).append(value)
            else:
                criteria.append(_criterion(type_, name, value))
            text.append((name, value))
        except FhirError as error:
            (unknown if error.issues[0].code == "unknown-parameter" else faults).extend(error.issues)
    if len(criteria) > MAX_CRITERIA:
        faults.append(Issue("search-too-costly", f"A search may have at most {MAX_CRITERIA} criteria."))
    if not lenient:
        faults += unknown
    if faults:
        raise FhirError(faults, 400)
    ignored = tuple(Issue(issue.code, issue.text, issue.expression, "warning") for issue in unknown)
    return _with_results(Query(type_, tuple(criteria), ignored=ignored, text=tuple(text)), results)


def _criterion(type_: str, name: str, value: str) -> Criterion:
    code, colon, modifier = name.partition(":")
    parameters = indexed_parameters(type_)
    parameter = parameters.get(code)
    if parameter is None:
        raise unknown_parameter(type_, code)
    parameter_type, targets = parameter.type, parameter.targets
    if colon and modifier not in MODIFIERS[parameter_type] and not (parameter_type == "reference" and modifier in targets):
        allowed = sorted(MODIFIERS[parameter_type] | (targets if len(targets) < 10 else frozenset()))
        offer = f"; it takes {', '.join(':' + item for item in allowed)}" if allowed else ""
        shown = f"the modifier :{modifier}" if _NAME.match(modifier) else "that modifier"
        raise refuse("parameter-modifier", f"{code} does not take {shown}{offer}.", f"http.{code}")
    values = split_escaped(value)
    if not all(values):
        raise refuse("parameter-value", f"{code} needs a value.", f"http.{code}")
    if len(values) > MAX_VALUES:
        raise refuse("search-too-costly", f"{code} takes at most {MAX_VALUES} values at once.", f"http.{code}")
    return Criterion(code, parameter_type, modifier if colon else None, tuple(values), targets)


def unknown_parameter(type_: str, code: str) -> FhirError:
    names = [*indexed_parameters(type_), *RESULT_PARAMETERS]
    folded = {name.lower(): name for name in names}
    near = get_close_matches(code.lower(), folded, n=1, cutoff=0.6)
    hint = (
        f" Did you mean {folded[near[0]]}?"
        if near
        else f" {type_} is searched by: {', '.join(sorted(indexed_parameters(type_)))}."
    )
    known = _NAME.match(code) is not None
    shown = f"search parameter {code}" if known else "search parameter of that name"
    return refuse("unknown-parameter", f"{type_} has no {shown}.{hint}", f"http.{code}" if known else "http.query")


def split_escaped(value: str, separator: str = ",") -> list[str]:
    """Split at unescaped separators; the parts keep their escapes, so that they can be split again (`unescape`)."""
    parts, start, position = [], 0, 0
    while position < len(value):
        if value[position] == "\\":
            position += 2
            continue
        if value[position] == separator:
            parts.append(value[start:position])
            start = position + 1
        position += 1
    return [*parts, value[start:]]


def unescape(text: str) -> str:
    """Undo `\\,`, `\\$`, `\\|` and `\\\\` (R4 search 3.1.1.4.0.1); any other backslash stays."""
    return _ESCAPE.sub(r"\1", text) if "\\" in text else text


def _with_results(query: Query, results: dict[str, list[str]]) -> Query:
    for name, values in results.items():
        if len(values) > 1 and not name.startswith("_include"):
            raise refuse("parameter-value", f"{name} is given more than once.", f"http.{name}")
    summary = results.get("_summary", ["false"])[0]
    if summary not in {"count", "false"}:
        raise refuse("not-supported", "Of _summary, only count and false are supported.", "http._summary")
    total = results.get("_total", ["none"])[0]
    if total not in {"none", "accurate", "estimate"}:
        raise refuse("parameter-value", "_total is none, estimate or accurate.", "http._total")
    return Query(
        query.type,
        query.criteria,
        sort=_sort(query.type, results.get("_sort")),
        count=page_size(results.get("_count", [None])[0]),
        includes=tuple(
            _include(name, value) for name, values in results.items() if name.startswith("_include") for value in values
        ),
        count_only=summary == "count" or results.get("_count") == ["0"],
        total=total != "none",
        cursor=results.get("_cursor", [None])[0],
        ignored=query.ignored,
        text=query.text,
    )


def page_size(text: str | None) -> int:
    """What `_count` comes to, of a search or a history: at most MAX_COUNT. Raises FhirError (400)."""
    if text is None:
        return DEFAULT_COUNT
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise refuse("parameter-value", "_count is a whole number of at most nine digits.", "http._count")
    return min(int(text), MAX_COUNT)


def _sort(type_: str, values: list[str] | None) -> SortKey | None:
    if values is None:
        return None
    key = values[0]
    if "," in key:
        raise refuse("not-supported", "Sorting by more than one parameter is not supported.", "http._sort")
    code = key.removeprefix("-")
    parameter = indexed_parameters(type_).get(code)
    if parameter is None:
        raise unknown_parameter(type_, code)
    return SortKey(code, key.startswith("-"))


def _include(name: str, value: str) -> Include:
    if ":" in name:
        raise refuse("parameter-modifier", f"{name.partition(':')[0]} with a modifier is not supported.", "http._include")
    parts = value.split(":")
    if len(parts) not in {2, 3}:
        raise refuse("parameter-value", "_include has the form Type:parameter or Type:parameter:target.", "http._include")
    parameters = indexed_parameters(parts[0])
    parameter = parameters.get(parts[1])
    if not parameters:
        raise refuse("parameter-value", "_include names a resource type that does not exist.", "http._include")
    if parameter is None:
        text = unknown_parameter(parts[0], parts[1]).issues[0].text
        raise refuse("unknown-parameter", text, "http._include")
    if parameter.type != "reference":
        raise refuse("parameter-value", f"{parts[1]} is not a reference and cannot be included.", "http._include")
    return Include(parts[0], parts[1], parts[2] if len(parts) == 3 else None)
