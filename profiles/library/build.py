"""Make the tables of the library from the guides' packages: `python -m profiles.library.build FOLDER`.

FOLDER holds the packages that are named in `SOURCES`, and R4's core package. Facts only (profile_facts.py, code_facts.py). Of
R4's core comes what the guides rest on beside the types, which profiles/tables has: extensions, profiles, value sets, codes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from profiles.library.code_facts import code_system_facts, value_set_facts
from profiles.library.facts import KINDS
from profiles.library.profile_facts import structure_facts
from profiles.library.rests_on import core_table, name_in, needed, widen_contexts
from profiles.library.sentences import sentence
from profiles.tables.build import Package, read_package

Facts = dict[str, Any]
_CORE: Final = "hl7.fhir.r4.core-4.0.1"


@dataclass(frozen=True, slots=True)
class Source:
    """One table: the package that it comes from, the guide that it is of, and what that guide rests on.

    `as_needed`: only what the tables before it name is taken, and what that names.
    """

    package: str
    guide: str
    version: str
    uses: Mapping[str, str] = field(default_factory=dict)
    as_needed: bool = False

    @property
    def name(self) -> str:
        return f"{self.guide}-{self.version}"

    @property
    def versions(self) -> dict[str, str]:
        return {**self.uses, self.guide: self.version}


_WITHOUT_SYSTEM: Final = [
    {"id": "Practitioner.identifier.system", "min": 0},
    {"id": "Practitioner.identifier.value", "min": 0},
]
_AS_PUBLISHED: Final[Mapping[str, Mapping[str, list[Facts]]]] = {
    "pas-2.2.1": {"profile-practitioner": _WITHOUT_SYSTEM},
    "pas-2.0.1": {"profile-practitioner": _WITHOUT_SYSTEM},
    "hrex-1.0.0": {"hrex-practitioner": _WITHOUT_SYSTEM},
    "crd-2.0.1": {
        "profile-practitioner": [
            *_WITHOUT_SYSTEM,
            {"id": "Practitioner.identifier:NPI.system", "min": 0},
            {"id": "Practitioner.identifier:NPI.value", "min": 0},
        ]
    },
}
"""Where a published snapshot takes less from its base than its differential says, so that nobody else refuses what we would: US
Core requires both of identifiers, these guides put a type's profile there instead."""

_OLD: Final = {"us-core": "3.1.1", "hrex": "1.0.0", "crd": "2.0.1", "sdc": "4.0.0"}
_NEW: Final = {"us-core": "7.0.0", "hrex": "1.2.0", "crd": "2.2.1", "sdc": "4.0.0", "backport": "1.1.0", "pas": "2.2.1"}

SOURCES: Final = (
    Source("hl7.fhir.us.davinci-pas-2.2.1", "pas", "2.2.1", _NEW),
    Source("hl7.fhir.us.davinci-pas-2.0.1", "pas", "2.0.1", _OLD),
    Source("hl7.fhir.us.core-3.1.1", "us-core", "3.1.1", _OLD),
    Source("hl7.fhir.us.core-6.1.0", "us-core", "6.1.0", _NEW),
    Source("hl7.fhir.us.core-7.0.0", "us-core", "7.0.0", _NEW),
    Source("hl7.fhir.us.davinci-hrex-1.0.0", "hrex", "1.0.0", _OLD),
    Source("hl7.fhir.us.davinci-hrex-1.2.0.compiled", "hrex", "1.2.0", _NEW),
    Source("hl7.fhir.us.davinci-crd-2.0.1", "crd", "2.0.1", _OLD),
    Source("hl7.fhir.us.davinci-crd-2.2.1.compiled", "crd", "2.2.1", _NEW),
    Source("hl7.fhir.us.davinci-cdex-2.1.0.source", "cdex", "2.1.0", _NEW),
    Source("hl7.fhir.uv.subscriptions-backport.r4-1.1.0.compiled", "backport", "1.1.0", _NEW),
    Source("hl7.fhir.uv.sdc-4.0.0.compiled", "sdc", "4.0.0", _NEW, as_needed=True),
)


def tables(folder: Path) -> Iterator[tuple[str, Facts]]:
    """Each table by its name, R4's last."""
    made: list[Facts] = []
    for source in SOURCES:
        table = _table(read_package(folder / f"{source.package}.tgz"), source)
        widen_contexts(table)
        made.append(needed(table, made) if source.as_needed else table)
        yield source.name, made[-1]
    yield "fhir-4.0.1", core_table(read_package(folder / f"{_CORE}.tgz"), made)


def _table(package: Package, source: Source) -> Facts:
    constraints: dict[str, list[str]] = {}
    table: Facts = {"guide": source.guide, "version": source.version, "uses": source.versions, "constraints": constraints}
    table["StructureDefinition"] = {
        name_in(each, source.guide): structure_facts(each, source.versions, constraints)
        for each in _sorted(package, "StructureDefinition")
        if each["kind"] != "logical"
    }
    for name, rows in _AS_PUBLISHED.get(source.name, {}).items():
        table["StructureDefinition"][name]["elements"] += rows
    table["ValueSet"] = {
        name_in(each, source.guide): value_set_facts(each, source.versions) for each in _sorted(package, "ValueSet")
    }
    systems = ((each, code_system_facts(each)) for each in _sorted(package, "CodeSystem"))
    table["CodeSystem"] = {name_in(each, source.guide): facts for each, facts in systems if facts is not None}
    return table


def _sorted(package: Package, kind: str) -> list[Facts]:
    return sorted(package.get(kind, []), key=lambda each: str(each["url"]))


def written(table: Facts) -> bytes:
    """A table as JSON, a line for each element, so that a change is seen as what it is.

    Raises KeyError or StopIteration for a constraint that sentences.py has no words for.
    """
    for key, (_, expression) in _constraints(table):
        sentence(key, expression)
    lines = ["{", *(f' "{name}": {_json(table[name])},' for name in ("guide", "version", "uses", "constraints"))]
    for kind in KINDS:
        lines.append(f' "{kind}": {{')
        lines += [_entry(name, facts) + "," for name, facts in table[kind].items()]
        lines[-1] = lines[-1].removesuffix(",")
        lines.append(" }" if kind == "CodeSystem" else " },")
    return ("\n".join([*lines, "}"]) + "\n").encode()


def _constraints(table: Facts) -> Iterator[tuple[str, tuple[str, str]]]:
    yield from table["constraints"].items()
    for definition in table["StructureDefinition"].values():
        for row in definition["elements"]:
            for each in row.get("constraint", []):
                if isinstance(each, dict):
                    yield each["key"], (each["severity"], each["expression"])


def _entry(name: str, facts: Facts) -> str:
    if "elements" not in facts:
        return f'  "{name}": {_json(facts)}'
    head = _json({key: value for key, value in facts.items() if key != "elements"})[:-1]
    rows = ",\n".join(f"   {_json(row)}" for row in facts["elements"])
    return f'  "{name}": {head},"elements":[\n{rows}]}}'


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m profiles.library.build", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the packages (.tgz) are")
    for name, table in tables(parser.parse_args(arguments).folder):
        data = written(table)
        (Path(__file__).parent / "facts" / f"{name}.json").write_bytes(data)
        sys.stdout.write(f"{name}: {len(table['StructureDefinition'])} profiles and extensions, {len(data)} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
