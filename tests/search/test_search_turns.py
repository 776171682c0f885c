"""A search that looks through many resources leaves others their turn, on both stores."""

from __future__ import annotations

import asyncio
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[1] / "rest"))
from rest_help import bundle, entry
from two_engines import ENGINES, house_on

from server.search import hits
from server.search.hits import FETCHED_AT_ONCE


@pytest.mark.parametrize("engine", ENGINES)
async def test_others_have_their_turn_while_many_are_looked_at(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns, seen = 0, list[int]()
    look = hits._open_hits

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def looked(*given: Any) -> Any:
        seen.append(turns)
        return await look(*given)

    async with house_on(engine, tmp_path / "data") as house, house.client() as client:
        basics = [
            entry("POST", "Basic", {"resourceType": "Basic", "code": {"text": "x"}}) for _ in range(3 * FETCHED_AT_ONCE)
        ]
        assert (await client.post("", json=bundle("transaction", *basics))).status_code == 200
        monkeypatch.setattr(hits, "_open_hits", looked)
        other = asyncio.create_task(others())
        for query in ("_content=nothing", "_sort=code", "_total=accurate&_content=nothing"):
            seen.clear()
            assert (await client.get(f"/Basic?{query}")).status_code == 200
            assert len(seen) >= 3
            assert all(earlier < later for earlier, later in pairwise(seen)), query
        other.cancel()
