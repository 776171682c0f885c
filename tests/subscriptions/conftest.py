"""Helpers of other areas that these tests use too: either engine, prior authorization requests, mortal servers."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from subscription_help import Hook, running_hook

for area in ("rest", "store", "pas", "durability"):
    sys.path.append(str(Path(__file__).parents[1] / area))


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    async with running_hook() as hook:
        yield hook
