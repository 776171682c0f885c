"""How much of a resource is shown: `_summary` and `_elements` (R4 search 3.1.1.5.8, 3.1.1.5.9), of searches, reads and histories."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, Literal

from profiles import json
from profiles.json import Resource
from profiles.outcome import FhirError, refuse
from profiles.structure import resource_types, type_definition
from profiles.subsets import only_elements, only_text, summary, without_text
from server.repository import SUBSETTED, Version

SHAPE_PARAMETERS: Final = ("_summary", "_elements")
MAX_ELEMENTS: Final = 100

Summary = Literal["true", "text", "data", "false"]
_SUMMARIES: Final[dict[str, Summary]] = {"true": "true", "text": "text", "data": "data", "false": "false"}


@dataclass(frozen=True, slots=True)
class Shape:
    """`elements`: (type, names at its top), without a type for what was asked for itself; what is of no type there is shown whole."""

    summary: Summary = "false"
    elements: tuple[tuple[str, frozenset[str]], ...] = ()

    @property
    def is_whole(self) -> bool:
        return self.summary == "false" and not self.elements


WHOLE: Final = Shape()


def parse_shape(type_: str, summary_text: str | None, elements_text: str | None) -> Shape:
    """`type_` is what is asked for; names of elements are of it, or begin with their type. Raises FhirError (400)."""
    if summary_text is None and elements_text is None:
        return WHOLE
    if summary_text not in {None, *_SUMMARIES}:
        raise refuse("parameter-value", "_summary is true, text, data, false, or for a search count.", "http._summary")
    if summary_text is not None and elements_text is not None:
        raise refuse("parameter-value", "_summary and _elements do not go together.", "http._elements")
    if elements_text is None:
        return WHOLE if summary_text is None else Shape(_SUMMARIES[summary_text])
    names = elements_text.split(",")
    if len(names) > MAX_ELEMENTS:
        raise refuse("parameter-value", f"_elements takes at most {MAX_ELEMENTS} names.", "http._elements")
    found: dict[str, set[str]] = {}
    for name in names:
        holder, _, own = name.strip().rpartition(".")
        found.setdefault(holder, set()).add(_element(holder or type_, own))
    return Shape(elements=tuple((holder, frozenset(own)) for holder, own in found.items()))


def _element(type_: str, name: str) -> str:
    definition = type_definition(type_)
    if definition is None or type_ not in {"Resource", *resource_types()}:
        raise refuse(
            "parameter-value", "_elements has names such as status or Patient.name, one level deep.", "http._elements"
        )
    if name == "resourceType" or name in definition.elements or definition.element(name) is not None:
        return name
    near = get_close_matches(name[:100], definition.elements, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise refuse("parameter-value", f"_elements names what {type_} does not have.{hint}", "http._elements")


def shape_of(type_: str, query: Iterable[tuple[str, str]]) -> Shape:
    """As the address of a read or a history asks for. Raises FhirError (400)."""
    given: dict[str, str] = {}
    for name, value in query:
        if name not in SHAPE_PARAMETERS:
            continue
        if name in given:
            raise _twice(name)
        given[name] = value
    return parse_shape(type_, given.get("_summary"), given.get("_elements")) if given else WHOLE


def _twice(name: str) -> FhirError:
    return refuse("parameter-value", f"{name} is given more than once.", f"http.{name}")


def shown(version: Version, shape: Shape, *, included: bool = False) -> bytes:
    """The JSON of a version among others, in a shape; what is not whole says so (SUBSETTED).

    To what was included a list of elements does not apply, unless it names the type.
    """
    if shape.is_whole or (shape.elements and not _names(version.type, shape, included)):
        return version.listed
    return json.dumps(shaped(version.resource(), shape, included=included))


def shaped(resource: Resource, shape: Shape, *, included: bool = False) -> Resource:
    """A resource in a shape that is not whole, marked."""
    if shape.elements:
        made = only_elements(resource, frozenset[str]().union(*_names(resource["resourceType"], shape, included)))
    elif shape.summary == "true":
        made = summary(resource)
    else:
        made = only_text(resource) if shape.summary == "text" else without_text(resource)
    meta = made.get("meta", {})
    return {**made, "meta": {**meta, "tag": [*meta.get("tag", ()), SUBSETTED]}}


def _names(type_: str, shape: Shape, included: bool) -> list[frozenset[str]]:
    of_it = {type_} if included else {type_, ""}
    return [own for holder, own in shape.elements if holder in of_it]
