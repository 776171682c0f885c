"""A prior authorization request with everything it refers to, resolved: what policies, evidence and payers look at.

Built from a PAS request Bundle (DESIGN section 6) or from a stored Claim; the rest of the business does not care which.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from profiles.json import Resource


@dataclass(frozen=True, slots=True)
class Entry:
    """A resource and the name that verdicts use for it: its fullUrl, or `Type/id/_history/version` in the store."""

    reference: str
    resource: Resource

    @property
    def type(self) -> str:
        return str(self.resource["resourceType"])


@dataclass(frozen=True, slots=True)
class Packet:
    """The Claim under review first in `entries`. `resolve(reference, holder)` follows a reference found in `holder`."""

    claim: Entry
    entries: tuple[Entry, ...]
    resolve: Callable[[str, Entry], Entry | None]
    received: datetime

    def of_type(self, *types: str) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if entry.type in types)

    def follow(self, element: str) -> Entry | None:
        """What a Reference element of the Claim (`patient`, `insurer`, `provider`) points at."""
        holder = self.claim.resource.get(element)
        reference = holder.get("reference") if isinstance(holder, dict) else None
        return self.resolve(reference, self.claim) if isinstance(reference, str) else None
