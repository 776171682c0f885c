"""A running application that has an outside provider; hashing passwords is made cheap, and what it costs is tested by itself."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from in_process import House, running_house

from server.accounts import password

sys.path.append(str(Path(__file__).parents[1] / "oauth"))
from oauth_app import make_account, make_client  # the folder of another area
from provider_help import INNER, Idp


@pytest.fixture(scope="session", autouse=True)
def _cheap_outside_passwords() -> Iterator[None]:
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(password, "_hasher", lambda: cheap)
        patch.setattr(password, "_of_nobody", lambda: cheap.hash("nobody"))
        yield


@pytest.fixture
def idp() -> Iterator[Idp]:
    made = Idp()
    made.start()
    yield made
    made.stop()


@pytest.fixture
async def house(_cheap_outside_passwords: None, tmp_path: Path) -> AsyncIterator[House]:
    async with running_house(tmp_path / "data", **INNER) as running:
        await make_client(running)
        await make_account(running)
        yield running
