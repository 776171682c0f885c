"""An application with people in it. Hashing passwords is made cheap: what it costs is tested by itself."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from in_process import House, running_house
from oauth_app import town

from server.accounts import password

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if "dear_passwords" not in request.keywords:
        monkeypatch.setattr(password, "_hasher", lambda: CHEAP)
        monkeypatch.setattr(password, "_of_nobody", lambda: CHEAP.hash("nobody"))


@pytest.fixture(scope="session")
def town_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with people in it, closed."""
    data = tmp_path_factory.mktemp("town") / "data"

    async def make() -> None:
        async with town(data):
            pass

    asyncio.run(make())
    return data


@pytest.fixture
async def town_house(town_data: Path, tmp_path: Path) -> AsyncIterator[House]:
    data = tmp_path / "data"
    shutil.copytree(town_data, data)
    async with running_house(data) as house:
        yield house
