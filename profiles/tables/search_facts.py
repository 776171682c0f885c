"""What the search table says: every R4 search parameter per concrete type, and the compartments.

    {"parameters": {type: {code: row}}, "compartments": {compartment: {type: [code]}}, "leftOut": {type/code: why}}

A row is `[parameter type, paths, targets]`, for a composite `["composite", paths, [[component code, paths], ...]]`.
`paths` are alternatives joined by ` | `; a path is steps joined by dots, relative to the resource (for a component, to the
composite's own focus): `name.family`, `value:Quantity` (only that type of a choice), `telecom[system=email]`, `entry[0]`,
`subject->Patient` (references to that type only), `deceased?` (true if present and not false), `^a.b` (from the resource
again), `extension(url).value:string`, and the lone `.`, the focus itself.
"""

from __future__ import annotations

import re
from typing import Any, Final

Package = dict[str, list[dict[str, Any]]]

_SUGAR: Final = [
    # Each FHIRPath form that R4's search parameters use, and how a path of ours says it.
    (re.compile(r"\((?P<path>[^()|]+) as (?P<type>\w+)\)"), r"\g<path>:\g<type>"),
    (re.compile(r"\.(?:as|ofType)\((?P<type>\w+)\)"), r":\g<type>"),
    (re.compile(r"\.where\(resolve\(\) is (?P<type>\w+)\)"), r"->\g<type>"),
    (re.compile(r"\.where\((?P<key>\w+)='(?P<value>[\w-]+)'\)"), r"[\g<key>=\g<value>]"),
    (re.compile(r"^(?P<path>[\w.]+)\.exists\(\) and (?P=path) != false$"), r"\g<path>?"),
    (re.compile(r"%resource\."), "^"),
]
_STEP: Final = r"\w+(?::\w+)?(?:\[(?:\d+|\w+=[\w-]+)\])?(?:->\w+)?\??"
_PATH: Final = re.compile(rf"\^?{_STEP}(?:\.{_STEP})*|\.")


def search_table(package: Package, structure: dict[str, Any]) -> dict[str, Any]:
    concrete = sorted(name for name, t in structure["types"].items() if t["kind"] == "resource" and "abstract" not in t)
    primitives = {p.lower(): p for p in structure["primitives"]}
    by_url = {p["url"]: p for p in package["SearchParameter"]}
    parameters: dict[str, dict[str, Any]] = {name: {} for name in ["DomainResource", "Resource", *concrete]}
    left_out: dict[str, str] = {}
    for parameter in sorted(package["SearchParameter"], key=lambda p: str(p["id"])):
        for base in parameter["base"]:
            try:
                parameters[base][parameter["code"]] = _row(parameter, base, by_url, primitives)
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


def _row(parameter: dict[str, Any], base: str, by_url: dict[str, Any], primitives: dict[str, str]) -> list[Any]:
    if "expression" not in parameter:
        raise ValueError("no expression: the server answers it by other means")
    paths = _paths(parameter["expression"], base, primitives)
    if parameter["type"] != "composite":
        return [parameter["type"], paths, sorted(parameter.get("target", []))]
    components = [
        [by_url[c["definition"]]["code"], _paths(c["expression"], None, primitives)] for c in parameter["component"]
    ]
    return ["composite", paths, components]


def _paths(expression: str, base: str | None, primitives: dict[str, str]) -> str:
    """The alternatives of an expression that begin at `base` (all of them for a component), in our form."""
    alternatives = []
    for alternative in expression.split("|"):
        text = alternative.strip()
        for pattern, replacement in _SUGAR:
            text = pattern.sub(replacement, text)
        if base is not None:
            head, _, rest = text.partition(".")
            if head == base:
                text = rest.replace(f"{base}.", "") or "."
            elif head[0].isupper():
                continue  # another type's part of an expression that several types share
        text = re.sub(r":(\w+)", lambda m: ":" + primitives.get(m[1].lower(), m[1]), text)
        if not _PATH.fullmatch(text):
            raise ValueError(f"not in the path language: {text}")
        alternatives.append(text)
    if not alternatives:
        raise ValueError("no alternative begins at the type")
    return " | ".join(alternatives)
