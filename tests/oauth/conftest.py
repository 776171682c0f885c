"""An application with people in it. Hashing passwords is made cheap: what it costs is tested by itself."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from argon2 import PasswordHasher
from in_process import House, running_house
from oauth_app import town

from server.accounts import password

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture(scope="session", autouse=True)
def _cheap_passwords() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(password, "_hasher", lambda: CHEAP)
        patch.setattr(password, "_of_nobody", lambda: CHEAP.hash("nobody"))
        yield


@pytest.fixture(scope="session")
def town_data(_cheap_passwords: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
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


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_house(town_data: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """For tests that change nothing of what others look at. They need `pytest.mark.asyncio(loop_scope="module")`."""
    data = tmp_path_factory.mktemp("shared") / "data"
    shutil.copytree(town_data, data)
    async with running_house(data) as house:
        yield house
