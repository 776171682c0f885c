"""The parameters that say how results are shown, not what is searched for (R4 search 3.1.1.5): order, pages, what comes along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from profiles.outcome import refuse
from server.rest.request import FORMAT_PARAMETERS
from server.rest.shape import WHOLE, Shape, parse_shape
from server.search.registry import followed_parameters
from server.search.result_includes import Include, is_include, parse_include
from server.search.suggest import unknown_parameter

DEFAULT_COUNT: Final = 50
MAX_COUNT: Final = 1000
MAX_SORT_KEYS: Final = 5

RESULT_PARAMETERS: Final = frozenset(
    {
        "_contained",
        "_count",
        "_cursor",
        "_elements",
        "_explain",
        "_include",
        "_maxresults",
        "_revinclude",
        "_sort",
        "_summary",
        "_total",
        "_totalMethod",
        *FORMAT_PARAMETERS,
    }
)

_REFUSED: Final = {
    "_containedType": "Contained resources are not results of their own here; search for what contains them.",
    "_offset": "Pages are not numbered here, so that none shifts while others write: follow the links next and previous.",
    "_page": "Pages are not numbered here, so that none shifts while others write: follow the links next and previous.",
    "_score": "Results have no scores here; sort them by a search parameter.",
}
"""What other servers know, and what to use instead."""

_SORTABLE: Final = frozenset({"date", "number", "quantity", "reference", "string", "token", "uri"})

Total = Literal["none", "estimate", "accurate"]
_TOTALS: Final[Mapping[str, Total]] = {"none": "none", "estimate": "estimate", "accurate": "accurate"}


@dataclass(frozen=True, slots=True)
class SortKey:
    """One part of `_sort`. `type` is that of the parameter."""

    code: str
    descending: bool
    type: str = "date"


@dataclass(frozen=True, slots=True)
class Results:
    """How the results of a query are wanted. `most`: how many there may be on all pages together; `total` None: not said."""

    sort: tuple[SortKey, ...] = ()
    count: int = DEFAULT_COUNT
    includes: tuple[Include, ...] = ()
    count_only: bool = False
    total: Total | None = None
    cursor: str | None = None
    shape: Shape = WHOLE
    most: int | None = None
    explain: bool = False


_USUAL: Final = Results()


def is_result_parameter(name: str) -> bool:
    """Whether a parameter, with its modifier, says how results are shown."""
    return name in RESULT_PARAMETERS or name in _REFUSED or is_include(name)


def parse_results(type_: str, given: Mapping[str, Sequence[str]]) -> Results:
    """`given`: the values of each result parameter, by its name with modifier. Raises FhirError (400)."""
    if not given:
        return _USUAL
    for name, values in given.items():
        if name in _REFUSED:
            raise refuse("not-supported", _REFUSED[name], f"http.{name}")
        if len(values) > 1 and not is_include(name):
            raise refuse("parameter-value", f"{name} is given more than once.", f"http.{name}")
    only = {name: values[0] for name, values in given.items()}
    includes = tuple(parse_include(name, value) for name, values in given.items() if is_include(name) for value in values)
    count = only.get("_count")
    _check_contained(only.get("_contained", "false"))
    summary = only.get("_summary")
    count_only = summary == "count"
    shape = parse_shape(type_, None if count_only else summary, only.get("_elements"))
    if shape.summary == "text" and includes:
        raise refuse("parameter-value", "_summary=text does not go with _include and _revinclude.", "http._summary")
    return Results(
        sort=_sort(type_, only.get("_sort")),
        count=page_size(count),
        includes=includes,
        count_only=count_only or count == "0",
        total=_total(only),
        cursor=only.get("_cursor"),
        shape=shape,
        most=_most(only["_maxresults"]) if "_maxresults" in only else None,
        explain=_flag("_explain", only.get("_explain", "false")),
    )


def page_size(text: str | None) -> int:
    """What `_count` comes to, of a search or a history: at most MAX_COUNT. Raises FhirError (400)."""
    return DEFAULT_COUNT if text is None else min(_whole_number("_count", text), MAX_COUNT)


def _most(text: str) -> int:
    most = _whole_number("_maxresults", text)
    if most == 0:
        raise refuse("parameter-value", "_maxresults is at least 1; _summary=count only counts.", "http._maxresults")
    return most


def _whole_number(name: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise refuse("parameter-value", f"{name} is a whole number of at most nine digits.", f"http.{name}")
    return int(text)


def _total(only: Mapping[str, str]) -> Total | None:
    """`_totalMethod=count`, which fhirpy's `count()` sends, is `_total=accurate`."""
    if only.get("_totalMethod", "count") != "count":
        raise refuse("parameter-value", "_totalMethod is count; _total says more.", "http._totalMethod")
    text = only.get("_total", "accurate" if "_totalMethod" in only else None)
    if text is None:
        return None
    if text not in _TOTALS:
        raise refuse("parameter-value", "_total is none, estimate or accurate.", "http._total")
    return _TOTALS[text]


def _flag(name: str, text: str) -> bool:
    if text not in {"true", "false"}:
        raise refuse("parameter-value", f"{name} is true or false.", f"http.{name}")
    return text == "true"


def _check_contained(text: str) -> None:
    if text not in {"false", "true", "both"}:
        raise refuse("parameter-value", "_contained is false, true or both.", "http._contained")
    if text != "false":
        raise refuse("not-supported", _REFUSED["_containedType"], "http._contained")


def _sort(type_: str, text: str | None) -> tuple[SortKey, ...]:
    if text is None:
        return ()
    keys = text.split(",")
    if len(keys) > MAX_SORT_KEYS:
        raise refuse("search-too-costly", f"_sort takes at most {MAX_SORT_KEYS} parameters.", "http._sort")
    found = tuple(_sort_key(type_, key) for key in keys)
    if len({key.code for key in found}) < len(found):
        raise refuse("parameter-value", "_sort names a parameter twice.", "http._sort")
    return found


def _sort_key(type_: str, key: str) -> SortKey:
    code = key.removeprefix("-")
    if code == "_score":
        raise refuse("not-supported", _REFUSED["_score"], "http._sort")
    parameter = followed_parameters(type_).get(code)
    if parameter is None:
        raise refuse("unknown-parameter", unknown_parameter(type_, code).issues[0].text, "http._sort")
    if parameter.type not in _SORTABLE:
        raise refuse("not-supported", f"{code} has no order; sort by another parameter.", "http._sort")
    return SortKey(code, key.startswith("-"), parameter.type)
