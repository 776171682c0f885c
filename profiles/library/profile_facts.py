"""What a table of the library says of one StructureDefinition, taken from a published one: facts, none of its prose.

    {"type": ..., "base": canonical, "abstract": true?, "context": ["element Claim.item", ...],
     "elements": [{"id": ..., "min": ..., "max": ..., ...}]}

A row is one element of the differential. Its members have FHIR's names, and these forms:

    path        only where it is not the id without slice names (`valueQuantity` for `value[x]`)
    type        a code, or {"code", "profile", "targetProfile", "aggregation", "versioning"}; canonicals in short form
    slicing     {"by": ["value url", ...], "rules": ..., "ordered": true?}
    binding     [strength, value set], and a third, the maximal value set
    more        [[purpose, value set]]: additional bindings that hold everywhere
    constraint  keys; severity and expression stand once for the family under `constraints`, or here where they are others

Titles, definitions, comments, requirements, examples, mappings and the guides' own extensions are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from profiles.definitions.element_ids import path_of, with_ids
from profiles.library.canonicals import shortened

Facts = dict[str, Any]
Constraints = dict[str, list[str]]

_PLAIN: Final = ("min", "max", "mustSupport", "isModifier", "contentReference", "maxLength", "condition")
_CONSTANTS: Final = ("fixed", "pattern", "minValue", "maxValue")
_KIND: Final = "StructureDefinition"
_MAX_VALUE_SET: Final = "http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet"
_ADDITIONAL: Final = "http://hl7.org/fhir/tools/StructureDefinition/additional-binding"
_TYPE_SUPPORT: Final = frozenset({"code", "profile", "targetProfile", "aggregation", "versioning"})


def structure_facts(definition: Facts, uses: Mapping[str, str], constraints: Constraints) -> Facts:
    """The facts of a StructureDefinition. Its constraints are noted in `constraints` by their key."""
    facts: Facts = {"type": definition["type"], "base": shortened(definition["baseDefinition"], _KIND, uses)}
    if definition.get("abstract"):
        facts["abstract"] = True
    if "context" in definition:
        facts["context"] = [f"{each['type']} {each['expression']}" for each in definition["context"]]
    published = {each["id"]: each for each in definition.get("snapshot", {}).get("element", [])}
    elements = with_ids(definition["differential"]["element"])
    rows = (_row(each, published.get(each["id"], each), uses, constraints) for each in elements)
    facts["elements"] = [row for row in rows if len(row) > 1 or ":" in row["id"].rpartition(".")[2]]
    return facts


def _row(element: Facts, published: Facts, uses: Mapping[str, str], constraints: Constraints) -> Facts:
    row: Facts = {"id": element["id"]}
    if element["path"] != path_of(element["id"]):
        row["path"] = element["path"]
    row.update((name, element[name]) for name in _PLAIN if name in element)
    if "slicing" in element:
        row["slicing"] = _slicing(published.get("slicing") or element["slicing"])
    if "type" in element:
        row["type"] = [_type(each, uses) for each in element["type"]]
    row.update((name, value) for name, value in element.items() if name.startswith(_CONSTANTS))
    row.update(_bindings(element.get("binding", {}), published.get("binding", {}), uses))
    if "constraint" in element:
        row["constraint"] = [_constraint(each, constraints) for each in element["constraint"]]
    return row


def _slicing(slicing: Facts) -> Facts:
    """As the published snapshot has it: there, a choice of fewer types is closed."""
    facts: Facts = {"by": [f"{each['type']} {each['path']}" for each in slicing.get("discriminator", [])]}
    facts["rules"] = slicing.get("rules", "open")
    return {**facts, "ordered": True} if slicing.get("ordered") else facts


def _type(type_: Facts, uses: Mapping[str, str]) -> str | Facts:
    facts = {name: value for name, value in type_.items() if name in _TYPE_SUPPORT}
    for name in ("profile", "targetProfile"):
        if name in facts:
            facts[name] = [shortened(each, _KIND, uses) for each in facts[name]]
    return str(facts["code"]) if len(facts) == 1 else facts


def _bindings(binding: Facts, published: Facts, uses: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """A differential may tell a strength alone: the value set is then the one that the published snapshot has from the base."""
    value_set = binding.get("valueSet") or published.get("valueSet")
    if "strength" in binding and value_set:
        maximum = [each.get("valueCanonical", "") for each in binding.get("extension", []) if each["url"] == _MAX_VALUE_SET]
        sets = [shortened(each, "ValueSet", uses) for each in (value_set, *maximum)]
        yield "binding", [binding["strength"], *sets]
    more = list(_additional(binding, uses))
    if more:
        yield "more", more


def _additional(binding: Facts, uses: Mapping[str, str]) -> Iterator[list[str]]:
    for extension in binding.get("extension", []):
        parts = {each["url"]: each for each in extension.get("extension", [])}
        if extension["url"] == _ADDITIONAL and "usage" not in parts:
            value_set = parts["valueSet"]["valueCanonical"]
            yield [parts["purpose"]["valueCode"], shortened(value_set, "ValueSet", uses)]


def _constraint(constraint: Facts, constraints: Constraints) -> str | Facts:
    key = str(constraint["key"])
    facts = [constraint["severity"], constraint.get("expression", "")]
    if constraints.setdefault(key, facts) == facts:
        return key
    return {"key": key, "severity": facts[0], "expression": facts[1]}
