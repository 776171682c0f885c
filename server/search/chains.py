"""Through which types a reference can be followed, and what can be said of what is there (R4 search 3.1.1.5.5, chaining)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from profiles.outcome import FhirError, refuse
from profiles.search_parameters import SearchParameter
from profiles.structure import resource_types
from server.search.tree import Chain, Node

MAX_LINKS: Final = 4
"""Links to other resources inside each other."""
MAX_TARGETS: Final = 8
"""Types that a chain without a type may go through."""


def check_links(links: int) -> None:
    """Raises FhirError (400) for too many links inside each other."""
    if links > MAX_LINKS:
        raise refuse(
            "search-too-costly", f"A search goes through at most {MAX_LINKS} links inside each other.", "http.query"
        )


def targets_of(parameter: SearchParameter) -> frozenset[str]:
    """The types that a reference parameter may point at."""
    return parameter.targets or resource_types()


def chained(parameter: SearchParameter, inner: Callable[[str], Node]) -> Chain:
    """A chain through every type for which `inner` can be said. Raises FhirError (400) where there is none, or too many."""
    found: list[tuple[str, Node]] = []
    refused: dict[str, FhirError] = {}
    for target in sorted(targets_of(parameter)):
        try:
            found.append((target, inner(target)))
        except FhirError as error:
            refused.setdefault(error.issues[0].code, error)
        if len(found) > MAX_TARGETS:
            text = f"{parameter.code} refers to many types; say which is meant, such as {parameter.code}:{found[0][0]}."
            raise refuse("search-too-costly", text, f"http.{parameter.code}")
    if not found:
        raise min(refused.values(), key=lambda error: error.issues[0].code == "unknown-parameter")
    return Chain(parameter.code, tuple(found))


def need_reference(parameter: SearchParameter) -> None:
    """Raises FhirError (400) for a parameter that leads nowhere."""
    if parameter.type != "reference":
        text = f"{parameter.code} is no reference: nothing can be chained to it."
        raise refuse("parameter-modifier", text, f"http.{parameter.code}")
