"""Helpers of the tests of the store that these tests use too: the MongoDB server."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "store"))
