"""Criteria on composite parameters (R4 search 3.1.1.4.14): `first$second`, both true of the same repetition of an element.

The store is asked for resources that meet every component somewhere; whether it is at the same place is seen in the hit. Where the
place is the resource itself, the components tell all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from profiles.outcome import refuse
from profiles.search_parameters import SearchParameter, Value
from server.search.leaf import Leaf, alternatives
from server.search.registry import offered_parameters
from server.search.tree import Criterion
from server.search.values import split_escaped

_ROOT: Final = ("$this",)


def composite_leaf(
    type_: str, criterion: Criterion, parameter: SearchParameter, leaf_of: Callable[[Criterion], Leaf]
) -> Leaf:
    """`leaf_of` makes the leaf of a component. Raises FhirError (400) for values of the wrong form."""
    ways = [_components(type_, parameter, value, leaf_of) for value in criterion.values]

    def fits(values: Sequence[Value]) -> bool:
        return any(
            all(leaf.fits(found) for leaf, found in zip(way, value.value, strict=True))
            for value in values
            if isinstance(value.value, list)
            for way in ways
        )

    exact = parameter.paths == _ROOT and all(leaf.is_exact for way in ways for leaf in way)
    clauses = alternatives([tuple(clause for leaf in way for clause in leaf.clauses) for way in ways])
    return Leaf(clauses, exact, fits, frozenset[str]().union(*(leaf.codes for way in ways for leaf in way)))


def _components(
    type_: str, parameter: SearchParameter, value: str, leaf_of: Callable[[Criterion], Leaf]
) -> tuple[Leaf, ...]:
    parts = split_escaped(value, "$")
    if len(parts) != len(parameter.components) or not all(parts):
        form = "$".join(component.code for component in parameter.components)
        raise refuse("parameter-value", f"{parameter.code} has the form {form}.", f"http.{parameter.code}")
    known = offered_parameters(type_)
    return tuple(
        leaf_of(Criterion(component.code, component.type, None, (part,), known[component.code].targets))
        for component, part in zip(parameter.components, parts, strict=True)
    )
