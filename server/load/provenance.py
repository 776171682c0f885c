"""Where loaded resources come from: Provenance (R4 provenance.html) in the commit that carries them.

One for the resources of one patient's record (or set of records) in a commit, so that it is seen by whoever sees all of them; it names
the files by their digests. A Provenance that is loaded tells for itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import uuid4

from profiles import provenance as told
from profiles.json import Resource

TYPE: Final = "Provenance"
IMPORTS: Final = "imports"
"""One of the values of ASSENT_PROVENANCE."""

MOST_TARGETS: Final = 100
"""Versions that one Provenance tells of."""

_BY: Final = "assent load"

_FILE: Final = "A file, by the BLAKE2b hash (16 bytes) of what it holds."


@dataclass(frozen=True, slots=True)
class Arrival:
    """A version that a load stored, whose record it is part of, and the file that it came in, by its digest."""

    reference: str
    version: int
    patients: tuple[str, ...]
    digest: str


def of_loaded(arrivals: Iterable[Arrival], now: datetime, by: str = _BY) -> Iterator[Resource]:
    """New and changed ones apart. `by`: what brought them."""
    groups: dict[tuple[tuple[str, ...], bool], list[Arrival]] = {}
    for arrival in arrivals:
        if not arrival.reference.startswith(f"{TYPE}/"):
            groups.setdefault((arrival.patients, arrival.version == 1), []).append(arrival)
    for (patients, is_new), group in groups.items():
        for start in range(0, len(group), MOST_TARGETS):
            yield _of(group[start : start + MOST_TARGETS], patients, now, "CREATE" if is_new else "UPDATE", by)


def _of(part: Sequence[Arrival], patients: Sequence[str], now: datetime, activity: told.Activity, by: str) -> Resource:
    digests = sorted({each.digest for each in part})
    files = [told.source({"identifier": {"value": digest}, "display": _FILE}) for digest in digests]
    before = [told.revision(f"{each.reference}/_history/{each.version - 1}") for each in part if each.version > 1]
    targets = [f"{each.reference}/_history/{each.version}" for each in part]
    agents = [told.agent("assembler", {"display": by})]
    return told.provenance(str(uuid4()), targets, now, activity, agents, [*files, *before], patients)
