"""A running application for SCIM; hashing passwords is made cheap, and what it costs is tested by itself."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from argon2 import PasswordHasher
from in_process import House, running_house

from server.accounts import password

sys.path.append(str(Path(__file__).parents[1] / "oauth"))  # oauth_app, of another area


@pytest.fixture(scope="session", autouse=True)
def _cheap_scim_passwords() -> Iterator[None]:
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(password, "_hasher", lambda: cheap)
        patch.setattr(password, "_of_nobody", lambda: cheap.hash("nobody"))
        yield


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_house(_cheap_scim_passwords: None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """For all tests of a module: each makes users of its own. They need `pytest.mark.asyncio(loop_scope="module")`."""
    async with running_house(tmp_path_factory.mktemp("scim") / "data") as house:
        yield house


@pytest.fixture
async def house(_cheap_scim_passwords: None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with running_house(tmp_path_factory.mktemp("scim") / "data") as running:
        yield running
