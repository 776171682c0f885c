"""`server.store.internal` on a collection of the MongoDB store: what a group of commits does to it, and how it is read.

A document: `_id` key, `n` tenant, `k` kind, `v` version, `u` updated, `x` until when (absent: for ever), `b` sealed body.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pymongo import DeleteOne, ReplaceOne
from pymongo.asynchronous.client_session import AsyncClientSession

from server.store import fail_points
from server.store.internal import Drop, Internal, Keep
from server.store.mongo.documents import Document
from server.store.mongo.retry import persist
from server.store.mongo.schema import Database
from server.store.store import Commit, StaleVersionError

COLLECTION = "internal"


@dataclass(slots=True)
class InternalChanges:
    """`versions` are those that are there, with what the group has made of them; `changes` the last one for each key."""

    versions: dict[bytes, int] = field(default_factory=dict)
    changes: dict[bytes, tuple[int, Keep | Drop]] = field(default_factory=dict)

    def check(self, commit: Commit) -> None:
        """Raises StaleVersionError, and leaves the group as it was."""
        seen: set[bytes] = set()
        for change in commit.internals:
            wanted = change.version - 1 if isinstance(change, Keep) else change.version
            if self.versions.get(change.key, 0) != wanted or change.key in seen:
                raise StaleVersionError(change.key)
            seen.add(change.key)

    def add(self, commit: Commit) -> None:
        """Take in what was checked."""
        for change in commit.internals:
            self.versions[change.key] = change.version if isinstance(change, Keep) else 0
            self.changes[change.key] = (commit.tenant, change)


async def load_internals(database: Database, session: AsyncClientSession, commits: Iterable[Commit]) -> InternalChanges:
    """No round trip for commits without any."""
    keys = list({change.key for commit in commits for change in commit.internals})
    if not keys:
        return InternalChanges()
    found = await database[COLLECTION].find({"_id": {"$in": keys}}, {"v": 1}, session=session).to_list()
    return InternalChanges({bytes(document["_id"]): int(document["v"]) for document in found})


async def write_internals(database: Database, session: AsyncClientSession, changes: InternalChanges) -> None:
    """Inside the transaction: two servers that change the same record write the same document, and one of them is refused."""
    if changes.changes:
        writes: list[ReplaceOne[Document] | DeleteOne] = [
            ReplaceOne({"_id": key}, to_document(tenant, change), upsert=True)
            if isinstance(change, Keep)
            else DeleteOne({"_id": key})
            for key, (tenant, change) in changes.changes.items()
        ]
        await database[COLLECTION].bulk_write(writes, session=session)
        fail_points.reach("mongodb-16-internals-changed")


class MongoInternals:
    """Shares the store's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, key: bytes) -> Internal | None:
        found = await persist(lambda: self._database[COLLECTION].find_one({"_id": key}))
        return to_internal(found) if found else None

    async def listed(self, tenant: int | None, kind: str, since: int, after: bytes, limit: int) -> Sequence[Internal]:
        wanted = {"k": kind, "$or": [{"u": {"$gt": since}}, {"u": since, "_id": {"$gt": after}}]}
        whose = {} if tenant is None else {"n": tenant}
        return await self._found(whose | wanted, [("u", 1), ("_id", 1)], limit)

    async def all(self, after: bytes, limit: int) -> Sequence[Internal]:
        return await self._found({"_id": {"$gt": after}}, [("_id", 1)], limit)

    async def forget(self, before: int, limit: int) -> int:
        old = {"x": {"$gt": 0, "$lt": before}}
        collection = self._database[COLLECTION]
        found = await persist(lambda: collection.find(old, {"_id": 1}, limit=limit).to_list())
        if not found:
            return 0
        keys = [document["_id"] for document in found]
        return (await persist(lambda: collection.delete_many({"_id": {"$in": keys}, **old}))).deleted_count

    async def _found(self, wanted: dict[str, Any], order: list[tuple[str, int]], limit: int) -> list[Internal]:
        collection = self._database[COLLECTION]
        return [
            to_internal(item) for item in await persist(lambda: collection.find(wanted, sort=order, limit=limit).to_list())
        ]


def to_document(tenant: int, keep: Keep) -> Document:
    document: Document = {
        "_id": keep.key, "n": tenant, "k": keep.kind, "v": keep.version, "u": keep.updated, "b": keep.body,
    }  # fmt: skip
    return {**document, "x": keep.until} if keep.until else document


def to_internal(document: Document) -> Internal:
    return Internal(
        bytes(document["_id"]),
        int(document["n"]),
        document["k"],
        int(document["v"]),
        int(document["u"]),
        int(document.get("x", 0)),
        bytes(document["b"]),
    )
