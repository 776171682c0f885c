"""Ends transactions that a killed server has left open.

MongoDB keeps them for a minute, and with them the documents they wrote: nobody else could commit in that time. A living
server never pauses for a second inside a transaction; if one does, it finds its transaction gone and does it again.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, Final

import pymongo
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

from server.store.mongo.documents import Document

APPLICATION: Final = "assent"
"""The name under which our connections are known to the database."""

IDLE_MICROSECONDS: Final = 1_000_000
SWEEP_SECONDS: Final = 5.0
LOOK_SECONDS: Final = 2.0


async def end_abandoned(client: AsyncMongoClient[Document]) -> int:
    """End our idle transactions; how many there were. Whoever may not look (or the database being away) ends none."""
    with suppress(PyMongoError), pymongo.timeout(LOOK_SECONDS):
        wanted: dict[str, Any] = {
            "type": "idleSession",
            "appName": APPLICATION,
            "transaction.timeInactiveMicros": {"$gt": IDLE_MICROSECONDS},
        }
        look = [{"$currentOp": {"idleSessions": True, "idleConnections": False}}, {"$match": wanted}]
        admin = client.get_database("admin", read_concern=ReadConcern("local"))
        cursor = await admin.aggregate(look)
        sessions = [{"id": found["lsid"]["id"]} async for found in cursor]
        if sessions:
            await admin.command({"killSessions": sessions})
        return len(sessions)
    return 0


async def sweep(client: AsyncMongoClient[Document], closing: asyncio.Event) -> None:
    """For the writes outside transactions that would wait for an abandoned one.

    Ends when `closing` is set and is not to be cancelled: on Python 3.11 the driver loses a cancellation now and then.
    """
    while not closing.is_set():
        await end_abandoned(client)
        with suppress(TimeoutError):
            await asyncio.wait_for(closing.wait(), SWEEP_SECONDS)
