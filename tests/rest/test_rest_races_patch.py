"""One of 64 patches by criteria that test what they change wins, in every round, on both stores."""

from __future__ import annotations

from pathlib import Path

import pytest
from races import patch_round, play_on
from two_engines import ENGINES


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
async def test_one_of_64_wins_in_every_round(engine: str, tmp_path: Path) -> None:
    await play_on(engine, tmp_path / "data", patch_round)
