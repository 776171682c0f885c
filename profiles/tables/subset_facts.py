"""What the subsets table says: which elements of each R4 type are in its summary, and which change the meaning of the rest.

    {"summary": {path: "name name ..."}, "modifiers": {path: "name name ..."}}

A path is that of a type or a nested backbone (`Observation.component`); inherited elements are named again; a choice goes by its
name alone (`value`). Paths without any are left out. Facts from the core package's StructureDefinitions.
"""

from __future__ import annotations

from typing import Any


def subset_table(package: dict[str, list[dict[str, Any]]]) -> dict[str, dict[str, str]]:
    """The table of all R4 types, from the package's resources by type."""
    found: dict[str, dict[str, list[str]]] = {"summary": {}, "modifiers": {}}
    for definition in sorted(package["StructureDefinition"], key=lambda each: str(each["type"])):
        if definition.get("derivation") == "constraint" or definition["kind"] in {"logical", "primitive-type"}:
            continue
        for element in definition["snapshot"]["element"][1:]:
            holder, _, name = element["path"].rpartition(".")
            for kind, flag in (("summary", "isSummary"), ("modifiers", "isModifier")):
                if element.get(flag):
                    found[kind].setdefault(holder, []).append(name.removesuffix("[x]"))
    return {kind: {path: " ".join(names) for path, names in rows.items()} for kind, rows in found.items()}
