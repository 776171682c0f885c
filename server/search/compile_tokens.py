"""Criteria on tokens (R4 search 3.1.1.4.10): `code`, `system|code`, `|code`, `system|`, with `:not`, `:text` and `:of-type`.

What is asked of a terminology (`:in`, `:not-in`, `:above`, `:below`) has become codes before (server/search/resolve.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from profiles.json import Json
from profiles.outcome import FhirError, refuse
from profiles.search_parameters import SearchParameter, Value
from profiles.text import normalize
from server.seal.blind_index import BlindIndex
from server.search.implied_systems import without_implied
from server.search.known_systems import systems_of
from server.search.leaf import Fits, Leaf, terms_of
from server.search.overlap import asked_codes
from server.search.strings import begins_with
from server.search.terms import token_terms
from server.search.tree import Criterion
from server.search.values import split_escaped, unescape
from server.store.algebra import AnyOf, Clause, NoneOf

MANY: Final = 1000
"""So many terms can be looked up; what has more is looked for in each hit."""

_NUMBERED: Final = frozenset({"Identifier", "ContactPoint"})
"""Found by their value alone; the system is checked on the hit."""


def token_leaf(type_: str, criterion: Criterion, parameter: SearchParameter, index: BlindIndex) -> Leaf:
    """Raises FhirError (400) for values of the wrong form."""
    code, modifier = criterion.code, criterion.modifier
    if modifier == "text":
        return Leaf((), False, _by_text(criterion))
    if modifier == "of-type":
        return _of_type(type_, criterion, index)
    asked = without_implied(type_, parameter, [_system_and_code(code, value) for value in criterion.values])
    fits = _by_code(asked)
    if modifier == "ne":  # some value is another: R4 search_filter.html
        return Leaf((), False, lambda values: any(not fits((value,)) for one in values for value in _single(one)))
    clause, exact = _clause(type_, code, parameter, asked, index)
    codes = frozenset({code})
    if modifier != "not":
        return Leaf((clause,) if clause is not None else (), exact, fits, codes)
    without = (NoneOf(clause.terms),) if exact and clause is not None else ()
    return Leaf(without, exact, lambda values: not fits(values), codes)


def _clause(
    type_: str, code: str, parameter: SearchParameter, asked: Sequence[tuple[str | None, str]], index: BlindIndex
) -> tuple[AnyOf | None, bool]:
    """What tells the values, where they are few and something does; and whether it tells all."""
    texts: set[str] = set()
    exact = True
    systems = systems_of(type_, code)
    for system, token in asked:
        if not token:
            return None, False
        if system is None:
            texts.update([f"s{known}|{token}" for known in systems] or [f"c{token}"])
            continue
        if parameter.kinds - _NUMBERED:
            texts.add(f"s{system}|{token}")
        if parameter.kinds & _NUMBERED:
            texts.add(f"c{token}")
            exact = False
    clause = terms_of(index, type_, asked_codes(type_, code), texts)
    return (clause, exact) if len(clause.terms) <= MANY else (None, False)


def _system_and_code(code: str, value: str) -> tuple[str | None, str]:
    """No system where none was named, an empty one where there must be none; no code where any will do."""
    parts = [unescape(part) for part in split_escaped(value, "|")]
    if len(parts) == 1 and parts[0]:
        return None, parts[0]
    if len(parts) == 2 and any(parts):
        return parts[0], parts[1]
    raise refuse("parameter-value", f"{code} has the form code, system|code, |code or system|.", f"http.{code}")


def _by_code(asked: Sequence[tuple[str | None, str]]) -> Fits:
    bare = {token for system, token in asked if system is None}
    whole = {(system, token) for system, token in asked if system is not None and token}
    systems = {system for system, token in asked if not token}

    def fits(values: Sequence[Value]) -> bool:
        for value in values:
            for system, token in pairs(value):
                if token in bare or (system, token) in whole or (system and system in systems):
                    return True
        return False

    return fits


def pairs(value: Value) -> Iterator[tuple[str | None, str]]:
    """(system, code) of every coding, identifier or plain code in a value: None for a plain code, "" for a missing system."""
    data = value.value
    for item in (one.value for one in _single(value)):
        if isinstance(item, dict):
            token = item.get("value" if value.kind in _NUMBERED else "code")
            if isinstance(token, str):
                system = item.get("system")
                yield system if isinstance(system, str) else "", token
    if not isinstance(data, dict):
        for text in token_terms(value):
            yield None, text[1:]


def _single(value: Value) -> Iterator[Value]:
    """A concept's codings one by one; any other value as it is."""
    if value.kind == "CodeableConcept" and isinstance(value.value, dict):
        codings = value.value.get("coding")
        for coding in codings if isinstance(codings, list) else ():
            yield Value("Coding", coding)
    else:
        yield value


def _by_text(criterion: Criterion) -> Fits:
    queries = [normalize(unescape(value)) for value in criterion.values]
    if not all(queries):
        raise refuse("parameter-value", f"{criterion.code}:text needs a letter or digit.", f"http.{criterion.code}")
    begins = begins_with(queries)
    return lambda values: any(begins(_texts(value)) for value in values)


def _texts(value: Value) -> Iterator[str]:
    """What people read of it: CodeableConcept.text, Coding.display, Identifier.type.text."""
    data = value.value
    if not isinstance(data, dict):
        return
    found: list[Json] = [data.get("text" if value.kind == "CodeableConcept" else "display")]
    if value.kind == "Identifier":
        of = data.get("type")
        found = [of.get("text")] if isinstance(of, dict) else []
    found += [one.value.get("display") for one in _single(value) if value.kind == "CodeableConcept" and _is_object(one)]
    yield from (text for text in found if isinstance(text, str))


def _is_object(value: Value) -> bool:
    return isinstance(value.value, dict)


def _of_type(type_: str, criterion: Criterion, index: BlindIndex) -> Leaf:
    """`system|code|value`: an identifier of a type (R4 search 3.1.1.4.10)."""
    asked: list[tuple[str, str, str]] = []
    for value in criterion.values:
        parts = [unescape(part) for part in split_escaped(value, "|")]
        if len(parts) != 3 or not all(parts):
            raise _bad_of_type(criterion.code)
        asked.append((parts[0], parts[1], parts[2]))

    def fits(values: Sequence[Value]) -> bool:
        for value in values:
            data = value.value
            if value.kind != "Identifier" or not isinstance(data, dict):
                continue
            kinds = set(pairs(Value("CodeableConcept", data.get("type"))))
            if any(number == data.get("value") and (system, token) in kinds for system, token, number in asked):
                return True
        return False

    numbers = [f"c{number}" for _, _, number in asked]
    clauses: tuple[Clause, ...] = (terms_of(index, type_, asked_codes(type_, criterion.code), numbers),)
    return Leaf(clauses, False, fits, frozenset({criterion.code}))


def _bad_of_type(code: str) -> FhirError:
    form = "the type's system, its code and the identifier's value: system|code|value"
    return refuse("parameter-value", f"{code}:of-type is {form}.", f"http.{code}")
