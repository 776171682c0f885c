"""The strings whose keyed hashes become search terms, on both sides: as a resource is indexed and as a query is compiled.

One letter tells kinds apart, so that a code never meets a reference: `c` code in any system, `s` system and code, `r`
reference, `i` reference by identifier, `u` uri, `d`/`m`/`y` calendar day, month, year, `M`/`Y` a date known only to the month
or year. Those of strings are in server/search/strings.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from profiles.json import Json
from profiles.references import parse_reference
from profiles.search_parameters import Value


def token_terms(value: Value) -> Iterator[str]:
    """Terms of a token parameter's value (R4 search 3.1.1.4.10).

    An identifier is found by its value alone, for hardly any two systems give the same; the system is checked on the hit.
    """
    data = value.value
    if value.kind == "CodeableConcept":
        codings = data.get("coding") if isinstance(data, dict) else None
        for coding in codings if isinstance(codings, list) else ():
            yield from _coding(coding)
    elif value.kind == "Coding":
        yield from _coding(data)
    elif value.kind in {"Identifier", "ContactPoint"}:
        if isinstance(data, dict) and isinstance(data.get("value"), str):
            yield f"c{data['value']}"
    elif isinstance(data, bool):
        yield f"c{'true' if data else 'false'}"
    elif isinstance(data, str):
        yield f"c{data}"


def _coding(coding: Json) -> Iterator[str]:
    if isinstance(coding, dict) and isinstance(coding.get("code"), str):
        system = coding.get("system")
        yield f"c{coding['code']}"
        yield f"s{system if isinstance(system, str) else ''}|{coding['code']}"


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
