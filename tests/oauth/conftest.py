"""An application with people in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from in_process import House
from oauth_app import town


@pytest.fixture
async def town_house(tmp_path: Path) -> AsyncIterator[House]:
    async with town(tmp_path / "data") as house:
        yield house
