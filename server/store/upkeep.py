"""What a store offers to those who go through all of it: to seal it anew, to check it, to make it findable anew.

Everything is visited in a fixed order, a few at a time, so that a visitor can stop, remember where it was, and go on. What is
written while somebody visits is not lost: a rewrite changes only what still is what the visitor saw.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from server.store.store import Index, Record


@dataclass(frozen=True, slots=True)
class Row:
    """The current version of a record, whose it is, and what it is found by."""

    record: Record
    tenant: int
    index: Index


@dataclass(frozen=True, slots=True)
class HeldKey:
    """A uniqueness key and its sealed holder. Whose it is, only the seal tells."""

    key: bytes
    holder: bytes


@dataclass(frozen=True, slots=True)
class KeptJob:
    id: int
    tenant: int
    kind: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Totals:
    """How many of each there are (records, not versions), for showing how far somebody is."""

    records: int
    keys: int
    jobs: int
    audit: int


@dataclass(frozen=True, slots=True)
class NewBody:
    """Another seal around the same content: of the version `version` of the record `rid`."""

    rid: int
    version: int
    old: bytes
    new: bytes


@dataclass(frozen=True, slots=True)
class NewHolder:
    key: bytes
    old: bytes
    new: bytes


@dataclass(frozen=True, slots=True)
class NewJobBody:
    id: int
    old: bytes
    new: bytes


@dataclass(frozen=True, slots=True)
class NewJobPart:
    job: int
    number: int
    old: bytes
    new: bytes


@dataclass(frozen=True, slots=True)
class NewInternalBody:
    key: bytes
    old: bytes
    new: bytes


Rewrite = NewBody | NewHolder | NewJobBody | NewJobPart | NewInternalBody


@dataclass(frozen=True, slots=True)
class NewIndex:
    """What the version `version` of a record is to be found by, if it is still the current one."""

    rid: int
    version: int
    index: Index


@dataclass(frozen=True, slots=True)
class Listing:
    """What a version is to be listed under in the history. `until`: when the next version was stored, None for the current one."""

    rid: int
    version: int
    updated: int
    until: int | None
    terms: tuple[int, ...]


class Upkeep(Protocol):
    """All raise StoreUnavailableError."""

    async def totals(self) -> Totals: ...

    async def rows(self, after: int, limit: int) -> list[Row]:
        """Current versions with a row number above `after`, in that order; deletions as well."""

    async def held_keys(self, after: bytes, limit: int) -> list[HeldKey]:
        """In the order of their keys."""

    async def jobs(self, after: int, limit: int) -> list[KeptJob]:
        """In the order of their ids, whether due, leased or failed."""

    async def rewrite(self, rewrites: Sequence[Rewrite]) -> None:
        """Each takes place only where the old bytes are still there, in the record or among its earlier versions."""

    async def reindex(self, entries: Sequence[NewIndex]) -> None:
        """Each takes place only where that version is still the current one."""

    async def list_versions(self, listings: Sequence[Listing]) -> None:
        """List versions that are there already; what they are listed under besides is left."""

    async def unlisted(self, listings: Sequence[Listing]) -> list[Listing]:
        """Those that are not listed under all their terms."""

    async def index_audit_anew(self, entries: Sequence[tuple[int, Index]]) -> None:
        """Give audit records that were made findable before the entries that they should have."""

    async def drop_audit(self, entries: Sequence[tuple[int, Index]], through_seq: int) -> None:
        """Take away all audit batches up to that number, and what their records are found by."""

    async def unfindable(self, rows: Sequence[Row]) -> set[int]:
        """Row numbers whose index lacks an entry that the row says it has."""

    async def damage(self) -> list[str]:
        """What the engine itself finds wrong with its files, in sentences for the operator."""
