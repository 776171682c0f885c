"""What the tables of the library rest on: the definitions that they name, and those that these name (for build.py).

Of R4's core package comes what profiles/tables has not: extensions and profiles, value sets and code systems that the guides name,
and those that the types which they profile are bound to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from profiles.definitions.element_ids import path_of
from profiles.library.canonicals import GUIDES, whole
from profiles.library.code_facts import code_system_facts, value_set_facts
from profiles.library.facts import KINDS
from profiles.library.profile_facts import structure_facts
from profiles.structure import value_set as required_codes
from profiles.tables.build import Package

Facts = dict[str, Any]
_DATA_TYPES: Final = frozenset(
    {"Identifier", "CodeableConcept", "Timing", "HumanName", "Address", "ContactPoint", "Signature"}
)


def needed(table: Facts, guides: Sequence[Facts]) -> Facts:
    """A table with what others name, and what that names."""
    kept: Facts = {**table, **{kind: {} for kind in KINDS}}
    waiting = [named for guide in guides for named in _named(guide)]
    while waiting:
        kind, url = waiting.pop()
        name = name_in({"resourceType": kind, "url": url}, table["guide"])
        if name in table[kind] and name not in kept[kind]:
            kept[kind][name] = table[kind][name]
            waiting += _named({kind: {name: table[kind][name]}})
    for kind in KINDS:
        kept[kind] = dict(sorted(kept[kind].items()))
    keys = {
        key
        for each in kept["StructureDefinition"].values()
        for row in each["elements"]
        for key in row.get("constraint", [])
        if isinstance(key, str)
    }
    kept["constraints"] = {key: told for key, told in table["constraints"].items() if key in keys}
    return kept


def name_in(resource: Facts, guide: str) -> str:
    """The id in the guide's address; the whole URL where it lies elsewhere."""
    start = f"{GUIDES[guide]}{resource['resourceType']}/"
    url = str(resource["url"])
    return url.removeprefix(start) if "/" not in url.removeprefix(start) else url


def widen_contexts(table: Facts) -> None:
    """Let the extensions of a guide stand where its own profiles have a slice for them.

    PAS 2.2.1 and 2.0.1 declare some contexts more narrowly than that, and a sender who follows the profiles may not be refused.
    """
    guide = table["guide"]
    for name, definition in table["StructureDefinition"].items():
        for row in definition["elements"]:
            holder, _, segment = row["id"].rpartition(".")
            if not segment.startswith(("extension:", "modifierExtension:")):
                continue
            within = f"extension {GUIDES[guide]}StructureDefinition/{name}"
            place = within if holder == "Extension" else f"element {path_of(holder)}"
            for each in _profiles(row):
                extension = table["StructureDefinition"].get(each.removeprefix(f"{guide}:"))
                if extension is not None and not {place, "element Element"}.intersection(extension["context"]):
                    extension["context"].append(place)


def _profiles(row: Facts) -> list[str]:
    return [each for type_ in row.get("type", []) if isinstance(type_, dict) for each in type_.get("profile", [])]


def core_table(package: Package, guides: Sequence[Facts]) -> Facts:
    """What R4's core package has of the definitions that the tables name, and that those name."""
    known = {kind: {each["url"]: each for each in package[kind]} for kind in KINDS}
    constraints: dict[str, list[str]] = {}
    table: Facts = {"guide": "fhir", "version": "4.0.1", "uses": {}, "constraints": constraints}
    table.update((kind, {}) for kind in known)
    waiting = [named for guide in guides for named in _named(guide)]
    waiting += _bound_in_types(known, {each["type"] for guide in guides for each in guide["StructureDefinition"].values()})
    waiting += [
        ("StructureDefinition", each["url"]) for each in package["StructureDefinition"] if each["type"] == "Extension"
    ]
    seen: set[tuple[str, str]] = set()
    while waiting:
        kind, url = named = waiting.pop()
        resource = known[kind].get(url)
        if resource is None or named in seen or _is_told(kind, resource):
            continue
        seen.add(named)
        facts = _core_facts(kind, resource, constraints)
        if facts is not None:
            table[kind][name_in(resource, "fhir")] = facts
            waiting += _named({kind: {"": facts}})
    for kind in known:
        table[kind] = dict(sorted(table[kind].items()))
    return table


def _is_told(kind: str, resource: Facts) -> bool:
    """Whether profiles/tables tells it: R4's types, and the value sets of required bindings."""
    if kind == "StructureDefinition":
        return resource.get("derivation") != "constraint" or resource["kind"] == "logical"
    return kind == "ValueSet" and required_codes(resource["url"].rpartition("/")[2]) is not None


def _core_facts(kind: str, resource: Facts, constraints: dict[str, list[str]]) -> Facts | None:
    if kind == "StructureDefinition":
        return structure_facts(resource, {}, constraints)
    return value_set_facts(resource, {}) if kind == "ValueSet" else code_system_facts(resource)


def _named(table: Facts) -> Iterator[tuple[str, str]]:
    """(kind, URL) of every definition that a table names."""
    for definition in table.get("StructureDefinition", {}).values():
        yield "StructureDefinition", _url(definition["base"], "StructureDefinition")
        for row in definition["elements"]:
            for type_ in row.get("type", []):
                if isinstance(type_, dict):
                    for each in (*type_.get("profile", []), *type_.get("targetProfile", [])):
                        yield "StructureDefinition", _url(each, "StructureDefinition")
            yield from (
                ("CodeSystem", each) for each in _systems([row[name] for name in row if name.startswith(_CONSTANTS)])
            )
            for each in (*row.get("binding", [])[1:], *(more[1] for more in row.get("more", []))):
                yield "ValueSet", _url(each, "ValueSet")
    for value_set in table.get("ValueSet", {}).values():
        for part in (*value_set["include"], *value_set.get("exclude", [])):
            if "system" in part:
                yield "CodeSystem", _url(part["system"], "CodeSystem")
            for each in part.get("valueSet", []):
                yield "ValueSet", _url(each, "ValueSet")


def _url(short: str, kind: str) -> str:
    return whole(short, kind, {}).partition("|")[0]


def _bound_in_types(known: Mapping[str, Mapping[str, Facts]], types: set[str]) -> Iterator[tuple[str, str]]:
    """The value sets that R4's types are bound to; of the weaker bindings only their code systems, so that a code is known as one."""
    for definition in known["StructureDefinition"].values():
        if definition["type"] in types | _DATA_TYPES and definition.get("derivation") == "specialization":
            for element in definition["snapshot"]["element"]:
                binding = element.get("binding", {})
                url = binding.get("valueSet", "").partition("|")[0]
                if binding.get("strength") == "extensible":
                    yield "ValueSet", url
                for part in known["ValueSet"].get(url, {}).get("compose", {}).get("include", []):
                    if "system" in part:
                        yield "CodeSystem", part["system"]


_CONSTANTS: Final = ("fixed", "pattern")


def _systems(value: Any) -> Iterator[str]:
    """The systems of the codes in fixed values and patterns."""
    if isinstance(value, dict):
        if "code" in value and "system" in value:
            yield value["system"]
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _systems(each)
