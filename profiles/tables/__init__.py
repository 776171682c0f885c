"""The compact tables of FHIR R4 4.0.1 facts, made by profiles/tables/build.py and read on first use.

`structure`: types, elements, cardinalities, type codes, reference targets, the codes of required bindings.
`search`: search parameters with their extraction paths, and the compartments. `constraints`: invariants, and bindings that
are no code lists. `subsets`: what is in summaries, and what modifies the rest. The grammar of their rows is told in
structure_facts.py, search_facts.py, constraint_facts.py and subset_facts.py beside.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any, Final, Literal

import msgspec
import zstandard

TableName = Literal["structure", "search", "constraints", "subsets"]

FHIR_VERSION: Final = "4.0.1"


@cache
def table(name: TableName) -> dict[str, Any]:
    """The table as plain JSON; treat it as read-only. A few milliseconds on the first call, none later."""
    packed = (resources.files(__package__) / f"{name}.json.zst").read_bytes()
    decoded: dict[str, Any] = msgspec.json.decode(zstandard.ZstdDecompressor().decompress(packed))
    return decoded
