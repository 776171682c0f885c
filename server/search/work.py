"""What one search has cost: for its budget, and for who asks for an explanation (`_explain`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import perf_counter
from typing import Final

from profiles.outcome import FhirError, refuse
from server.search.catalogue import is_waiting
from server.search.index_entries import PRIMARY_DATES
from server.search.index_state import rebuilding
from server.search.registry import indexed_parameters

_CHEAP: Final = ("identifier", "patient", "subject", "_id", "status", "_lastUpdated")
"""What the index answers alone, where a type has it."""


_WAITING: Final = (
    "A search parameter is new, and records are being made findable by it: until then each has to be opened, which here are too "
    "many. Add a criterion that narrows the search, or try again later."
)


@dataclass(slots=True)
class Work:
    """Belongs to one search. `rows` came from the index, of which `opened` were decrypted, and `matched` passed every check."""

    asked: int = 0
    rows: int = 0
    opened: int = 0
    matched: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    why: str = ""
    """Why all matches are opened, where it is not for the criteria."""

    def spent(self, step: str, since: float) -> float:
        """Counts the time since `since` to a step, and says what time it is."""
        now = perf_counter()
        self.seconds[step] = self.seconds.get(step, 0.0) + now - since
        return now


def too_costly(type_: str, most: int, codes: frozenset[str], why: str = "") -> FhirError:
    """A refusal that says what would make the search cheaper. `codes`: what is asked for already."""
    if is_waiting(codes):
        return rebuilding(_WAITING)
    known = indexed_parameters(type_)
    wanted = (*_CHEAP[:3], PRIMARY_DATES.get(type_, ""), *_CHEAP[3:])
    cheap = [code for code in dict.fromkeys(wanted) if code in known and code not in codes][:4]
    reason = why or "The index does not answer this search alone"
    return refuse(
        "search-too-costly",
        f"{reason}, and more than {most:,} {type_} resources would have to be opened. Add a criterion that narrows it"
        + (f", such as {', '.join(cheap)}." if cheap else "."),
        "http.query",
    )
