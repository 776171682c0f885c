"""The contract of a store (DESIGN section 3): sealed records, found by opaque terms, changed one commit at a time.

A store sees no plain text: record keys, terms and uniqueness keys are keyed hashes, bodies are sealed. `tenant` is a small
integer. Times are integer microseconds since 1970 (UTC).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Protocol

from server.store.algebra import Clause, Hit, Plan
from server.store.blobs import Blobs, NewBlob
from server.store.internal import Drop, Internals, Keep
from server.store.jobs import Checkpoint, Jobs, NewJob

if TYPE_CHECKING:
    from server.store.timeline import Timeline, TimelinePage
    from server.store.upkeep import Upkeep


@dataclass(frozen=True, slots=True)
class Record:
    """One version of a resource, sealed. `version` counts from 1. `order` is the current version's (0 for old ones)."""

    rid: int
    key: bytes
    version: int
    updated: int
    deleted: bool
    body: bytes
    order: int = 0


@dataclass(frozen=True, slots=True)
class Index:
    """How a record is found: its order (primary date), its terms, and its intervals (column, low, high).

    `timeline` are the terms under which this version stays listed in the history (server/store/timeline.py).
    """

    order: int = 0
    terms: tuple[int, ...] = ()
    intervals: tuple[tuple[int, float, float], ...] = ()
    timeline: tuple[int, ...] = ()


Edition = Literal["definitions", "consents", "subscriptions", "search"]
"""What a tenant stores that others are made of, and kept until it changes."""


@dataclass(frozen=True, slots=True)
class Put:
    """Make `version` the current version of the record `key`. `version - 1` must be current (0: there is none)."""

    key: bytes
    version: int
    updated: int
    body: bytes
    index: Index = Index()
    deleted: bool = False
    definition: bool = False
    """Others are understood by it (a code system, a profile): the tenant's edition changes with it (`Store.edition`)."""
    consent: bool = False
    """It says what may be seen of other records: the tenant's edition of consents changes with it."""
    subscription: bool = False
    """It says who is told of changes to other records: the tenant's edition of subscriptions changes with it."""
    search: bool = False
    """Others are searched by it: the tenant's edition of search changes with it, and that of all tenants (`SEARCH_EDITION`)."""


@dataclass(frozen=True, slots=True)
class Erase:
    """Take versions of a record away for good: those before `version`, which must be current (else StaleVersionError).

    With `whole`, that one too, and all that the record is found by. `listed` are the timeline's entries of the versions that go:
    (term, updated, version).
    """

    key: bytes
    version: int
    whole: bool = False
    listed: Sequence[tuple[int, int, int]] = ()
    definition: bool = False
    consent: bool = False
    search: bool = False


@dataclass(frozen=True, slots=True)
class KeyClaim:
    """Let `holder` (sealed) hold the uniqueness key. `replaces` is the present holder's digest, or None when free."""

    key: bytes
    holder: bytes
    digest: bytes
    replaces: bytes | None = None


@dataclass(frozen=True, slots=True)
class Commit:
    """What becomes durable together. `audit` are encoded audit records (server/audit), in order."""

    tenant: int
    puts: Sequence[Put] = ()
    keys: Sequence[KeyClaim] = ()
    jobs: Sequence[NewJob] = ()
    audit: Sequence[bytes] = ()
    finished_job: tuple[int, int] | None = None
    """(job id, fence): the job that this commit completes and removes; refused when the fence is no longer valid."""
    checkpoint: Checkpoint | None = None
    """The job that this is done for, and how far it is then; refused when its fence is no longer valid."""
    blobs: Sequence[NewBlob] = ()
    """Uploads that become current; refused (BlobGoneError) when one is not there."""
    erasures: Sequence[Erase] = ()
    """Of records that the same commit does not put."""
    internals: Sequence[Keep | Drop] = ()
    """Changes to the server's own records; refused (StaleVersionError) where one is at another version."""


@dataclass(frozen=True, slots=True)
class AuditBatch:
    """Audit records of one tenant that were committed together; `body` is sealed, `chain` links it to the one before."""

    seq: int
    tenant: int
    count: int
    chain: bytes
    body: bytes


class StaleVersionError(Exception):
    """A `Put` is not on top of the current version. Nothing was stored."""

    def __init__(self, key: bytes) -> None:
        super().__init__("The record is at another version.")
        self.key = key


class KeyHeldError(Exception):
    """A uniqueness key is held by another. Nothing was stored."""


class LostLeaseError(Exception):
    """The job was leased to somebody else meanwhile. Nothing was stored."""


