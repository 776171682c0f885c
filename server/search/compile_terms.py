"""Criteria on strings, tokens, references and URIs become clauses over terms, plus checks for what terms match too much.

A criterion asks for the terms of its own parameter and of the narrower ones that share its values (server/search/overlap.py).
A clause of None stands for anything: then all is left to the check.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from profiles.json import Resource
from profiles.outcome import refuse
from profiles.references import parse_reference
from profiles.text import normalize
from server.seal.blind_index import BlindIndex
from server.search.known_systems import systems_of
from server.search.overlap import asked_codes
from server.search.registry import indexed_parameters
from server.search.strings import asked_terms, begins_with, is_certain, is_one_of, strings
from server.search.terms import has_identifier, local_reference
from server.search.tree import Criterion
from server.search.values import split_escaped, unescape
from server.store.algebra import AnyOf, Clause, NoneOf

_REFERENCE_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}\Z")

Check = Callable[[Resource], bool]
Compiled = tuple[Clause | None, Check | None]


def compile_terms(type_: str, criterion: Criterion, index: BlindIndex, base_url: str) -> Compiled:
    """Raises FhirError for values of the wrong form."""
    if criterion.type == "string":
        return _string(type_, criterion, index)
    if criterion.type == "token":
        return _token(type_, criterion, index)
    if criterion.type == "reference":
        return _reference(type_, criterion, index, base_url), None
    texts = [f"u{unescape(value)}" for value in criterion.values]
    return AnyOf(_terms(index, type_, asked_codes(type_, criterion.code), texts)), None


def _terms(index: BlindIndex, type_: str, codes: Iterable[str], texts: Iterable[str]) -> tuple[int, ...]:
    texts = list(texts)
    return tuple(sorted({index.term(type_, code, text) for code in codes for text in texts}))


def _string(type_: str, criterion: Criterion, index: BlindIndex) -> Compiled:
    code, codes = criterion.code, asked_codes(type_, criterion.code)
    values = [unescape(value) for value in criterion.values]
    queries = [normalize(value) for value in values]
    is_exact = criterion.modifier == "exact"
    if not is_exact and not all(queries):
        raise refuse("parameter-value", f"{code} needs at least one letter or digit.", f"http.{code}")
    test = is_one_of(values) if is_exact else begins_with(queries)
    extract = indexed_parameters(type_)[code].extract

    def check(resource: Resource) -> bool:
        return any(test(strings(value)) for value in extract(resource))

    found = {(name, query): asked_terms(name, query) for name in codes for query in queries}
    if not all(found.values()):
        return None, check
    terms = {index.term(type_, name, text) for (name, _), texts in found.items() for text in texts}
    certain = not is_exact and all(is_certain(name, query) for name, query in found)
    return AnyOf(tuple(sorted(terms))), None if certain else check


def _token(type_: str, criterion: Criterion, index: BlindIndex) -> Compiled:
    code, parameter = criterion.code, indexed_parameters(type_)[criterion.code]
    asked = [_system_and_code(code, value) for value in criterion.values]
    is_not = criterion.modifier == "not"
    systems = systems_of(type_, code)
    if parameter.kinds == {"Identifier"} and any(system is not None for system, _ in asked):

        def check(resource: Resource) -> bool:
            values = parameter.extract(resource)
            return is_not != any(has_identifier(values, system, number) for system, number in asked)

        numbers = AnyOf(_terms(index, type_, asked_codes(type_, code), [f"c{number}" for _, number in asked]))
        return None if is_not else numbers, check
    texts: list[str] = []
    for system, token in asked:
        if system is not None:
            texts.append(f"s{system}|{token}")
        elif systems:
            texts += [f"s{known}|{token}" for known in systems]
        else:
            texts.append(f"c{token}")
    terms = _terms(index, type_, asked_codes(type_, code), texts)
    return NoneOf(terms) if is_not else AnyOf(terms), None


def _system_and_code(code: str, value: str) -> tuple[str | None, str]:
    """No system where none was named, an empty one where there must be none."""
    parts = [unescape(part) for part in split_escaped(value, "|")]
    if len(parts) == 1:
        return None, parts[0]
    if len(parts) == 2 and parts[1]:
        return parts[0], parts[1]
    raise refuse("parameter-value", f"{code} has the form code, system|code or |code.", f"http.{code}")


def _reference(type_: str, criterion: Criterion, index: BlindIndex, base_url: str) -> AnyOf:
    code = criterion.code
    terms: set[int] = set()
    for value in criterion.values:
        for text, target in _addresses(criterion, value, base_url):
            terms.update(index.term(type_, name, text) for name in asked_codes(type_, code, target))
    return AnyOf(tuple(sorted(terms)))


def _addresses(criterion: Criterion, value: str, base_url: str) -> list[tuple[str, str | None]]:
    """What a value may be stored as, each with the type that its address tells."""
    if criterion.modifier == "identifier":
        parts = [unescape(part) for part in split_escaped(value, "|")]
        return [(f"i|{parts[0]}" if len(parts) == 1 else f"i{'|'.join(parts)}", None)]
    value = unescape(value)
    if "/" in value or ":" in value or "|" in value:
        text = local_reference(value, base_url)
        parsed = parse_reference(text)
        return [(f"r{text}", parsed.type if parsed is not None and parsed.kind == "relative" else None)]
    if not _REFERENCE_ID.match(value):
        raise refuse("parameter-value", f"{criterion.code} is Type/id, an id or a URL.", f"http.{criterion.code}")
    targets = [criterion.modifier] if criterion.modifier else sorted(criterion.targets)
    return [(f"r{target}/{value}", target) for target in targets] if targets else [(f"r{value}", None)]
