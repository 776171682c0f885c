"""The code lists that R4 itself requires, as code systems and value sets (profiles/tables has their codes, not their words).

Version 4.0.1 of R4. A list whose name is that of its code system is all of it; of the others only a part is known, and the
code system says so (`fragment`). Displays are made from the codes: the specification's own wording is not ours to ship.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from profiles.json import Resource
from profiles.structure import value_set
from profiles.tables import table
from terminology.catalogue import MemoryCatalogue

_VERSION: Final = "4.0.1"
_VALUE_SET: Final = "http://hl7.org/fhir/ValueSet/"


@lru_cache(maxsize=1)
def r4_lists() -> MemoryCatalogue:
    """The lists, made at first use."""
    return MemoryCatalogue(_resources())


def _resources() -> Iterator[Resource]:
    parts: dict[str, set[str]] = {}
    whole: set[str] = set()
    for name in table("structure")["valueSets"]:
        lists = value_set(name) or {}
        for system, codes in lists.items():
            parts.setdefault(system, set()).update(codes)
            if len(lists) == 1 and system.rsplit("/", 1)[-1] == name:
                whole.add(system)
        include = [
            {"system": system, "concept": [{"code": code} for code in sorted(codes)]}
            for system, codes in sorted(lists.items())
        ]
        yield {
            "resourceType": "ValueSet",
            "url": f"{_VALUE_SET}{name}",
            "version": _VERSION,
            "name": name,
            "status": "active",
            "compose": {"include": include},
        }
    for system, known in parts.items():
        yield {
            "resourceType": "CodeSystem",
            "url": system,
            **({"version": _VERSION} if "hl7.org/" in system else {}),
            "name": system.rsplit("/", 1)[-1],
            "status": "active",
            "caseSensitive": True,
            "content": "complete" if system in whole else "fragment",
            "concept": [{"code": code, "display": _display(code)} for code in sorted(known)],
        }


def _display(code: str) -> str:
    return " ".join(word[:1].upper() + word[1:] for word in code.split("-")) or code