Trouble = Literal["full", "read-only", "disk", "slow", "busy", "away", "unknown"]
"""Why a store cannot answer: no room; a disk that takes no writes, or that fails; a disk or database that takes too long; too
many who wait for it; a database that is not reached."""


class StoreUnavailableError(Exception):
    """The store cannot answer now. Whether a running commit succeeded is not known, unless the trouble is `full` or `busy`."""

    def __init__(self, message: str, trouble: Trouble = "unknown") -> None:
        super().__init__(message)
        self.trouble: Trouble = trouble


SEARCH_EDITION: Final = "edition/search"
"""The setting that changes when any tenant's edition of search does."""


def edition_setting(tenant: int, of: Edition) -> str:
    """The setting that holds a tenant's edition."""
    return f"edition/{tenant}" if of == "definitions" else f"edition/{tenant}/{of}"


def editions_of(commit: Commit) -> set[str]:
    """The settings whose value is another with the commit."""
    definitions = any(put.definition for put in commit.puts) or any(each.definition for each in commit.erasures)
    consents = any(put.consent for put in commit.puts) or any(each.consent for each in commit.erasures)
    subscriptions = any(put.subscription for put in commit.puts)
    search = changes_search(commit)
    found: dict[Edition, bool] = {
        "definitions": definitions,
        "consents": consents,
        "subscriptions": subscriptions,
        "search": search,
    }
    changed = {edition_setting(commit.tenant, of) for of, changes in found.items() if changes}
    return changed | {SEARCH_EDITION} if search else changed


def changes_search(commit: Commit) -> bool:
    """Whether others are searched otherwise after it."""
    return any(put.search for put in commit.puts) or any(each.search for each in commit.erasures)


def new_edition() -> bytes:
    """An edition like no other, whichever server makes it."""
    return os.urandom(16)


AuditSealer = Callable[[int, int, bytes, Sequence[bytes]], bytes]
"""(tenant, sequence number, hash of the tenant's batch before, records) -> sealed batch body."""


class Store(Protocol):
    """Reads see every acknowledged commit (read your writes)."""

    @property
    def upkeep(self) -> Upkeep:
        """Going through all of it: to seal it anew, to check it, to make it findable anew."""

    @property
    def jobs(self) -> Jobs:
        """Durable work: leases, how far it is, results."""

    @property
    def blobs(self) -> Blobs:
        """Content too large for a record, in sealed chunks."""

    @property
    def internals(self) -> Internals:
        """The server's own records: accounts, sessions, codes."""

    async def commit(self, commit: Commit) -> None:
        """Store everything durably, or nothing; what holds audit records alone may reach the disk a moment later. Raises StaleVersionError, KeyHeldError, LostLeaseError."""

    @property
    def largest_commit(self) -> int:
        """How many records a commit of a bulk load may carry: the more, the less each costs."""

    async def settle(self) -> None:
        """After a large commit: bring what it left in a log to its place, before the next one."""

    async def read(self, key: bytes) -> Record | None: ...

    async def read_version(self, key: bytes, version: int) -> Record | None: ...

    async def history(self, key: bytes, before_version: int | None, limit: int) -> list[Record]:
        """Versions, newest first."""

    async def timeline(self, plan: Timeline) -> TimelinePage:
        """Versions of many records in the order of their times."""

    async def find(self, plan: Plan) -> list[Hit]: ...

    async def count(self, clauses: Sequence[Clause], limit: int) -> int:
        """How many records match, counting no further than `limit`."""

    async def fetch(self, rids: Sequence[int]) -> dict[int, Record]: ...

    async def key_holder(self, key: bytes) -> bytes | None:
        """The sealed holder of a uniqueness key."""

    async def edition(self, tenant: int, of: Edition = "definitions") -> bytes:
        """Another one after each commit that holds a definition (or a consent) of the tenant; empty before the first.

        What was read after it is at least as new as it says: so whatever is made of definitions may be kept under it.
        """

    async def audit_batches(self, after_seq: int, limit: int) -> list[AuditBatch]: ...

    async def audit_batch(self, seq: int) -> AuditBatch | None: ...

    async def index_audit(self, entries: Sequence[tuple[int, Index]], through_seq: int) -> None:
        """Make audit records findable (rid, index) and move the watermark, in one commit."""

    async def audit_watermark(self) -> tuple[int, int]:
        """(last indexed sequence number, last stored sequence number)."""

    async def get_setting(self, name: str) -> bytes | None:
        """A small value of the store itself (wrapped keys, schema marks)."""

    async def put_setting(
        self, name: str, value: bytes, *, only_if_absent: bool = False, replaces: bytes | None = None
    ) -> bytes:
        """Store a setting; returns the value now in force. With `replaces`, only where that is what it was."""

    async def close(self) -> None: ...
