"""Through which types a reference can be followed, and what can be said of what is there (R4 search 3.1.1.5.5, chaining)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from profiles.outcome import FhirError, refuse
from profiles.search_parameters import SearchParameter
from profiles.structure import resource_types
from server.search.registry import COMMON, offered_parameters
from server.search.suggest import is_plain_word, nearest
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


def chained(parameter: SearchParameter, first: str, inner: Callable[[str], Node]) -> Chain:
    """A chain through every type that has the parameter `first`, and for which `inner` can be said.

    Raises FhirError (400) where there is none, or too many.
    """
    code = parameter.code
    targets = sorted(targets_of(parameter))
    able = [target for target in targets if first in COMMON or first in offered_parameters(target)]
    if not able:
        raise _not_there(code, first, targets)
    if len(able) > MAX_TARGETS:
        text = f"{code} refers to many types that can be searched so; say which is meant, such as {code}:{able[0]}."
        raise refuse("search-too-costly", text, f"http.{code}")
    found: list[tuple[str, Node]] = []
    refused: list[FhirError] = []
    for target in able:
        try:
            found.append((target, inner(target)))
        except FhirError as error:
            refused.append(error)
    if not found:
        raise refused[0]
    return Chain(code, tuple(found))


def _not_there(code: str, first: str, targets: Sequence[str]) -> FhirError:
    """With the nearest that one of the types has."""
    names = {name for target in targets for name in offered_parameters(target)}
    near = nearest(first, names)
    hint = f" Did you mean {code}.{near}?" if near is not None else ""
    shown = f"search parameter {first}" if is_plain_word(first) else "search parameter of that name"
    return refuse("unknown-parameter", f"Nothing that {code} refers to has a {shown}.{hint}", f"http.{code}")


def need_reference(parameter: SearchParameter) -> None:
    """Raises FhirError (400) for a parameter that leads nowhere."""
    if parameter.type != "reference":
        text = f"{parameter.code} is no reference: nothing can be chained to it."
        raise refuse("parameter-modifier", text, f"http.{parameter.code}")
