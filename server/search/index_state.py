"""Which searches the store can answer in full: those by rules that every record was indexed by.

While records are made findable by new rules (server/upkeep/index_keeper.py), a search that needs none of the changed ones is
answered as ever; one that does would silently miss records, and is refused until the work is done (docs/decisions, 0026).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from profiles.outcome import FhirError, refuse
from server.search.catalogue import present
from server.search.index_schema import TYPE_ITSELF

RETRY_SECONDS: Final = 30
NONE: Final = frozenset[str]()

_TEXT: Final = (
    "Records are being made findable by new rules, and this search would not find all of them yet; try again later."
)


class IndexState:
    """One to a server. Everything is answered until `doubt` says otherwise."""

    def __init__(self) -> None:
        self._doubtful: Mapping[str, frozenset[str]] = {}

    def doubt(self, codes: Mapping[str, frozenset[str]]) -> None:
        """From now on these parameters, by type, cannot be asked for; all others can."""
        self._doubtful = codes

    @property
    def is_whole(self) -> bool:
        return not self._doubtful

    def check(self, type_: str, codes: Iterable[str]) -> None:
        """Raises FhirError (503) where a search of the type by these codes would not find all."""
        doubtful = self._doubtful.get(type_, NONE)
        own = present().pending.get(type_)
        if own is not None:
            doubtful |= own
        if doubtful and (TYPE_ITSELF in doubtful or not doubtful.isdisjoint(codes)):
            raise rebuilding(_TEXT)


def rebuilding(text: str) -> FhirError:
    """A refusal until records are findable (503)."""
    refusal = refuse("index-rebuilding", text)
    refusal.headers["Retry-After"] = str(RETRY_SECONDS)
    return refusal
