"""Helpers of other areas that these tests use too: an application on either store, the MongoDB server."""

from __future__ import annotations

import sys
from pathlib import Path

for area in ("store", "rest", "oauth"):
    sys.path.append(str(Path(__file__).parents[1] / area))
