"""What the structure table says of every R4 type, taken from its StructureDefinition snapshot.

    {"fhirVersion", "primitives": [name], "valueSets": {name: {system: [code]}},
     "types": {path: {"kind": "resource" | "complex-type" | "backbone", "base"?: type, "abstract"?: true,
                      "elements": {name: row}}}}

A nested backbone is a type of its own under its path (`Claim.item`); inherited elements stay with the base. A row reads
`min..max types [!valueSet]`: `0..1 code !administrative-gender`, `0..1 boolean|dateTime` (under the name `deceased[x]`),
`0..* Reference(Group,Patient)`, `0..* Claim.item` (a backbone), `0..* #Questionnaire.item` (a content reference),
`0..1 *` (every type that an extension's value may have), `1..1 @uri` (an XML attribute: no extensions of its own).
A required value set that the package cannot enumerate keeps its name in the row and has no entry in `valueSets`.
"""

from __future__ import annotations

from typing import Any, Final

_TYPE_BASE: Final = "http://hl7.org/fhir/StructureDefinition/"
_SYSTEM_TYPE: Final = "http://hl7.org/fhirpath/System."
_FHIR_TYPE: Final = "structuredefinition-fhir-type"
_NESTED: Final = frozenset({"BackboneElement", "Element"})

Package = dict[str, list[dict[str, Any]]]


def structure_table(package: Package) -> dict[str, Any]:
    definitions = sorted(
        (d for d in package["StructureDefinition"] if d.get("derivation") != "constraint" and d["kind"] != "logical"),
        key=lambda d: str(d["type"]),
    )
    value_sets = _ValueSets(package)
    open_types = _open_types(definitions)
    types: dict[str, Any] = {}
    primitives = []
    for definition in definitions:
        if definition["kind"] == "primitive-type":
            primitives.append(definition["type"])
        else:
            _add_type(types, definition, definitions, value_sets, open_types)
    return {
        "fhirVersion": definitions[0]["fhirVersion"],
        "primitives": primitives,
        "openTypes": open_types.split("|"),
        "types": types,
        "valueSets": value_sets.used,
    }


def _open_types(definitions: list[dict[str, Any]]) -> str:
    extension = next(d for d in definitions if d["type"] == "Extension")
    value = next(e for e in extension["snapshot"]["element"] if e["path"] == "Extension.value[x]")
    return "|".join(t["code"] for t in value["type"])


def _add_type(
    types: dict[str, Any],
    definition: dict[str, Any],
    definitions: list[dict[str, Any]],
    value_sets: _ValueSets,
    open_types: str,
) -> None:
    name = definition["type"]
    elements = definition["snapshot"]["element"]
    base = definition.get("baseDefinition", "").removeprefix(_TYPE_BASE)
    types[name] = {"kind": definition["kind"], "elements": {}}
    if base:
        types[name]["base"] = base
    if definition["abstract"]:
        types[name]["abstract"] = True
    for element in elements[1:]:
        path: str = element["path"]
        parent, _, leaf = path.rpartition(".")
        if leaf in _inherited(types[parent].get("base", ""), definitions):
            continue
        codes = [t["code"] for t in element.get("type", [])]
        if len(codes) == 1 and codes[0] in _NESTED:
            types[path] = {"kind": "backbone", "base": codes[0], "elements": {}}
            row = f"{element['min']}..{element['max']} {path}"
        else:
            row = _row(element, value_sets, open_types)
        types[parent]["elements"][leaf] = row


def _inherited(base: str, definitions: list[dict[str, Any]]) -> set[str]:
    if not base:
        return set()
    definition = next(d for d in definitions if d["type"] == base)
    return {e["path"].rpartition(".")[2] for e in definition["snapshot"]["element"][1:] if e["path"].count(".") == 1}


def _row(element: dict[str, Any], value_sets: _ValueSets, open_types: str) -> str:
    cardinality = f"{element['min']}..{element['max']}"
    if "contentReference" in element:
        return f"{cardinality} {element['contentReference']}"
    types = "|".join(_type_text(t, element) for t in element["type"])
    if "|".join(t["code"] for t in element["type"]) == open_types:
        types = "*"
    binding = element.get("binding", {})
    if binding.get("strength") == "required":
        return f"{cardinality} {types} !{value_sets.use(binding['valueSet'])}"
    return f"{cardinality} {types}"


def _type_text(type_: dict[str, Any], element: dict[str, Any]) -> str:
    code: str = type_["code"]
    if code.startswith(_SYSTEM_TYPE):
        code = next(str(e["valueUrl"]) for e in type_["extension"] if e["url"].endswith(_FHIR_TYPE))
        if "xmlAttr" in element.get("representation", []):
            return f"@{code}"
        return "id" if element["path"] == "Resource.id" else code
    targets = sorted(p.removeprefix(_TYPE_BASE) for p in type_.get("targetProfile", []))
    return f"{code}({','.join(targets)})" if targets else code


class _ValueSets:
    """Expands the value sets that required bindings name, and keeps those that could be enumerated."""

    def __init__(self, package: Package) -> None:
        self._value_sets = {v["url"]: v for v in package["ValueSet"]}
        self._code_systems = {c["url"]: c for c in package["CodeSystem"]}
        self._urls: dict[str, str] = {}
        self.used: dict[str, dict[str, list[str]]] = {}

    def use(self, canonical: str) -> str:
        url = canonical.partition("|")[0]
        name = url.rpartition("/")[2]
        if self._urls.setdefault(name, url) != url:
            raise ValueError(f"two value sets share the short name {name}")
        codes = self._expand(url)
        if codes is not None:
            self.used[name] = {system: sorted(found) for system, found in codes.items()}
        return name

    def _expand(self, url: str) -> dict[str, set[str]] | None:
        value_set = self._value_sets.get(url)
        if value_set is None or "exclude" in value_set["compose"]:
            return None
        expansion: dict[str, set[str]] = {}
        for include in value_set["compose"]["include"]:
            part = self._include(include)
            if part is None:
                return None
            for system, codes in part.items():
                expansion.setdefault(system, set()).update(codes)
        return expansion

    def _include(self, include: dict[str, Any]) -> dict[str, set[str]] | None:
        if "filter" in include:
            return None
        if "system" not in include:
            parts = [self._expand(url.partition("|")[0]) for url in include["valueSet"]]
            return parts[0] if len(parts) == 1 else None
        system: str = include["system"]
        if "concept" in include:
            return {system: {c["code"] for c in include["concept"]}}
        concepts = self._code_systems.get(system, {}).get("concept")
        return {system: _codes(concepts)} if concepts else None


def _codes(concepts: list[dict[str, Any]]) -> set[str]:
    found: set[str] = set()
    for concept in concepts:
        found.add(concept["code"])
        found |= _codes(concept.get("concept", []))
    return found
