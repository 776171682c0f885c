"""What the search table says: every R4 search parameter per concrete type, and the compartments.

    {"parameters": {type: {code: row}}, "compartments": {compartment: {type: [code]}}, "leftOut": {type/code: why}}

A row is `[parameter type, expression, targets]`, for a composite `["composite", expression, [[component code, expression], ...]]`.
Expressions are R4's own FHIRPath, without the alternatives that begin at other types than the row is for; those of components
begin at the composite's own focus.
"""

from __future__ import annotations

import re
from typing import Any, Final

Package = dict[str, list[dict[str, Any]]]

_FIRST_NAME: Final = re.compile(r"\(*([A-Z]\w*)\b")
_AS_TYPE: Final = re.compile(r"(?<=\.as\()\w+(?=\))")


def search_table(package: Package, structure: dict[str, Any]) -> dict[str, Any]:
    concrete = sorted(name for name, t in structure["types"].items() if t["kind"] == "resource" and "abstract" not in t)
    spelt = {name.lower(): name for name in [*structure["primitives"], *structure["types"]]}
    by_url = {p["url"]: p for p in package["SearchParameter"]}
    parameters: dict[str, dict[str, Any]] = {name: {} for name in ["DomainResource", "Resource", *concrete]}
    left_out: dict[str, str] = {}
    for parameter in sorted(package["SearchParameter"], key=lambda p: str(p["id"])):
        for base in parameter["base"]:
            try:
                parameters[base][parameter["code"]] = _row(parameter, base, by_url, spelt)
            except ValueError as reason:
                left_out[f"{base}/{parameter['code']}"] = str(reason)
    compartments = {
        c["code"]: {r["code"]: r["param"] for r in c["resource"] if r.get("param")}
        for c in sorted(package["CompartmentDefinition"], key=lambda c: str(c["code"]))
    }
    return {
        "parameters": {name: rows for name, rows in parameters.items() if rows},
        "compartments": compartments,
        "leftOut": left_out,
    }


def _row(parameter: dict[str, Any], base: str, by_url: dict[str, Any], spelt: dict[str, str]) -> list[Any]:
    if "expression" not in parameter:
        raise ValueError("no expression: the server answers it by other means")
    expression = _for_type(parameter["expression"], base)
    if parameter["type"] != "composite":
        return [parameter["type"], expression, sorted(parameter.get("target", []))]
    components = [[by_url[c["definition"]]["code"], _spelt(c["expression"], spelt)] for c in parameter["component"]]
    return ["composite", expression, components]


def _for_type(expression: str, base: str) -> str:
    """Without the alternatives that begin at other types. R4 writes `|` between alternatives only, never within one."""
    alternatives = [alternative.strip() for alternative in expression.split("|")]
    if any(alternative.count("(") != alternative.count(")") for alternative in alternatives):
        raise ValueError("alternatives within an alternative")
    own = [text for text in alternatives if (first := _FIRST_NAME.match(text)) is None or first[1] == base]
    if not own:
        raise ValueError("no alternative begins at the type")
    return " | ".join(own)


def _spelt(expression: str, spelt: dict[str, str]) -> str:
    """With the names of types as R4 spells them: a component of `code-value-date` says `value.as(DateTime)`, which finds nothing."""
    return _AS_TYPE.sub(lambda match: spelt.get(match[0].lower(), match[0]), expression)
