"""The back ends that the contract suite runs against. A new one is one more entry of BACK_ENDS."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mongod import mongodb_url

from server.audit.record import encode_batch
from server.store.mongo.connect import make_client
from server.store.mongo.mongo_store import MongoStore
from server.store.mongo.schema import prepare
from server.store.sqlite.sqlite_store import FILE_NAME, SqliteStore
from server.store.store import Store

DATABASE = "assent_contract"

_shown: list[Path] = []
"""The folder whose data the database holds now: another folder begins with an empty database."""


def seal_plainly(tenant: int, seq: int, before: bytes, records: Sequence[bytes]) -> bytes:
    """Stands for sealing: the store cannot tell, and the tests can read it."""
    return f"{tenant}/{seq}/".encode() + encode_batch(list(records))


def open_sqlite(folder: Path) -> Store:
    return SqliteStore(folder / FILE_NAME, seal_plainly)


def open_mongodb(folder: Path) -> MongoStore:
    """One database serves all folders in turn: emptying it takes milliseconds, and making its indexes does not."""
    url = mongodb_url()
    if _shown != [folder]:
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, _begin_anew(url)).result()
        _shown[:] = [folder]
    client = make_client(url)
    return MongoStore(client, client[DATABASE], seal_plainly)


async def _begin_anew(url: str) -> None:
    async with make_client(url) as client:
        database = client[DATABASE]
        for name in await database.list_collection_names():
            if not name.startswith("system."):
                await database[name].delete_many({})
        await prepare(database)


BACK_ENDS: dict[str, Callable[[Path], Store]] = {"mongodb": open_mongodb, "sqlite": open_sqlite}
