"""Helpers of other areas that these tests use too: the MongoDB servers, and requests for prior authorization."""

from __future__ import annotations

import sys
from pathlib import Path

for area in ("store", "pas", "rest"):
    sys.path.append(str(Path(__file__).parents[1] / area))
