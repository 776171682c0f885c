"""`server.store.blobs.Blobs` on three collections of the MongoDB store.

| collection | `_id` | fields |
| --- | --- | --- |
| `upload` | blob | `n` tenant, `u` when it was begun, `x`: it is on its way out |
| `blob` | blob | `n`, `c` chunks, `s` size: what commits made current |
| `chunk` | `{b: blob, i: number}` | `d` sealed bytes |

A commit moves the document from `upload` to `blob` inside its transaction; whoever takes an upload away marks it first. The two
write the same document, so that only one of them takes place.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from bson import MaxKey, MinKey
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import DuplicateKeyError

from server.store import fail_points
from server.store.blobs import CHUNKS_AT_MOST, BlobGoneError, KeptBlob, NewBlob
from server.store.mongo.documents import Document
from server.store.mongo.retry import persist
from server.store.mongo.schema import Database
from server.store.store import Commit


class MongoBlobs:
    """Shares the store's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, blob: bytes, tenant: int, now: int) -> None:
        await self._insert("upload", {"_id": blob, "n": tenant, "u": now})

    async def put(self, blob: bytes, number: int, chunk: bytes) -> None:
        """Whether the upload is still there is left to the commit: asking here would double the round trips."""
        if not 0 <= number < CHUNKS_AT_MOST:
            raise ValueError("A blob does not have so many chunks.")
        await self._insert("chunk", {"_id": {"b": blob, "i": number}, "d": chunk})
        fail_points.reach("mongodb-28-chunk-put")

    async def _insert(self, collection: str, document: Document) -> None:
        """Ids are random and have one owner: what is there already was inserted by the try before."""

        async def insert() -> None:
            try:
                await self._database[collection].insert_one(document)
            except DuplicateKeyError:
                return

        await persist(insert)

    async def read(self, blob: bytes, number: int) -> bytes | None:
        found = await persist(lambda: self._database["chunk"].find_one({"_id": {"b": blob, "i": number}}))
        return found["d"] if found else None

    async def discard(self, blob: bytes) -> bool:
        going = {"$set": {"x": True}}
        marked = await persist(lambda: self._database["upload"].update_one({"_id": blob}, going))
        if not marked.matched_count:
            if not await persist(lambda: self._database["blob"].find_one({"_id": blob}, {"_id": 1})):
                await self._remove_chunks(blob)  # put by a slow sender when the rest was swept
            return False
        await self._remove_chunks(blob)
        await persist(lambda: self._database["upload"].delete_one({"_id": blob}))
        return True

    async def sweep(self, before: int, limit: int) -> int:
        """Uploads are few: what is current is in another collection."""
        old = {"u": {"$lt": before}}
        found = await persist(lambda: self._database["upload"].find(old, {"_id": 1}, limit=limit).to_list())
        return sum([await self.discard(document["_id"]) for document in found])

    async def remove(self, blob: bytes) -> None:
        if not await self.discard(blob):
            await persist(lambda: self._database["blob"].delete_one({"_id": blob}))
            await self._remove_chunks(blob)

    async def _remove_chunks(self, blob: bytes) -> None:
        await persist(lambda: self._database["chunk"].delete_many(chunks_of(blob)))
        fail_points.reach("mongodb-29-chunks-removed")

    async def listed(self, after: bytes, limit: int) -> list[KeptBlob]:
        kept = await self._behind("blob", after, limit)
        uploads = await self._behind("upload", after, limit)
        found = sorted([*kept, *uploads], key=lambda document: bytes(document["_id"]))
        return [await self._kept(document, "c" not in document) for document in found[:limit]]

    async def _behind(self, collection: str, after: bytes, limit: int) -> list[Document]:
        behind = {"_id": {"$gt": after}}
        return await persist(lambda: self._database[collection].find(behind, sort=[("_id", 1)], limit=limit).to_list())

    async def _kept(self, document: Document, upload: bool) -> KeptBlob:
        held = await persist(lambda: self._database["chunk"].count_documents(chunks_of(document["_id"])))
        return KeptBlob(document["_id"], document["n"], document.get("c", 0), document.get("s", 0), held, upload)


def chunks_of(blob: bytes) -> dict[str, Any]:
    """The condition for a blob's chunks."""
    return {"_id": {"$gt": {"b": blob, "i": MinKey()}, "$lt": {"b": blob, "i": MaxKey()}}}


@dataclass(slots=True)
class BlobChanges:
    """What a group of commits makes current. `uploads` are those that may be."""

    uploads: set[bytes] = field(default_factory=set)
    kept: list[tuple[int, NewBlob]] = field(default_factory=list)

    def check(self, commit: Commit) -> None:
        """Raises BlobGoneError unless each is an upload, and named once."""
        ids = {blob.id for blob in commit.blobs}
        if not ids <= self.uploads or len(ids) < len(commit.blobs):
            raise BlobGoneError

    def add(self, commit: Commit) -> None:
        """Take in what was checked."""
        self.kept += [(commit.tenant, blob) for blob in commit.blobs]
        self.uploads -= {blob.id for blob in commit.blobs}


async def load_blobs(database: Database, session: AsyncClientSession, commits: Iterable[Commit]) -> BlobChanges:
    """No round trip for commits without blobs."""
    ids = [blob.id for commit in commits for blob in commit.blobs]
    if not ids:
        return BlobChanges()
    wanted = {"_id": {"$in": ids}, "x": {"$exists": False}}
    found = await database["upload"].find(wanted, {"_id": 1}, session=session).to_list()
    return BlobChanges({bytes(document["_id"]) for document in found})


async def write_blobs(database: Database, session: AsyncClientSession, changes: BlobChanges) -> None:
    """Inside the transaction."""
    if changes.kept:
        documents = [{"_id": blob.id, "n": tenant, "c": blob.chunks, "s": blob.size} for tenant, blob in changes.kept]
        await database["upload"].delete_many({"_id": {"$in": [blob.id for _, blob in changes.kept]}}, session=session)
        await database["blob"].insert_many(documents, session=session)
        fail_points.reach("mongodb-15-blob-kept")
