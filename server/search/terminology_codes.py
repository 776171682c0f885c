"""`:in`, `:not-in`, `:above` and `:below` of tokens: a terminology says which codes are meant, and they become plain values.

The terminology is the one that `$expand` and `$subsumes` answer from: the tenant's definitions, and what is built in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from profiles.json import Resource
from profiles.outcome import FhirError, refuse
from profiles.search_parameters import SearchParameter
from server.search.tree import Criterion, Node, Some
from server.search.values import escape, split_escaped, unescape
from terminology.catalogue import Catalogue
from terminology.codes_found import Code, codes_of_value_set, related_codes
from terminology.issues import TerminologyError
from terminology.value_set import read_value_set

MOST: Final = 20_000
"""Codes that one criterion may come to."""

_OF_A_SYSTEM: Final = frozenset({"CodeableConcept", "Coding", "ContactPoint", "Identifier"})
"""Types whose values name the system that they are of."""


class Codes(Protocol):
    """A tenant's terminology."""

    async def answer(self, ask: Callable[[Catalogue], frozenset[Code]]) -> frozenset[Code]:
        """Raises TerminologyError."""

    async def value_set(self, id_: str) -> Resource | None:
        """A stored ValueSet that the caller may see."""


async def with_codes(criterion: Criterion, parameter: SearchParameter, codes: Codes) -> Node:
    """The criterion with the codes that are meant. Raises FhirError (400) where the terminology does not know."""
    found: set[Code] = set()
    try:
        for value in criterion.values:
            found |= await _asked(criterion, value, codes)
    except TerminologyError as error:
        raise _unanswered(criterion, error) from error
    if parameter.kinds & _OF_A_SYSTEM:
        texts = {f"{escape(system)}|{escape(code)}" for system, code in found}
    else:  # a plain code has no system of its own
        texts = {escape(code) for _, code in found}
    modifier = "not" if criterion.modifier == "not-in" else None
    if texts:
        return Criterion(criterion.code, criterion.type, modifier, tuple(sorted(texts)))
    return Some(())


async def _asked(criterion: Criterion, value: str, codes: Codes) -> frozenset[Code]:
    if criterion.modifier in {"in", "not-in"}:
        return await _members(criterion, unescape(value), codes)
    parts = [unescape(part) for part in split_escaped(value, "|")]
    if len(parts) != 2 or not all(parts):
        form = f"{criterion.code}:{criterion.modifier} has the form system|code"
        raise refuse(
            "parameter-value", f"{form}: only a code system says what is above or below.", f"http.{criterion.code}"
        )
    system, code = parts
    above = criterion.modifier == "above"
    return await codes.answer(lambda catalogue: related_codes(catalogue, system, code, above=above, most=MOST))


async def _members(criterion: Criterion, value: str, codes: Codes) -> frozenset[Code]:
    if ":" in value:
        return await codes.answer(lambda catalogue: codes_of_value_set(catalogue, value, MOST))
    resource = await codes.value_set(value.removeprefix("ValueSet/"))
    if resource is None:
        raise _unknown(criterion)
    stored = resource
    return await codes.answer(lambda catalogue: codes_of_value_set(catalogue, read_value_set(stored), MOST))


def _unanswered(criterion: Criterion, error: TerminologyError) -> FhirError:
    asked = "value set" if criterion.modifier in {"in", "not-in"} else "code"
    reason = (
        f"the {asked}, or a code system that it needs, is not known here"
        if error.status == 404
        else f"not all codes can be told: ${'expand' if asked == 'value set' else 'subsumes'} says why"
    )
    return refuse("parameter-value", f"{criterion.code}:{criterion.modifier}: {reason}.", f"http.{criterion.code}")


def _unknown(criterion: Criterion) -> FhirError:
    text = f"{criterion.code}:{criterion.modifier} takes the URL or the id of a ValueSet; there is none of that id."
    return refuse("parameter-value", text, f"http.{criterion.code}")
