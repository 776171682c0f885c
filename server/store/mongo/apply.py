"""What a group of commits writes: each is checked against the state that those before it in the group leave behind.

Nothing here talks to the database, except that `load` reads what the checks need, inside the transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pymongo.asynchronous.client_session import AsyncClientSession

from server.store.blobs import BlobGoneError
from server.store.mongo.blobs import BlobChanges, load_blobs
from server.store.mongo.documents import Document, record_document, version_document
from server.store.mongo.internals import InternalChanges, load_internals
from server.store.mongo.job_changes import JobChanges, load_jobs
from server.store.mongo.schema import Database
from server.store.store import Commit, KeyClaim, KeyHeldError, LostLeaseError, Put, StaleVersionError, editions_of

READ_AT_ONCE: Final = 1000

Refusal = StaleVersionError | KeyHeldError | LostLeaseError | BlobGoneError
REFUSALS: Final = (StaleVersionError, KeyHeldError, LostLeaseError, BlobGoneError)


@dataclass(slots=True)
class Changes:
    """The state that matters to a group, and what the group makes of it."""

    records: dict[bytes, Document] = field(default_factory=dict)
    digests: dict[bytes, bytes] = field(default_factory=dict)
    new: dict[bytes, Document] = field(default_factory=dict)
    changed: dict[bytes, Document] = field(default_factory=dict)
    versions: list[tuple[Document, int]] = field(default_factory=list)
    """What was replaced, and when."""
    erased: list[tuple[int, bool]] = field(default_factory=list)
    """Rows whose earlier versions go, and whether the record goes too."""
    claims: dict[bytes, KeyClaim] = field(default_factory=dict)
    jobs: JobChanges = field(default_factory=JobChanges)
    blobs: BlobChanges = field(default_factory=BlobChanges)
    internals: InternalChanges = field(default_factory=InternalChanges)
    editions: set[str] = field(default_factory=set)
    """The settings whose value is another after it."""

    def add(self, commit: Commit) -> None:
        """Take a commit into the group, or raise what refuses it and leave the group as it was."""
        self._check(commit)
        for put in commit.puts:
            self._put(commit.tenant, put)
        for each in commit.erasures:
            current = self.records.pop(each.key) if each.whole else self.records[each.key]
            self.erased.append((current["_id"], each.whole))
        self.editions |= editions_of(commit)
        for claim in commit.keys:
            self.digests[claim.key] = claim.digest
            self.claims[claim.key] = claim
        self.jobs.add(commit)
        self.blobs.add(commit)
        self.internals.add(commit)

    def _check(self, commit: Commit) -> None:
        written: set[bytes] = set()
        for put in commit.puts:
            current = self.records.get(put.key)
            if (current["v"] if current else 0) != put.version - 1 or put.key in written:
                raise StaleVersionError(put.key)
            written.add(put.key)
        for each in commit.erasures:
            current = self.records.get(each.key)
            just_written = each.key in written or each.key in self.new or each.key in self.changed
            if just_written or (current["v"] if current else 0) != each.version:
                raise StaleVersionError(each.key)
            written.add(each.key)
        claimed: set[bytes] = set()
        for claim in commit.keys:
            if claim.key in claimed or self.digests.get(claim.key) != claim.replaces:
                raise KeyHeldError
            claimed.add(claim.key)
        self.jobs.check(commit)
        self.blobs.check(commit)
        self.internals.check(commit)

    def _put(self, tenant: int, put: Put) -> None:
        """A new record has no row number yet: `number` gives it one."""
        current = self.records.get(put.key)
        if current is None:
            document = self.new[put.key] = record_document(0, tenant, put)
        else:
            document = record_document(current["_id"], current["n"], put)
            self.versions.append((current, put.updated))
            (self.new if put.key in self.new else self.changed)[put.key] = document
        self.records[put.key] = document

    def number(self, rids: Sequence[int]) -> None:
        """Give the new records their row numbers, and their earlier versions in this group as well."""
        for document, rid in zip(self.new.values(), rids, strict=True):
            document["_id"] = rid
        for version, _ in self.versions:
            if version["_id"] == 0:
                version["_id"] = self.new[version["k"]]["_id"]

    def version_documents(self) -> list[Document]:
        return [version_document(record, until) for record, until in self.versions]


async def load(database: Database, session: AsyncClientSession, commits: Iterable[Commit]) -> Changes:
    """Read what the commits stand on: records, holders of keys, fences of jobs. One round trip for most groups."""
    keys: dict[bytes, None] = {}
    claimed: dict[bytes, None] = {}
    for commit in commits:
        keys.update(dict.fromkeys(put.key for put in commit.puts))
        keys.update(dict.fromkeys(each.key for each in commit.erasures))
        claimed.update(dict.fromkeys(claim.key for claim in commit.keys))
    changes = Changes(
        jobs=await load_jobs(database, session, commits),
        blobs=await load_blobs(database, session, commits),
        internals=await load_internals(database, session, commits),
    )
    wanted: list[tuple[str, str, list[Any]]] = [
        ("record", "k", list(keys)),
        ("unique_key", "_id", list(claimed)),
    ]
    for collection, name, values in wanted:
        for start in range(0, len(values), READ_AT_ONCE):
            part: dict[str, Any] = {name: {"$in": values[start : start + READ_AT_ONCE]}}
            async for document in database[collection].find(part, session=session):
                _keep(changes, collection, document)
    return changes


def _keep(changes: Changes, collection: str, document: Document) -> None:
    if collection == "record":
        changes.records[document["k"]] = document
    else:
        changes.digests[document["_id"]] = document["g"]
