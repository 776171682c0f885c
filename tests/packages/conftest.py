"""An empty application on each engine in turn."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from in_process import House, running_house

from server.store.mongo.connect import make_client

sys.path.append(str(Path(__file__).parents[1] / "store"))


@pytest.fixture(params=["mongodb", "sqlite"])
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    if request.param == "sqlite":
        async with running_house(tmp_path / "data") as house:
            yield house
        return
    from mongod import url_of  # where the path above leads

    url = url_of(f"assent_packages_{uuid4().hex[:12]}")
    async with running_house(tmp_path / "data", ASSENT_STORE=url) as house:
        yield house
    async with make_client(url) as client:
        await client.drop_database(client.get_default_database())
