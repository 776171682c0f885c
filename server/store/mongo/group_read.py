"""Point reads that are asked for while others are under way share the next question to the database.

A question costs the driver a third of a millisecond, whatever it asks for. A read is never joined to a question that was
sent before it, so that it sees everything that was acknowledged until then.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final

from server.store.mongo.documents import Document, to_record
from server.store.mongo.retry import persist, unavailable
from server.store.mongo.schema import Database
from server.store.store import Record, StoreUnavailableError

AT_ONCE: Final = 64
UNDER_WAY: Final = 2
"""Questions that may be under way together."""

_FIELDS: Final = {"t": 0, "i": 0, "p": 0}


class GroupRead:
    """Current versions by key."""

    def __init__(self, database: Database) -> None:
        self._records = database["record"]
        self._waiting: list[tuple[bytes, asyncio.Future[Document | None]]] = []
        self._readers: set[asyncio.Task[None]] = set()

    async def read(self, key: bytes) -> Record | None:
        """Raises StoreUnavailableError."""
        future: asyncio.Future[Document | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, future))
        if len(self._readers) < UNDER_WAY:
            reader = asyncio.create_task(self._read_waiting())
            self._readers.add(reader)
            reader.add_done_callback(self._readers.discard)
        found = await future
        return to_record(found) if found else None

    async def _read_waiting(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
            failure = unavailable(RuntimeError())
            try:
                found = await persist(partial(self._find, [key for key, _ in group]))
                for key, future in group:
                    if not future.done():
                        future.set_result(found.get(key))
            except StoreUnavailableError as error:
                failure = error  # whoever came meanwhile does not wait as long again for the same answer
                group, self._waiting = [*group, *self._waiting], []
            finally:  # also after a fault of ours: nobody waits for ever
                for _, future in group:
                    if not future.done():
                        future.set_exception(failure)

    async def _find(self, keys: list[bytes]) -> dict[bytes, Document]:
        if len(keys) == 1:
            found = await self._records.find_one({"k": keys[0]}, _FIELDS)
            return {keys[0]: found} if found else {}
        documents = await self._records.find({"k": {"$in": keys}}, _FIELDS).to_list()
        return {document["k"]: document for document in documents}
