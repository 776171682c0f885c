"""The `Store` on MongoDB: reads from the primary what a majority has, writes through `GroupCommit`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from bson import Binary
from pymongo import AsyncMongoClient, ReturnDocument
from pymongo.errors import BulkWriteError, DuplicateKeyError

from server.store import fail_points
from server.store.algebra import Clause, Hit, Plan
from server.store.blobs import Blobs
from server.store.internal import Internals
from server.store.jobs import Jobs
from server.store.mongo import find as search
from server.store.mongo import timeline
from server.store.mongo.abandoned import sweep
from server.store.mongo.blobs import MongoBlobs
from server.store.mongo.documents import Document, index_fields, to_audit_batch, to_old_version, to_record
from server.store.mongo.group_commit import MAX_PUTS, GroupCommit
from server.store.mongo.group_read import GroupRead
from server.store.mongo.internals import MongoInternals
from server.store.mongo.jobs import MongoJobs
from server.store.mongo.rarity import Rarity
from server.store.mongo.retry import persist
from server.store.mongo.schema import Database, missing_indexes
from server.store.mongo.transaction import Transactions
from server.store.mongo.upkeep import MongoUpkeep
from server.store.store import AuditBatch, AuditSealer, Commit, Edition, Index, Record, edition_setting
from server.store.timeline import Timeline, TimelinePage
from server.store.upkeep import Upkeep

_WATERMARK: Final = "audit-watermark"
_DUPLICATE: Final = 11000


class MongoStore:
    """Implements `server.store.store.Store`. Made by `server.store.mongo.connect.open_store`; belongs to one event loop."""

    def __init__(self, client: AsyncMongoClient[Document], database: Database, seal_audit: AuditSealer) -> None:
        self._client = client
        self._database = database
        self._group = GroupCommit(Transactions(client, database, seal_audit))
        self.upkeep: Upkeep = MongoUpkeep(database)
        self.jobs: Jobs = MongoJobs(database)
        self.blobs: Blobs = MongoBlobs(database)
        self.internals: Internals = MongoInternals(database)
        self._reads = GroupRead(database)
        self._rarity = Rarity(database)
        self._closing = asyncio.Event()
        self._sweeper = asyncio.create_task(sweep(client, self._closing))

    async def commit(self, commit: Commit) -> None:
        await self._group.commit(commit)

    @property
    def largest_commit(self) -> int:
        return MAX_PUTS

    async def settle(self) -> None:
        """MongoDB sees to it."""

    async def read(self, key: bytes) -> Record | None:
        return await self._reads.read(key)

    async def read_version(self, key: bytes, version: int) -> Record | None:
        current = await self.read(key)
        if current is None or current.version == version:
            return current
        identity = {"r": current.rid, "v": version}
        found = await persist(lambda: self._database["version"].find_one({"_id": identity}))
        return to_old_version(key, found) if found else None

    async def history(self, key: bytes, before_version: int | None, limit: int) -> list[Record]:
        current = await self.read(key)
        if current is None:
            return []
        before = current.version + 1 if before_version is None else before_version
        records = [current] if current.version < before else []
        first, end = {"r": current.rid, "v": 0}, {"r": current.rid, "v": min(before, current.version)}
        wanted = {"_id": {"$gt": first, "$lt": end}}
        found = await persist(lambda: self._database["version"].find(wanted, sort=[("_id", -1)], limit=limit).to_list())
        return (records + [to_old_version(key, document) for document in found])[:limit]

    async def timeline(self, plan: Timeline) -> TimelinePage:
        return await persist(lambda: timeline.page(self._database, plan))

    async def find(self, plan: Plan) -> list[Hit]:
        return await persist(lambda: search.find(self._database, self._rarity, plan))

    async def count(self, clauses: Sequence[Clause], limit: int) -> int:
        return await persist(lambda: search.count(self._database, self._rarity, clauses, limit))

    async def fetch(self, rids: Sequence[int]) -> dict[int, Record]:
        """For the rows of one page."""
        wanted = {"_id": {"$in": list(rids)}, "k": {"$exists": True}}
        found = await persist(lambda: self._database["record"].find(wanted, {"t": 0, "i": 0, "p": 0}).to_list())
        records = {int(document["_id"]): to_record(document) for document in found}
        return {rid: records[rid] for rid in rids if rid in records}

    async def key_holder(self, key: bytes) -> bytes | None:
        found = await persist(lambda: self._database["unique_key"].find_one({"_id": key}))
        return found["h"] if found else None

    async def edition(self, tenant: int, of: Edition = "definitions") -> bytes:
        return await self.get_setting(edition_setting(tenant, of)) or b""

    async def audit_batches(self, after_seq: int, limit: int) -> list[AuditBatch]:
        wanted = {"_id": {"$gt": after_seq}}
        found = await persist(lambda: self._database["audit"].find(wanted, sort=[("_id", 1)], limit=limit).to_list())
        return [to_audit_batch(document) for document in found]

    async def audit_batch(self, seq: int) -> AuditBatch | None:
        found = await persist(lambda: self._database["audit"].find_one({"_id": seq}))
        return to_audit_batch(found) if found else None

    async def index_audit(self, entries: Sequence[tuple[int, Index]], through_seq: int) -> None:
        """The entries, then the watermark: whoever dies between the two leaves entries that the next one finds made."""
        documents = [{"_id": rid, **index_fields(index)} for rid, index in entries]
        if documents:
            await persist(lambda: self._insert_missing(documents))
            fail_points.reach("mongodb-23-audit-indexed")
        await persist(
            lambda: self._database["setting"].update_one(
                {"_id": _WATERMARK}, {"$max": {"value": Binary(through_seq.to_bytes(8))}}, upsert=True
            )
        )

    async def _insert_missing(self, documents: list[Document]) -> None:
        try:
            await self._database["record"].insert_many(documents, ordered=False)
        except BulkWriteError as error:
            if any(item["code"] != _DUPLICATE for item in error.details["writeErrors"]):
                raise

    async def audit_watermark(self) -> tuple[int, int]:
        mark = await self.get_setting(_WATERMARK)
        last = await persist(lambda: self._database["audit"].find_one({}, {"_id": 1}, sort=[("_id", -1)]))
        return int.from_bytes(mark or b""), int(last["_id"]) if last else 0

    async def get_setting(self, name: str) -> bytes | None:
        found = await persist(lambda: self._database["setting"].find_one({"_id": name}))
        return found["value"] if found else None

    async def put_setting(
        self, name: str, value: bytes, *, only_if_absent: bool = False, replaces: bytes | None = None
    ) -> bytes:
        if replaces is not None:
            wanted = {"_id": name, "value": replaces}
            await persist(lambda: self._database["setting"].update_one(wanted, {"$set": {"value": value}}))
            return await self.get_setting(name) or value
        change = {"$setOnInsert" if only_if_absent else "$set": {"value": value}}

        async def put() -> Any:
            try:
                return await self._database["setting"].find_one_and_update(
                    {"_id": name}, change, upsert=True, return_document=ReturnDocument.AFTER
                )
            except DuplicateKeyError:  # another inserted it in the same moment: now it is there
                return await self._database["setting"].find_one_and_update(
                    {"_id": name}, change, return_document=ReturnDocument.AFTER
                )

        found: Document = await persist(put)
        fail_points.reach("mongodb-24-setting-put")
        stored: bytes = found["value"]
        return stored

    async def missing_indexes(self) -> list[str]:
        """Indexes that should be there and are not, as `collection.index`. Raises StoreUnavailableError."""
        return await missing_indexes(self._database)

    async def close(self) -> None:
        self._closing.set()
        await self._group.close()
        await self._client.close()
        await self._sweeper
