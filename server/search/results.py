"""The parameters that say how results are shown, not what is searched for (R4 search 3.1.1.5): order, pages, what comes along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from profiles.outcome import refuse
from server.rest.request import FORMAT_PARAMETERS
from server.search.registry import indexed_parameters
from server.search.suggest import unknown_parameter

DEFAULT_COUNT: Final = 50
MAX_COUNT: Final = 1000

RESULT_PARAMETERS: Final = frozenset({"_count", "_sort", "_include", "_summary", "_total", "_cursor", *FORMAT_PARAMETERS})


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
class Results:
    """How the results of a query are wanted."""

    sort: SortKey | None = None
    count: int = DEFAULT_COUNT
    includes: tuple[Include, ...] = ()
    count_only: bool = False
    total: bool = False
    cursor: str | None = None


def is_result_parameter(name: str) -> bool:
    """Whether a parameter, with its modifier, says how results are shown."""
    return name in RESULT_PARAMETERS or name.partition(":")[0] == "_include"


def parse_results(type_: str, given: Mapping[str, Sequence[str]]) -> Results:
    """`given`: the values of each result parameter, by its name with modifier. Raises FhirError (400)."""
    for name, values in given.items():
        if len(values) > 1 and not name.startswith("_include"):
            raise refuse("parameter-value", f"{name} is given more than once.", f"http.{name}")
    summary = given["_summary"][0] if "_summary" in given else "false"
    if summary not in {"count", "false"}:
        raise refuse("not-supported", "Of _summary, only count and false are supported.", "http._summary")
    total = given["_total"][0] if "_total" in given else "none"
    if total not in {"none", "accurate", "estimate"}:
        raise refuse("parameter-value", "_total is none, estimate or accurate.", "http._total")
    count = _only(given, "_count")
    includes = [(name, value) for name, values in given.items() if name.startswith("_include") for value in values]
    return Results(
        sort=_sort(type_, _only(given, "_sort")),
        count=page_size(count),
        includes=tuple(_include(name, value) for name, value in includes),
        count_only=summary == "count" or count == "0",
        total=total != "none",
        cursor=_only(given, "_cursor"),
    )


def _only(given: Mapping[str, Sequence[str]], name: str) -> str | None:
    return given[name][0] if name in given else None


def page_size(text: str | None) -> int:
    """What `_count` comes to, of a search or a history: at most MAX_COUNT. Raises FhirError (400)."""
    if text is None:
        return DEFAULT_COUNT
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise refuse("parameter-value", "_count is a whole number of at most nine digits.", "http._count")
    return min(int(text), MAX_COUNT)


def _sort(type_: str, key: str | None) -> SortKey | None:
    if key is None:
        return None
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
