"""From the facts of the tables to FHIR resources: StructureDefinition (differential), ValueSet, CodeSystem (FHIR R4).

Names and titles are made from ids and versions; the sentence of a constraint is ours (sentences.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from profiles.definitions.element_ids import path_of
from profiles.json import Resource
from profiles.library.canonicals import whole
from profiles.library.facts import Table
from profiles.library.sentences import sentence
from profiles.structure import type_definition

Facts = dict[str, Any]

NOT_SHIPPED: Final = "https://assent.example/fhir/ValueSet/content-not-shipped"
"""Stands in a value set for a list of codes that may not ship; it is known to nobody, so that nothing is guessed."""

_PROFILES: Final = "StructureDefinition"
_MAX_VALUE_SET: Final = "http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet"
_ADDITIONAL: Final = "http://hl7.org/fhir/tools/StructureDefinition/additional-binding"


def rendered(kind: str, url: str, table: Table) -> Resource:
    """The definition under a URL of a table as a resource."""
    facts: Facts = msgspec.json.decode(table.definitions[kind][url])
    name = url.rpartition("/")[2]
    head: Resource = {
        "resourceType": kind,
        "id": name,
        "url": url,
        "version": table.version,
        "name": "".join(part[:1].upper() + part[1:] for part in name.replace(".", "-").split("-")),
        "title": f"{name} as of {table.guide} {table.version}",
        "status": "active",
    }
    if kind == _PROFILES:
        return {**head, **_structure(facts, table)}
    if kind == "ValueSet":
        return {**head, "compose": _compose(facts, table.uses)}
    return {**head, **_code_system(facts)}


def _structure(facts: Facts, table: Table) -> Resource:
    definition = type_definition(facts["type"])
    made: Resource = {
        "fhirVersion": "4.0.1",
        "kind": "resource" if definition is not None and definition.kind == "resource" else "complex-type",
        "abstract": facts.get("abstract", False),
        "type": facts["type"],
        "baseDefinition": whole(facts["base"], _PROFILES, table.uses),
        "derivation": "constraint",
        "differential": {"element": [_element(row, table) for row in facts["elements"]]},
    }
    contexts = [each.partition(" ") for each in facts.get("context", [])]
    return {**made, "context": [{"type": kind, "expression": text} for kind, _, text in contexts]} if contexts else made


def _element(row: Facts, table: Table) -> Resource:
    element: Resource = {"id": row["id"], "path": path_of(row["id"])}
    slice_name = row["id"].rpartition(".")[2].partition(":")[2]
    if slice_name:
        element["sliceName"] = slice_name
    for name, value in row.items():
        if name == "slicing":
            element[name] = _slicing(value)
        elif name == "type":
            element[name] = [_type(each, table.uses) for each in value]
        elif name == "binding":
            element[name] = _binding(value, row.get("more", []), table.uses)
        elif name == "constraint":
            element[name] = [_constraint(each, table) for each in value]
        elif name != "more":
            element[name] = value
    return element


def _slicing(facts: Facts) -> Resource:
    by = [each.partition(" ") for each in facts["by"]]
    slicing: Resource = {"rules": facts["rules"], "ordered": facts.get("ordered", False)}
    return {"discriminator": [{"type": kind, "path": path} for kind, _, path in by], **slicing} if by else slicing


def _type(facts: str | Facts, uses: Mapping[str, str]) -> Resource:
    if isinstance(facts, str):
        return {"code": facts}
    names = [each for each in ("profile", "targetProfile") if each in facts]
    links: Facts = {name: [whole(each, _PROFILES, uses) for each in facts[name]] for name in names}
    return {**facts, **links}


def _binding(facts: list[str], more: list[list[str]], uses: Mapping[str, str]) -> Resource:
    strength, *sets = facts
    value_sets = [whole(each, "ValueSet", uses) for each in sets]
    extensions: list[Resource] = [{"url": _MAX_VALUE_SET, "valueCanonical": each} for each in value_sets[1:]]
    extensions += [
        {
            "url": _ADDITIONAL,
            "extension": [
                {"url": "purpose", "valueCode": purpose},
                {"url": "valueSet", "valueCanonical": whole(value_set, "ValueSet", uses)},
            ],
        }
        for purpose, value_set in more
    ]
    binding: Resource = {"strength": strength, "valueSet": value_sets[0]}
    return {"extension": extensions, **binding} if extensions else binding


def _constraint(told: str | Facts, table: Table) -> Resource:
    if isinstance(told, str):
        severity, expression = table.constraints[told]
        key = told
    else:
        key, severity, expression = told["key"], told["severity"], told["expression"]
    return {"key": key, "severity": severity, "human": sentence(key, expression), "expression": expression}


def _compose(facts: Facts, uses: Mapping[str, str]) -> Resource:
    compose: Resource = {"include": [_part(each, uses) for each in facts["include"]]}
    return {**compose, "exclude": [_part(each, uses) for each in facts["exclude"]]} if "exclude" in facts else compose


def _part(facts: Facts, uses: Mapping[str, str]) -> Resource:
    part: Resource = {}
    if "system" in facts:
        part["system"] = whole(facts["system"], "CodeSystem", {})
    if "codes" in facts:
        part["concept"] = [{"code": each} for each in facts["codes"]]
    if "filter" in facts:
        filters = [each.split(" ", 2) for each in facts["filter"]]
        part["filter"] = [{"property": name, "op": op, "value": value} for name, op, value in filters]
    value_sets = [whole(each, "ValueSet", uses) for each in facts.get("valueSet", [])]
    value_sets += [NOT_SHIPPED] if facts.get("withheld") else []
    return {**part, "valueSet": value_sets} if value_sets else part


def _code_system(facts: Facts) -> Resource:
    case_sensitive = facts.get("caseSensitive", True)
    return {"caseSensitive": case_sensitive, "content": facts["content"], "concept": list(_concepts(facts["codes"]))}


def _concepts(codes: list[Any]) -> Iterator[Resource]:
    for each in codes:
        if isinstance(each, str):
            yield {"code": each}
        else:
            yield {"code": each[0], "concept": list(_concepts(each[1]))}
