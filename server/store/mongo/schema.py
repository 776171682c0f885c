"""The indexes that the store needs: made when it is opened, and checked, so that `/ready` can say which one is missing.

Four indexes of `record` carry a whole search between them:

- `term`: (term, order, row). An all-of over terms is walked along its rarest term in the order of the answer; what asks for
  one term only is answered from the index alone.
- `column_up`, `column_down`: (column, low end, row), both ways, because an index on values of a list cannot be read backwards
  in order. They serve ranges and orders by a column.
- `column_end`: (column, high end), for ranges that only say after when.
- `point`: (column, value), for numbers, which nothing is sorted by.

`timeline`, on `record` and on `version`: (timeline term, time, row and version), the history of a type in its order.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from bson import Binary
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import CollectionInvalid, PyMongoError

from server.store.mongo.documents import Document
from server.store.mongo.migrations import FIRST_VERSION, migrate, newest_version
from server.store.mongo.retry import unavailable

Database = AsyncDatabase[Document]

SCHEMA_VERSION: Final = newest_version()
_SCHEMA: Final = "schema"

TERM: Final = "term"
COLUMN_UP: Final = "column_up"
COLUMN_DOWN: Final = "column_down"
COLUMN_END: Final = "column_end"
POINT: Final = "point"
TIMELINE: Final = "timeline"

_LISTED: Final = {"h": {"$exists": True}}


class MongoSetupError(Exception):
    """This database cannot be used; the message is one sentence for the operator."""


@dataclass(frozen=True, slots=True)
class NeededIndex:
    collection: str
    name: str
    keys: tuple[tuple[str, int], ...]
    options: tuple[tuple[str, Any], ...] = ()


INDEXES: Final = (
    NeededIndex("record", "key", (("k", 1),), (("unique", True), ("sparse", True))),
    NeededIndex("record", TERM, (("t", 1), ("o", -1), ("_id", -1))),
    NeededIndex("record", COLUMN_UP, (("i.c", 1), ("i.l", 1), ("_id", 1))),
    NeededIndex("record", COLUMN_DOWN, (("i.c", 1), ("i.l", -1), ("_id", -1))),
    NeededIndex("record", COLUMN_END, (("i.c", 1), ("i.h", 1))),
    NeededIndex("record", POINT, (("p.c", 1), ("p.l", 1))),
    NeededIndex("record", TIMELINE, (("h", 1), ("u", -1), ("_id", -1)), (("partialFilterExpression", _LISTED),)),
    NeededIndex("version", TIMELINE, (("h", 1), ("u", -1), ("_id", -1)), (("partialFilterExpression", _LISTED),)),
    NeededIndex("job", "due", (("failed", 1), ("due", 1))),
    NeededIndex("job", "owner", (("n", 1), ("owner", 1), ("failed", 1))),
    NeededIndex("job", "handle", (("handle", 1),), (("unique", True), ("sparse", True))),
    NeededIndex("job", "until", (("until", 1),), (("sparse", True),)),
    NeededIndex("internal", "kind", (("n", 1), ("k", 1), ("u", 1), ("_id", 1))),
    NeededIndex("internal", "changed", (("k", 1), ("u", 1), ("_id", 1))),
    NeededIndex("internal", "until", (("x", 1),), (("sparse", True),)),
    NeededIndex("audit", "tenant", (("n", 1), ("_id", -1))),
    NeededIndex("mark", "old", (("at", 1),), (("expireAfterSeconds", 7 * 86400),)),
)
WITHOUT_INDEXES: Final = ("unique_key", "setting", "counter", "upload", "blob", "chunk", "job_part")


async def prepare(database: Database) -> None:
    """Make collections and indexes, and take the steps to the present schema; nothing happens to what is there already.

    Raises MongoSetupError, PyMongoError, StoreUnavailableError.
    """
    version = await _version(database)
    missing = await missing_indexes(database)
    for index in INDEXES:
        if f"{index.collection}.{index.name}" in missing:
            await database[index.collection].create_index(list(index.keys), name=index.name, **dict(index.options))
    there = await database.list_collection_names()
    for name in WITHOUT_INDEXES:
        if name not in there:
            with suppress(CollectionInvalid):  # another server was faster
                await database.create_collection(name)
    reached = await migrate(database, version)
    await database["setting"].update_one({"_id": _SCHEMA}, {"$max": {"value": Binary(reached.to_bytes(4))}}, upsert=True)


async def _version(database: Database) -> int:
    """Raises MongoSetupError for a schema that this program does not know."""
    found = await database["setting"].find_one({"_id": _SCHEMA})
    version = int.from_bytes(found["value"]) if found else FIRST_VERSION
    if version > SCHEMA_VERSION:
        raise MongoSetupError(
            f"The database {database.name} was written by a newer Assent (schema {version}, this one knows {SCHEMA_VERSION})."
        )
    return version


async def missing_indexes(database: Database) -> list[str]:
    """Needed indexes that are not there, or are there with other keys, as `collection.index`. Raises StoreUnavailableError."""
    missing: list[str] = []
    try:
        for collection in dict.fromkeys(index.collection for index in INDEXES):
            there = await database[collection].index_information()
            missing += [
                f"{collection}.{index.name}"
                for index in INDEXES
                if index.collection == collection and not _is(there.get(index.name), index)
            ]
    except PyMongoError as error:
        raise unavailable(error) from error
    return missing


def _is(found: Any, wanted: NeededIndex) -> bool:
    return (
        found is not None
        and tuple((field, direction) for field, direction in found["key"]) == wanted.keys
        and all(found.get(option) == value for option, value in wanted.options)
    )
