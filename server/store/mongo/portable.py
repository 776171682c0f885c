"""`server.store.portable` on MongoDB: a moment is a snapshot session, in which every question is answered as of one time.

The database keeps a moment for five minutes (its parameter `minSnapshotHistoryWindowInSeconds`); a copy that takes longer is
refused by it, and says so. What is taken in goes into an empty database, under a mark that it is no store yet.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from typing import Final

from bson import Binary
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure, PyMongoError

from server.store.mongo.blobs import chunks_of
from server.store.mongo.documents import FIRST_ROW, Document
from server.store.mongo.portable_rows import READ, WRITE, with_ends, with_timelines
from server.store.mongo.retry import UNWRITABLE, persist
from server.store.mongo.schema import Database, MongoSetupError
from server.store.portable import Batch, PortableError, Rows, Section, kept_settings
from server.store.store import StoreUnavailableError

UNFINISHED: Final = "restoring"
"""The setting of a database that is being filled."""

_TOO_LATE: Final = 239
COLLECTIONS: Final = (
    "record",
    "version",
    "unique_key",
    "job",
    "job_part",
    "audit",
    "setting",
    "counter",
    "mark",
    "blob",
    "upload",
    "chunk",
    "internal",
)
_NUMBERED: Final = {"resource": ("record", FIRST_ROW), "job": ("job", 1)}
"""Sections whose rows have numbers that are given out: the name of the counter, and the first number."""


class MongoSource:
    """Close it when done."""

    def __init__(self, client: AsyncMongoClient[Document], database: Database) -> None:
        self._client = client
        self._database = database
        self._session = client.start_session(snapshot=True)

    async def rows(self, section: Section) -> AsyncIterator[Rows]:
        batch = Batch()
        try:
            for collection, read in READ[section.name]:
                async for document in self._documents(collection):
                    for fields in read(document):
                        batch.add(tuple(fields[name] for name in section.fields))
                    if batch.is_full:
                        yield batch.rows
                        batch = Batch()
        except PyMongoError as error:
            raise _in_a_sentence(error) from error
        yield kept_settings(batch.rows) if section.name == "setting" else batch.rows

    async def _documents(self, collection: str) -> AsyncIterator[Document]:
        """In the order of their keys; of the chunks only those of blobs that commits made current."""
        documents = self._database[collection]
        if collection != "chunk":
            wanted = {"_id": {"$gte": FIRST_ROW}} if collection == "record" else {}
            async for document in documents.find(wanted, sort=[("_id", 1)], session=self._session):
                yield document
            return
        async for blob in self._documents("blob"):
            async for document in documents.find(chunks_of(blob["_id"]), sort=[("_id", 1)], session=self._session):
                yield document

    async def close(self) -> None:
        await self._session.end_session()
        await self._client.close()


class MongoTarget:
    """A database that `schema.prepare` has made ready and that holds nothing, or what a restore that was broken off left."""

    def __init__(self, client: AsyncMongoClient[Document], database: Database) -> None:
        self._client = client
        self._database = database
        self._next: dict[str, int] = {}

    async def begin(self) -> None:
        """Raises MongoSetupError for a database that holds something, StoreUnavailableError."""
        if await persist(lambda: self._database["setting"].find_one({"_id": UNFINISHED})) is not None:
            await self._empty()
        elif not await self._is_empty():
            raise MongoSetupError(
                f"The database {self._database.name} is not empty: name another one, or drop this one in mongosh first."
            )
        mark = {"$set": {"value": Binary(b"1")}}
        await persist(lambda: self._database["setting"].update_one({"_id": UNFINISHED}, mark, upsert=True))

    async def _is_empty(self) -> bool:
        for name in COLLECTIONS:
            wanted = {"_id": {"$nin": ["schema", "ready"]}}
            if await persist(partial(self._database[name].find_one, wanted, {"_id": 1})):
                return False
        return True

    async def take(self, section: Section, rows: Rows) -> None:
        if not rows:
            return
        fields = [dict(zip(section.fields, row, strict=True)) for row in rows]
        try:
            if section.name == "timeline":
                current, earlier = with_timelines(fields)
                found = await self._database["record"].bulk_write(current, ordered=False)
                if found.matched_count < len(current):
                    await self._database["version"].bulk_write(earlier, ordered=False)
            else:
                collection, write = WRITE[section.name]
                documents = [write(row) for row in fields]
                if section.name == "version":
                    await with_ends(self._database, documents)
                await self._database[collection].insert_many(documents, ordered=False)
                self._count(section.name, documents)
        except (PyMongoError, *UNWRITABLE) as error:
            raise _in_a_sentence(error) from error

    def _count(self, name: str, documents: list[Document]) -> None:
        if name in _NUMBERED:
            counter, first = _NUMBERED[name]
            self._next[counter] = max(document["_id"] for document in documents) - first + 1

    async def finish(self) -> None:
        """Raises PortableError; then `abandon` is still to be called."""
        try:
            for name, following in self._next.items():
                await self._database["counter"].insert_one({"_id": name, "next": following})
            await self._database["setting"].delete_one({"_id": UNFINISHED})
        except PyMongoError as error:
            raise _in_a_sentence(error) from error
        await self._client.close()

    async def abandon(self) -> None:
        """What cannot be taken away stays under its mark, and the next restore takes it away."""
        with suppress(StoreUnavailableError):
            await self._empty()
            await persist(lambda: self._database["setting"].delete_one({"_id": UNFINISHED}))
        await self._client.close()

    async def _empty(self) -> None:
        for name in COLLECTIONS:
            kept = {"_id": {"$nin": ["schema", UNFINISHED]}} if name == "setting" else {}
            await persist(partial(self._database[name].delete_many, kept))


async def check_finished(database: Database) -> None:
    """Raises MongoSetupError for what a restore that was broken off left, PyMongoError."""
    if await database["setting"].find_one({"_id": UNFINISHED}) is not None:
        raise MongoSetupError(
            f"The database {database.name} holds half of a backup: run `assent restore` again, or drop it in mongosh."
        )


def _in_a_sentence(error: Exception) -> PortableError:
    if isinstance(error, OperationFailure) and error.code == _TOO_LATE:
        return PortableError(
            "The copy took longer than the database keeps one moment: let it keep moments longer "
            "(minSnapshotHistoryWindowInSeconds), or use its own tools (mongodump --oplog)."
        )
    return PortableError(f"The database did not do it ({type(error).__name__}).")
