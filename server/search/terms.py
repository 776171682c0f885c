"""The strings whose keyed hashes become search terms, on both sides: as a resource is indexed and as a query is compiled.

One letter tells kinds apart, so that a code never meets a reference: `c` code in any system, `s` system and code, `r`
reference, `i` reference by identifier, `u` uri, `x` exact string, `p` string prefix, `d`/`m`/`y` calendar day, month, year,
`M`/`Y` a date known only to the month or year.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from profiles.json import Json
from profiles.references import parse_reference
from profiles.search_parameters import Value
from profiles.text import normalize

PREFIX_LENGTHS: Final = (1, 3, 6)
"""Indexed prefix lengths. Other queries are looked up by the longest that fits and checked on the decrypted hit: each length
costs a term for every word of every name and address."""

_NAME_PARTS: Final = ("text", "family", "given", "prefix", "suffix")
_ADDRESS_PARTS: Final = ("text", "line", "city", "district", "state", "postalCode", "country")


def token_terms(value: Value) -> Iterator[str]:
    """Terms of a token parameter's value (R4 search 3.1.1.4.10)."""
    data = value.value
    if value.kind == "CodeableConcept":
        codings = data.get("coding") if isinstance(data, dict) else None
        for coding in codings if isinstance(codings, list) else ():
            yield from _coding(coding, "code")
    elif value.kind in {"Coding", "Identifier"}:
        yield from _coding(data, "code" if value.kind == "Coding" else "value")
    elif value.kind == "ContactPoint":
        if isinstance(data, dict) and isinstance(data.get("value"), str):
            yield f"c{data['value']}"
    elif isinstance(data, bool):
        yield f"c{'true' if data else 'false'}"
    elif isinstance(data, str):
        yield f"c{data}"


def _coding(coding: Json, element: str) -> Iterator[str]:
    if isinstance(coding, dict) and isinstance(coding.get(element), str):
        system = coding.get("system")
        yield f"c{coding[element]}"
        yield f"s{system if isinstance(system, str) else ''}|{coding[element]}"


def reference_terms(value: Value, base_url: str) -> Iterator[str]:
    """Terms of a reference: the literal without its version, local when it is under `base_url`; and the identifier."""
    data = value.value
    if isinstance(data, str):
        yield f"r{data}"
        if "|" in data:
            yield f"r{data.partition('|')[0]}"
        return
    if not isinstance(data, dict):
        return
    if isinstance(data.get("reference"), str):
        yield f"r{local_reference(data['reference'], base_url)}"
    identifier = data.get("identifier")
    if isinstance(identifier, dict) and isinstance(identifier.get("value"), str):
        system = identifier.get("system")
        yield f"i|{identifier['value']}"
        if isinstance(system, str):
            yield f"i{system}|{identifier['value']}"


def local_reference(text: str, base_url: str) -> str:
    """`Type/id` for a relative reference or one under our own base, without version; any other text as it is."""
    relative = text.removeprefix(base_url + "/")
    reference = parse_reference(relative)
    if reference is not None and reference.kind == "relative" and reference.type and reference.id:
        return f"{reference.type}/{reference.id}"
    return text


def strings(value: Value) -> Iterator[str]:
    """The strings that a string parameter searches in a value; each part of a name or address counts by itself."""
    data = value.value
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for part in _NAME_PARTS if value.kind == "HumanName" else _ADDRESS_PARTS:
            content = data.get(part)
            for item in content if isinstance(content, list) else (content,):
                if isinstance(item, str):
                    yield item


def string_terms(text: str) -> set[str]:
    """Exact and prefix terms. Words inside a string are prefixes too: "de la Cruz" is found by "cruz"."""
    normalized = normalize(text)
    terms = {
        f"p{word[:length]}"
        for word in (normalized, *normalized.split())
        for length in PREFIX_LENGTHS
        if len(word) >= length
    }
    terms.add(f"x{text}")
    return terms


def prefix_term(query: str) -> tuple[str, bool]:
    """(term, whether hits must be checked) for a normalized query string of at least one character."""
    length = max(size for size in PREFIX_LENGTHS if size <= len(query))
    return f"p{query[:length]}", length != len(query)


def matches_prefix(query: str, texts: Iterable[str]) -> bool:
    """The check behind `prefix_term`."""
    for text in texts:
        normalized = normalize(text)
        if normalized.startswith(query) or any(word.startswith(query) for word in normalized.split()):
            return True
    return False
