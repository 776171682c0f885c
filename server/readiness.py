"""`/ready`: whether the store answers a read, takes a write and has its indexes. Answers in seconds, whatever the store does.

There is one question at a time: who asks while one is under way gets its answer, so that impatient probes do not pile up.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

from server.store.open import OpenedStore
from server.store.store import StoreUnavailableError
from server.store.trouble import in_words

PATIENCE: Final = 5.0
"""Seconds after which a store that has not answered counts as one that does not."""

State = dict[str, str | list[str]]


class Readiness:
    """`look` says what is wrong; an empty answer is a good one."""

    def __init__(self, opened: OpenedStore) -> None:
        self._opened = opened
        self._question: asyncio.Task[State] | None = None

    async def look(self) -> State:
        if self._question is None or self._question.done():
            self._question = asyncio.create_task(self._ask())
        question = self._question
        await asyncio.wait([question], timeout=PATIENCE)
        if not question.done():
            return {"store": in_words(StoreUnavailableError("No answer yet.", "slow"))}
        return question.result()

    async def _ask(self) -> State:
        try:
            # never the same twice: what changes nothing is not written
            await self._opened.store.put_setting("ready", time.time_ns().to_bytes(8))
            missing = await self._opened.missing_indexes()
        except StoreUnavailableError as error:
            return {"store": in_words(error)}
        return {"store": "lacks indexes; a restart of the server makes them", "missing": missing} if missing else {}
