"""A store of the test's own, of each back end in turn."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from mongod import url_of
from pymongo.asynchronous.database import AsyncDatabase
from store_back_ends import BACK_ENDS

from server.store.mongo.connect import make_client
from server.store.store import Store


@pytest.fixture(params=sorted(BACK_ENDS))
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    """Opens the test's own store; called again after closing, it opens the same data."""
    back_end = BACK_ENDS[request.param]
    return lambda: back_end(tmp_path)


@pytest.fixture
async def store(open_store: Callable[[], Store]) -> AsyncIterator[Store]:
    opened = open_store()
    yield opened
    await opened.close()


@pytest.fixture
async def database() -> AsyncIterator[AsyncDatabase[dict[str, Any]]]:
    """An empty MongoDB database of the test's own."""
    async with make_client(url_of(f"assent_own_{uuid4().hex[:12]}")) as client:
        database = client.get_default_database()
        yield database
        await client.drop_database(database)
