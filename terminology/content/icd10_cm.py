"""ICD-10-CM as a code system, made at first use from the package `simple-icd-10-cm` (the CMS files are public domain).

The package holds the newest edition alone; when a code of our rules could be billed is in icd10_validity.py. Chapters and
blocks only group (`notSelectable`); `billable` says whether a code has no finer ones in this edition. Codes are written with
their dot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module, metadata
from typing import Any, Final

from terminology.code_system import CONCEPT_PROPERTIES, CodeSystem, Property, PropertyDefinition
from terminology.systems import ICD10_CM

_PACKAGE: Final = "simple_icd_10_cm"
_BILLABLE: Final = (Property("billable", "valueBoolean", True),)
_HEADING: Final = (Property("billable", "valueBoolean", False),)
_GROUP: Final = (*_HEADING, Property("notSelectable", "valueBoolean", True))


def icd10_cm_version() -> str:
    """The version under which the system is known: the package's, since it names no edition."""
    return metadata.version(_PACKAGE)


def icd10_cm() -> CodeSystem:
    """The code system. Takes some tenths of a second and some tens of megabytes."""
    source = import_module(_PACKAGE)
    codes: list[str] = list(dict.fromkeys(source.get_all_codes(True)))
    index = {code: row for row, code in enumerate(codes)}
    parents, children = _hierarchy(source, codes, index)
    return CodeSystem(
        url=ICD10_CM,
        version=icd10_cm_version(),
        head={
            "resourceType": "CodeSystem",
            "url": ICD10_CM,
            "name": "ICD10CM",
            "title": "ICD-10-CM",
            "status": "active",
            "hierarchyMeaning": "is-a",
        },
        content="complete",
        case_sensitive=False,
        language="en",
        codes=codes,
        displays=[source.get_description(code) for code in codes],
        index=index,
        folded={code.lower(): row for code, row in index.items()},
        parents=parents,
        children=children,
        properties={row: _properties(code, row in children) for row, code in enumerate(codes)},
        property_definitions={
            "billable": PropertyDefinition("billable", None, "boolean"),
            "notSelectable": PropertyDefinition("notSelectable", f"{CONCEPT_PROPERTIES}notSelectable", "boolean"),
        },
    )


def _hierarchy(
    source: Any, codes: Sequence[str], index: Mapping[str, int]
) -> tuple[dict[int, Sequence[int]], dict[int, Sequence[int]]]:
    parents: dict[int, Sequence[int]] = {}
    children: dict[int, Sequence[int]] = {}
    for row, code in enumerate(codes):
        below = tuple(index[child] for child in source.get_children(code) if child in index)
        if below:
            children[row] = below
            for other in below:
                parents[other] = (row,)
    return parents, children


def _properties(code: str, has_children: bool) -> tuple[Property, ...]:
    if "-" in code or not code[0].isalpha():
        return _GROUP
    return _HEADING if has_children else _BILLABLE
