"""Make the R4 tables from HL7's core package: `python -m profiles.tables.build hl7.fhir.r4.core-4.0.1.tgz`.

Facts only (names, cardinalities, types, codes, paths); no definitions' prose. `--print` shows a table instead of writing.
"""

from __future__ import annotations

import argparse
import sys
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import zstandard

from profiles.tables.constraint_facts import constraint_table
from profiles.tables.search_facts import search_table
from profiles.tables.structure_facts import structure_table
from profiles.tables.subset_facts import subset_table

Package = dict[str, list[dict[str, Any]]]
"""The package's resources by resourceType."""


def read_package(path: Path) -> Package:
    """All JSON resources directly in the package folder (examples lie deeper and are not read)."""
    package: Package = {}
    for resource in _resources(path):
        package.setdefault(resource["resourceType"], []).append(resource)
    return package


def _resources(path: Path) -> Iterator[dict[str, Any]]:
    with tarfile.open(path) as archive:
        for member in archive:
            parts = member.name.split("/")
            if len(parts) != 2 or not parts[1].endswith(".json"):
                continue
            stream = archive.extractfile(member)
            decoded = msgspec.json.decode(stream.read()) if stream is not None else None
            if isinstance(decoded, dict) and "resourceType" in decoded:
                yield decoded


def make_tables(package: Package) -> dict[str, dict[str, Any]]:
    structure = structure_table(package)
    return {
        "structure": structure,
        "search": search_table(package, structure),
        "constraints": constraint_table(package),
        "subsets": subset_table(package),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m profiles.tables.build", description=__doc__)
    parser.add_argument("package", type=Path, help="the R4 core package (.tgz)")
    parser.add_argument(
        "--print",
        choices=["structure", "search", "constraints", "subsets"],
        dest="show",
        help="print one table, write none",
    )
    options = parser.parse_args(arguments)
    for name, content in make_tables(read_package(options.package)).items():
        encoded = msgspec.json.encode(content)  # XML wants elements in the order of their definition
        if options.show == name:
            sys.stdout.write(msgspec.json.format(encoded, indent=1).decode() + "\n")
        elif options.show is None:
            packed = zstandard.ZstdCompressor(level=19).compress(encoded)
            target = Path(__file__).with_name(f"{name}.json.zst")
            target.write_bytes(packed)
            sys.stdout.write(f"{target.name}: {len(encoded)} bytes of JSON, {len(packed)} packed\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
