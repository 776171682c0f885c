"""`server.store.upkeep.Upkeep` on the collections of the MongoDB store. Every change may be tried again without harm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pymongo import UpdateOne

from server.store import fail_points
from server.store.mongo.documents import FIRST_ROW, Document, index_fields, intervals_of, part_id, timeline_field, to_record
from server.store.mongo.retry import persist
from server.store.mongo.schema import Database
from server.store.store import Index
from server.store.upkeep import (
    HeldKey,
    KeptJob,
    Listing,
    NewBody,
    NewHolder,
    NewIndex,
    NewInternalBody,
    NewJobBody,
    NewJobPart,
    Rewrite,
    Row,
    Totals,
)

GUARDED_BYTES: Final = 4 * 2**20
"""Larger bodies are not compared: a change may have 16 MB, and the content of a version never differs anyway."""


class MongoUpkeep:
    """Shares the store's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def totals(self) -> Totals:
        return Totals(
            await persist(lambda: self._database["record"].count_documents({"_id": {"$gte": FIRST_ROW}})),
            await self._count("unique_key"),
            await self._count("job"),
            await self._count("audit"),
        )

    async def _count(self, collection: str) -> int:
        return await persist(self._database[collection].estimated_document_count)

    async def rows(self, after: int, limit: int) -> list[Row]:
        found = await self._after("record", max(after, FIRST_ROW - 1), limit)
        return [Row(to_record(document), int(document["n"]), _index(document)) for document in found]

    async def held_keys(self, after: bytes, limit: int) -> list[HeldKey]:
        found = await self._after("unique_key", after, limit)
        return [HeldKey(document["_id"], document["h"]) for document in found]

    async def jobs(self, after: int, limit: int) -> list[KeptJob]:
        found = await self._after("job", after, limit)
        return [KeptJob(int(document["_id"]), document["n"], document["kind"], document["b"]) for document in found]

    async def _after(self, collection: str, after: int | bytes, limit: int) -> list[Document]:
        wanted = {"_id": {"$gt": after}}
        return await persist(lambda: self._database[collection].find(wanted, sort=[("_id", 1)], limit=limit).to_list())

    async def rewrite(self, rewrites: Sequence[Rewrite]) -> None:
        """A record first, then the version that it may have become meanwhile."""
        bodies = [item for item in rewrites if isinstance(item, NewBody)]
        await self._update(
            "record", [_update({"_id": item.rid, "v": item.version}, "b", item.old, item.new) for item in bodies]
        )
        fail_points.reach("mongodb-25-records-resealed")
        await self._update(
            "version",
            [_update({"_id": {"r": item.rid, "v": item.version}}, "b", item.old, item.new) for item in bodies],
        )
        holders = [item for item in rewrites if isinstance(item, NewHolder)]
        await self._update("unique_key", [_update({"_id": item.key}, "h", item.old, item.new) for item in holders])
        jobs = [item for item in rewrites if isinstance(item, NewJobBody)]
        await self._update("job", [_update({"_id": item.id}, "b", item.old, item.new) for item in jobs])
        parts = [item for item in rewrites if isinstance(item, NewJobPart)]
        named = [_update({"_id": part_id(item.job, item.number)}, "b", item.old, item.new) for item in parts]
        await self._update("job_part", named)
        own = [item for item in rewrites if isinstance(item, NewInternalBody)]
        await self._update("internal", [_update({"_id": item.key}, "b", item.old, item.new) for item in own])
        fail_points.reach("mongodb-26-batch-resealed")

    async def reindex(self, entries: Sequence[NewIndex]) -> None:
        await self._update(
            "record",
            [
                UpdateOne(
                    {"_id": entry.rid, "v": entry.version},
                    {"$set": {**index_fields(entry.index), **timeline_field(entry.index.timeline)}},
                )
                for entry in entries
            ],
        )
        fail_points.reach("mongodb-27-reindexed")

    async def _update(self, collection: str, updates: list[UpdateOne]) -> None:
        if updates:
            await persist(lambda: self._database[collection].bulk_write(updates, ordered=False))

    async def list_versions(self, listings: Sequence[Listing]) -> None:
        await self._update("record", [_listing({"_id": item.rid, "v": item.version}, item) for item in listings])
        await self._update("version", [_listing({"_id": {"r": item.rid, "v": item.version}}, item) for item in listings])

    async def unlisted(self, listings: Sequence[Listing]) -> list[Listing]:
        current = {"_id": {"$in": [item.rid for item in listings]}}
        earlier = {"_id": {"$in": [{"r": item.rid, "v": item.version} for item in listings]}}
        fields = {"v": 1, "h": 1}
        records = await persist(lambda: self._database["record"].find(current, fields).to_list())
        versions = await persist(lambda: self._database["version"].find(earlier, fields).to_list())
        listed = {(int(found["_id"]), int(found["v"])): found.get("h", ()) for found in records}
        listed |= {(int(found["_id"]["r"]), int(found["_id"]["v"])): found.get("h", ()) for found in versions}
        return [item for item in listings if not set(item.terms) <= set(listed.get((item.rid, item.version), ()))]

    async def index_audit_anew(self, entries: Sequence[tuple[int, Index]]) -> None:
        updates = [UpdateOne({"_id": rid}, {"$set": index_fields(index)}, upsert=True) for rid, index in entries]
        await self._update("record", updates)

    async def drop_audit(self, entries: Sequence[tuple[int, Index]], through_seq: int) -> None:
        """What is found first, then the batches: whoever dies between the two leaves batches for the next one."""
        rids = [rid for rid, _ in entries]
        await persist(lambda: self._database["record"].delete_many({"_id": {"$in": rids, "$lt": FIRST_ROW}}))
        await persist(lambda: self._database["audit"].delete_many({"_id": {"$lte": through_seq}}))

    async def unfindable(self, rows: Sequence[Row]) -> set[int]:
        """A document and its index keys cannot differ: the engine keeps them."""
        return set()

    async def damage(self) -> list[str]:
        """The engine's own check (`validate`) holds a collection's lock while it runs; it is left to the operator."""
        return []


def _listing(which: dict[str, Any], item: Listing) -> UpdateOne:
    ends: dict[str, Any] = {} if item.until is None else {"$set": {"e": item.until}}
    return UpdateOne(which, {"$addToSet": {"h": {"$each": list(item.terms)}}, **ends})


def _update(which: dict[str, Any], field: str, old: bytes, new: bytes) -> UpdateOne:
    guard = {field: old} if len(old) <= GUARDED_BYTES else {}
    return UpdateOne({**which, **guard}, {"$set": {field: new}})


def _index(document: Document) -> Index:
    intervals = intervals_of(document)
    return Index(int(document["o"]), tuple(int(term) for term in document["t"]), intervals)
