"""The tables of the library, one for each guide and version, read on first use. Made by profiles/library/build.py.

    {"guide": "pas", "version": "2.2.1", "uses": {guide: version}, "constraints": {key: [severity, expression]},
     "StructureDefinition": {id: facts}, "ValueSet": {id: facts}, "CodeSystem": {id: facts}}

The ids are those in the guide's own address, or whole URLs. What the facts of one definition look like is told in
profiles/library/profile_facts.py and code_facts.py; the short form of canonicals in canonicals.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Final

import msgspec

from profiles.library.canonicals import GUIDES

KINDS: Final = ("StructureDefinition", "ValueSet", "CodeSystem")


class Table(msgspec.Struct, frozen=True):
    """One table. The facts of a definition stay the bytes that they are until they are asked for."""

    guide: str
    version: str
    uses: Mapping[str, str]
    constraints: Mapping[str, tuple[str, str]]
    definitions: Mapping[str, Mapping[str, msgspec.Raw]]
    """By kind and URL."""


class _Written(msgspec.Struct):
    guide: str
    version: str
    uses: dict[str, str]
    constraints: dict[str, tuple[str, str]]
    structures: dict[str, msgspec.Raw] = msgspec.field(name="StructureDefinition")
    value_sets: dict[str, msgspec.Raw] = msgspec.field(name="ValueSet")
    code_systems: dict[str, msgspec.Raw] = msgspec.field(name="CodeSystem")


@cache
def table(name: str) -> Table:
    """The table called `pas-2.2.1`, `us-core-6.1.0`, ...; about a millisecond on the first call, nothing later."""
    data = (resources.files(__package__) / f"{name}.json").read_bytes()
    written = msgspec.json.decode(data, type=_Written)
    kinds = zip(KINDS, (written.structures, written.value_sets, written.code_systems), strict=True)
    base = GUIDES[written.guide]
    definitions = {kind: {_url(base, kind, name): facts for name, facts in of_kind.items()} for kind, of_kind in kinds}
    return Table(written.guide, written.version, written.uses, written.constraints, definitions)


def _url(base: str, kind: str, name: str) -> str:
    return name if ":" in name else f"{base}{kind}/{name}"
